"""Registrations in what was read: which one the rows of a plate, or lines of a scene, spell."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from lipiyana.ocr.geometry import Bounds, Quad
from lipiyana.ocr.grammar_search import best_path, confidences, search
from lipiyana.ocr.recognition import LineReading
from lipiyana.ocr.registrations import GRAMMAR, find, parse
from lipiyana.types import Registration

_SURE_ENOUGH = 0.5
_DROPPED_ROW = 4.0  # nats that leaving out a row costs
_ALTERNATIVES_WITHIN = 4.0
_LEAST_IN_CROP = -8.0  # nats under the likeliest path: a crop is known to be a plate,
_LEAST_IN_SCENE = -6.0  # a line of a scene is not
_FEWEST_CHARACTERS = 6
_MOST_CHARACTERS = 16
_FEWEST_DIGITS = 2


@dataclass(frozen=True, slots=True, eq=False)
class PlateRow:
    """One row of a plate, or a line that may be one: where it is and what it says.

    The reading must have kept what `grammar_search.letters_and_digits` makes.
    """

    polygon: Quad
    reading: LineReading


@dataclass(frozen=True, slots=True, eq=False)
class PlateReading:
    """A plate: its rows from the top, and what they spell."""

    rows: tuple[PlateRow, ...]
    registration: Registration

    @property
    def confidence(self) -> float:
        """Mean over all characters of the registration, or of what was read if none parses."""
        sure = self.registration.character_confidences or _character_confidences(self.rows)
        return float(np.mean(sure)) if sure else 0.0

    @property
    def evidence(self) -> float:
        """How much was read how surely: unsure characters count against a reading."""
        return float(sum(c - _SURE_ENOUGH for c in _character_confidences(self.rows)))


def _character_confidences(rows: Sequence[PlateRow]) -> tuple[float, ...]:
    return tuple(c for row in rows for c in row.reading.character_confidences)


@dataclass(frozen=True, slots=True, eq=False)
class _Hypothesis:
    text: str
    score: float  # log probability, less what was left out
    attempt: int
    rows: tuple[npt.NDArray[np.float32], ...]


def choose_plate(attempts: Sequence[Sequence[PlateRow]]) -> PlateReading:
    """Decide what a plate says that was read in several ways.

    The registration that is likeliest over all attempts wins; where none is likely enough, the
    attempt whose rows parse, then the one that read most and most surely.
    """
    plates = [_parsed(rows) for rows in attempts]
    found = _likeliest(attempts, _LEAST_IN_CROP)
    if found is not None:
        registration, attempt = found
        return replace(plates[attempt], registration=registration)
    return max(plates, key=lambda plate: (plate.registration.valid, plate.evidence))


def find_plates(lines: Sequence[PlateRow]) -> list[PlateReading]:
    """Find the registrations among the lines of a scene.

    A line by itself comes first, then two lines beside each other, then two above each other;
    a line belongs to one plate at most.
    """
    used: set[int] = set()
    plates = []
    for indices in _candidates(lines):
        if used.intersection(indices):
            continue
        rows = tuple(lines[index] for index in indices)
        registration = _found(rows)
        if registration is not None:
            used.update(indices)
            plates.append(PlateReading(rows, registration))
    return plates


def _candidates(lines: Sequence[PlateRow]) -> Iterator[tuple[int, ...]]:
    yield from ((index,) for index in range(len(lines)))
    boxes = [Bounds.of(line.polygon) for line in lines]
    pairs = [(i, j) for i in range(len(lines)) for j in range(len(lines)) if i != j]
    yield from (pair for pair in pairs if boxes[pair[0]].is_left_of(boxes[pair[1]]))
    yield from (pair for pair in pairs if boxes[pair[0]].is_above(boxes[pair[1]]))


def _found(rows: Sequence[PlateRow]) -> Registration | None:
    texts = [row.reading.text for row in rows]
    if not _worth_searching("".join(texts)):
        return None
    likeliest = _likeliest([rows], _LEAST_IN_SCENE)
    # what is strict about scenes is said once, in `find`
    if likeliest is not None and find([likeliest[0].canonical]) is not None:
        return likeliest[0]
    return find(texts, [row.reading.character_confidences for row in rows])


def _worth_searching(text: str) -> bool:
    count = sum(character.isalnum() for character in text)
    digits = sum(character.isdecimal() for character in text)
    return _FEWEST_CHARACTERS <= count <= _MOST_CHARACTERS and digits >= _FEWEST_DIGITS


def _parsed(rows: Sequence[PlateRow]) -> PlateReading:
    read = [row for row in rows if row.reading.text]
    registration = parse(
        [row.reading.text for row in read],
        [row.reading.character_confidences for row in read],
    )
    return PlateReading(tuple(read or rows[:1]), registration)


def _likeliest(
    attempts: Sequence[Sequence[PlateRow]], least: float
) -> tuple[Registration, int] | None:
    """Find the likeliest registration, and the attempt in which it is likeliest."""
    totals: dict[str, float] = defaultdict(lambda: -np.inf)
    best: dict[str, _Hypothesis] = {}
    for hypothesis in _hypotheses(attempts, least):
        text = hypothesis.text
        totals[text] = float(np.logaddexp(totals[text], hypothesis.score))
        if text not in best or hypothesis.score > best[text].score:
            best[text] = hypothesis
    ranked = sorted(totals, key=lambda text: (-totals[text], text))
    reading = GRAMMAR.reading(ranked[0]) if ranked else None
    if reading is None:
        return None
    chosen = best[ranked[0]]
    others = [t for t in ranked[1:] if totals[ranked[0]] - totals[t] < _ALTERNATIVES_WITHIN]
    registration = reading.registration(confidences(chosen.rows, chosen.text))
    return replace(registration, alternatives=tuple(others)), chosen.attempt


def _hypotheses(attempts: Sequence[Sequence[PlateRow]], least: float) -> Iterator[_Hypothesis]:
    for index, rows in enumerate(attempts):
        kept = tuple(row.reading.kept for row in rows if row.reading.kept is not None)
        for window in _windows(kept):
            cost = _DROPPED_ROW * (len(kept) - len(window))
            floor = best_path(window) + least
            for candidate in search(window):
                score = candidate.log_probability - cost
                if score >= floor:
                    yield _Hypothesis(candidate.text, score, index, window)


def _windows(
    rows: tuple[npt.NDArray[np.float32], ...],
) -> Iterator[tuple[npt.NDArray[np.float32], ...]]:
    """All rows, and one or two neighbours of more: makers and slogans stand above and below."""
    if rows:
        yield rows
    for size in (2, 1):
        if size < len(rows):
            yield from (rows[start : start + size] for start in range(len(rows) - size + 1))
