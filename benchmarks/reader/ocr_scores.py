"""Scores of readers on sets of pictures, with the best mode of each, and totals of folders."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from ocr_pictures import LineSet
from ocr_readers import Attempt, Engine

from lipiyana.learning.trainer.metrics import TextScore, code_points, edit_distance, score_texts

ALL = "all"
"""Script of a row that adds up a folder's scripts."""

_RESAMPLES = 4000


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


@dataclass(frozen=True, slots=True)
class Difference:
    """Loss of one reader against another on the same lines, in percentage points.

    Attributes:
        name: folder of the pictures, "rendered", or "real" for all folders together.
        script: ISO 15924 code, or `ALL`.
        lines: how many there were.
        exact_lost: lines.
        cer_gained: characters.
        interval: where 95 % of the values of `cer_gained` lie when the lines are drawn anew
            from these (bootstrap; Efron, 1979). The difference is not significant if it contains 0.
    """

    name: str
    script: str
    lines: int
    exact_lost: float
    cer_gained: float
    interval: tuple[float, float]


def differences(rows: Sequence[Row], ours: str, base: str) -> list[Difference]:
    """Loss of reader `ours` against `base` on each set, and on all real ones together."""
    bases = {(row.name, row.script): row for row in rows if row.engine == base}
    couples = [
        (row, bases[row.name, row.script])
        for row in rows
        if row.engine == ours and (row.name, row.script) in bases
    ]
    found = [_difference(own.name, own.script, own.pairs, other.pairs) for own, other in couples]
    # totals of folders would count their lines twice
    real = [couple for couple in couples if couple[0].kind == "real" and couple[0].script != ALL]
    if len(real) > 1:
        own = [pair for row, _ in real for pair in row.pairs]
        other = [pair for _, row in real for pair in row.pairs]
        found.append(_difference("real", ALL, own, other))
    return found


def _difference(
    name: str, script: str, ours: Sequence[tuple[str, str]], base: Sequence[tuple[str, str]]
) -> Difference:
    own, other = score_texts(ours), score_texts(base)
    gained = np.array(
        [
            edit_distance(*own_pair) - edit_distance(*other_pair)
            for own_pair, other_pair in zip(ours, base, strict=True)
        ]
    )
    points = np.array([len(code_points(truth)) for truth, _ in ours])
    drawn = np.random.default_rng(0).integers(len(points), size=(_RESAMPLES, len(points)))
    low, high = np.percentile(gained[drawn].sum(1) / points[drawn].sum(1).clip(min=1), (2.5, 97.5))
    return Difference(
        name,
        script,
        own.lines,
        100 * (other.exact - own.exact),
        100 * (own.cer - other.cer),
        (100 * float(low), 100 * float(high)),
    )
