"""Scores of readers on sets of pictures: each reader at its best mode, sets added up to folders."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ocr_pictures import LineSet
from ocr_readers import Attempt, Engine

from lipiyana.ocr.training.metrics import TextScore, score_texts

ALL = "all"
"""Script of a row that adds up a folder's scripts."""


@dataclass(frozen=True, slots=True)
class Row:
    """One reader on one set of pictures.

    Attributes:
        name: folder of the pictures, or "rendered".
        kind: "real" or "rendered".
        script: ISO 15924 code, or `ALL`.
        engine: name of the reader.
        attempt: what it read, in the mode that had the lowest CER.
        pairs: (truth, read) as they were compared.
        score: CER and share of exact lines.
    """

    name: str
    kind: str
    script: str
    engine: str
    attempt: Attempt
    pairs: tuple[tuple[str, str], ...]
    score: TextScore

    def as_json(self) -> dict[str, Any]:
        """All figures, without the texts."""
        return {
            "set": self.name,
            "kind": self.kind,
            "script": self.script,
            "reader": self.engine,
            "mode": self.attempt.mode,
            "milliseconds": self.attempt.milliseconds,
            "model_bytes": self.attempt.model_bytes,
            **asdict(self.score),
        }


def measure(line_set: LineSet, engines: Iterable[Engine]) -> list[Row]:
    """Let every reader that knows the script read a set."""
    rows = []
    for engine in engines:
        attempts = engine.read(line_set.images, line_set.script)
        tried = [_row(line_set, engine.name, attempt) for attempt in attempts]
        if tried:
            rows.append(min(tried, key=lambda row: row.score.cer))
    return rows


def _row(line_set: LineSet, engine: str, attempt: Attempt) -> Row:
    pairs = tuple(
        (line_set.comparable(truth), line_set.comparable(read))
        for truth, read in zip(line_set.truths, attempt.texts, strict=True)
    )
    kind, script = line_set.kind, line_set.script
    return Row(line_set.name, kind, script, engine, attempt, pairs, score_texts(pairs))


def folder_totals(rows: Sequence[Row]) -> list[Row]:
    """Add up the scripts of each folder that has several, for readers that know them all."""
    totals = []
    for name in dict.fromkeys(row.name for row in rows):
        members = [row for row in rows if row.name == name]
        scripts = {row.script for row in members}
        for engine in dict.fromkeys(row.engine for row in members):
            parts = [row for row in members if row.engine == engine]
            if len(scripts) > 1 and len(parts) == len(scripts):
                totals.append(_total(parts))
    return totals


def _total(parts: Sequence[Row]) -> Row:
    pairs = tuple(pair for row in parts for pair in row.pairs)
    spent = sum(row.attempt.milliseconds * len(row.pairs) for row in parts)
    modes = dict.fromkeys(row.attempt.mode for row in parts)
    attempt = Attempt(
        next(iter(modes)) if len(modes) == 1 else "best each",
        tuple(text for row in parts for text in row.attempt.texts),
        spent / len(pairs),
        sum({row.attempt.mode: row.attempt.model_bytes for row in parts}.values())
        if len(modes) > 1
        else parts[0].attempt.model_bytes,
    )
    first = parts[0]
    return Row(first.name, first.kind, ALL, first.engine, attempt, pairs, score_texts(pairs))


def differences(rows: Sequence[Row], ours: str, base: str) -> list[Mapping[str, Any]]:
    """What reader `ours` loses against `base` on each set, in percentage points."""
    bases = {(row.name, row.script): row.score for row in rows if row.engine == base}
    return [
        {
            "set": row.name,
            "script": row.script,
            "exact_lost": 100 * (bases[row.name, row.script].exact - row.score.exact),
            "cer_gained": 100 * (row.score.cer - bases[row.name, row.script].cer),
        }
        for row in rows
        if row.engine == ours and (row.name, row.script) in bases
    ]
