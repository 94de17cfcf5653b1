"""Which registration the rows of a plate, or lines of a scene, spell, and how likely it is right.

The likelihood is that of a logistic model over a few signs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from lipiyana.ocr.geometry import Bounds
from lipiyana.ocr.plates.hypotheses import Row, Signs, Verdict, likeliest
from lipiyana.ocr.plates.remembered_searches import RememberedSearches
from lipiyana.ocr.plates.settings import PLATES, PlateSettings
from lipiyana.ocr.recognition.line_input import content_width
from lipiyana.ocr.recognition.reader import ReadLine
from lipiyana.ocr.registrations import find
from lipiyana.types import Registration


def confidence(signs: Signs, *, settings: PlateSettings = PLATES) -> float:
    """Probability that the registration with these signs is right.

    A registration is a guess, and gets half of the confidence, if it overrides a character that was
    seen, leaves out more than one, has a character that the edge of the crop cuts off, or was
    hardly seen. If one model alone reads the script, the weakest character caps the confidence.
    """
    score = settings.confidence_weights["bias"]
    score += sum(
        settings.confidence_weights[name] * value for name, value in measures(signs).items()
    )
    likely = 1 / (1 + math.exp(-max(-30.0, min(30.0, score))))
    if signs.alone:
        likely = min(likely, math.sqrt(signs.weakest))
    guessed = (
        signs.overridden > 0
        or signs.ignored > settings.guess_max_ignored
        or signs.room < settings.cut_off_room
        or signs.a_character < settings.guess_min_likelihood
    )
    return likely * settings.guess_factor if guessed else likely


def measures(signs: Signs) -> dict[str, float]:
    """The signs that the model weighs, by the names of its weights."""
    return {
        "likelihood": max(-1.0, signs.a_character),
        "margin": signs.margin,
        "other_model": signs.other_model,
        "second_look": signs.second_look,
        "usual": signs.unusual,
    }


_NONE = 1e-6
_PIXELS_A_STEP = 4


@dataclass(frozen=True, slots=True, eq=False)
class PlateReading:
    """A plate: its rows from the top, and what they spell.

    Attributes:
        registration: valid if `likely` is `PlateSettings.valid_confidence` or more; below that it
            still has its `canonical`.
        likely: probability that the registration is right; 0 if nothing parses.
        signs: what `likely` was computed from; None if it was not.
    """

    rows: tuple[ReadLine, ...]
    registration: Registration
    likely: float = 0.0
    signs: Signs | None = None

    @property
    def confidence(self) -> float:
        """`likely`; if nothing parses, the mean confidence of all characters."""
        if self.registration.canonical:
            return self.likely
        sure = _character_confidences(self.rows)
        return float(np.mean(sure)) if sure else 0.0


def _evidence(plate: PlateReading, settings: PlateSettings) -> float:
    """How much was read, and how surely: unsure characters count against a reading."""
    return float(sum(c - settings.reading_threshold for c in _character_confidences(plate.rows)))


def _character_confidences(rows: Sequence[ReadLine]) -> tuple[float, ...]:
    return tuple(c for row in rows for c in row.reading.character_confidences)


def choose_plate(
    attempts: Sequence[Sequence[ReadLine]],
    second_look: int | None = None,
    *,
    searches: RememberedSearches | None = None,
    settings: PlateSettings = PLATES,
) -> PlateReading:
    """Decide what a plate says that was read in several ways, possibly by several models.

    The registration that is likeliest over all attempts wins, with the tightest rows of those that
    show it about equally well. If none is likely enough, the attempt whose rows parse wins, then
    the one that read most with most confidence; registrations that were too unlikely become its
    alternatives.

    Args:
        attempts: the rows of each, from the top.
        second_look: index of the attempt that reads the rows of another one once more. Another
            result speaks against a registration.
        searches: those of the same rows in earlier calls.
        settings: tuned constants.
    """
    seen = [
        (rows, index == second_look)
        for index, attempt in enumerate(attempts)
        for rows in _by_model(attempt)
    ]
    attempts = [rows for rows, _ in seen]
    looks = [index for index, (_, is_second) in enumerate(seen) if is_second]
    plates = [_parsed(rows, settings) for rows in attempts]
    verdict = likeliest(
        [_search_rows(rows) for rows in attempts],
        looks,
        searches=searches or RememberedSearches(),
        settings=settings,
    )
    if verdict is not None and verdict.a_character >= _least(attempts[verdict.attempt], settings):
        rows = min((plates[index].rows for index in verdict.attempts), key=_area)
        return _judged(rows, verdict, settings)
    best = _best(plates, settings)
    if verdict is None or best.registration.canonical:
        return best
    possible = (verdict.registration.canonical, *verdict.registration.alternatives)
    return replace(best, registration=Registration(alternatives=possible))


def first_choice(attempt: Sequence[ReadLine], *, settings: PlateSettings = PLATES) -> PlateReading:
    """Decide what a plate says by the likeliest text of its rows alone, which takes no search.

    Args:
        attempt: the rows, from the top.
        settings: tuned constants.
    """
    return _best([_parsed(rows, settings) for rows in _by_model(attempt)], settings)


def _best(plates: Sequence[PlateReading], settings: PlateSettings) -> PlateReading:
    return max(plates, key=lambda plate: (plate.registration.valid, _evidence(plate, settings)))


def _area(rows: Sequence[ReadLine]) -> float:
    return sum(cv2.contourArea(row.polygon.astype(np.float32)) for row in rows)


def _judged(rows: tuple[ReadLine, ...], verdict: Verdict, settings: PlateSettings) -> PlateReading:
    likely = confidence(verdict.signs, settings=settings)
    registration = replace(verdict.registration, valid=likely >= settings.valid_confidence)
    return PlateReading(rows, registration, likely, verdict.signs)


def find_plates(
    lines: Sequence[ReadLine], *, settings: PlateSettings = PLATES
) -> list[PlateReading]:
    """Find the registrations among the lines of a scene.

    A line by itself comes first, then two lines beside each other, then two above each other;
    a line belongs to one plate at most.
    """
    used: set[int] = set()
    searches = RememberedSearches()
    plates = []
    searched = 0
    for indices in _candidates(lines, settings):
        if used.intersection(indices):
            continue
        rows = tuple(lines[index] for index in indices)
        if not _worth_searching("".join(row.reading.text for row in rows), settings):
            continue
        found = (
            _searched(rows, searches, settings)
            if searched < settings.most_searched
            else _read_first(rows, settings)
        )
        searched += 1
        if found is not None and found.registration.valid:
            used.update(indices)
            plates.append(found)
    return plates


def _candidates(lines: Sequence[ReadLine], settings: PlateSettings) -> Iterator[tuple[int, ...]]:
    yield from ((index,) for index in range(len(lines)))
    boxes = [Bounds.of(line.polygon) for line in lines]
    pairs = [(i, j) for i in range(len(lines)) for j in range(len(lines)) if i != j]
    yield from (pair for pair in pairs if _is_left_of(boxes[pair[0]], boxes[pair[1]], settings))
    yield from (pair for pair in pairs if _is_above(boxes[pair[0]], boxes[pair[1]], settings))


def _is_left_of(one: Bounds, other: Bounds, settings: PlateSettings) -> bool:
    """Whether both can be parts of one line, `one` first."""
    low = min(one.height, other.height)
    shared = min(one.y_max, other.y_max) - max(one.y_min, other.y_min)
    gap = other.x_min - one.x_max
    overlaps = shared > settings.parts_overlap * low
    return overlaps and -settings.parts_intrusion * low < gap < settings.beside_gap * low


def _is_above(one: Bounds, other: Bounds, settings: PlateSettings) -> bool:
    """Whether both can be rows of one plate, `one` the upper."""
    low, narrow = min(one.height, other.height), min(one.width, other.width)
    shared = min(one.x_max, other.x_max) - max(one.x_min, other.x_min)
    gap = other.y_min - one.y_max
    overlaps = shared > settings.parts_overlap * narrow
    return overlaps and -settings.parts_intrusion * low < gap < settings.stacked_gap * low


def _searched(
    rows: tuple[ReadLine, ...], searches: RememberedSearches, settings: PlateSettings
) -> PlateReading | None:
    verdict = likeliest(
        [_search_rows(seen, ends_at_ink=True) for seen in _by_model(rows)],
        searches=searches,
        settings=settings,
    )
    # what is strict about scenes is said once, in `find`
    likely = verdict is not None and verdict.a_character >= _least(rows, settings)
    if verdict and likely and find([verdict.registration.canonical]) is not None:
        return _judged(rows, verdict, settings)
    return _read_first(rows, settings)


def _worth_searching(text: str, settings: PlateSettings) -> bool:
    count = sum(character.isalnum() for character in text)
    digits = sum(character.isdecimal() for character in text)
    return (
        settings.searched_min_characters <= count <= settings.searched_max_characters
        and digits >= settings.searched_min_digits
    )


def _by_model(rows: Sequence[ReadLine]) -> Iterator[Sequence[ReadLine]]:
    """Yield the rows as each model read them; confidences of two models do not compare.

    A row that a model has not read stays as it is.
    """
    seen = [(row.reading, *row.reading.others) for row in rows]
    for model in dict.fromkeys(reading.model for readings in seen for reading in readings):
        yield [
            replace(row, reading=next((r for r in readings if r.model == model), row.reading))
            for row, readings in zip(rows, seen, strict=True)
        ]


def _parsed(rows: Sequence[ReadLine], settings: PlateSettings) -> PlateReading:
    read = tuple(row for row in rows if row.reading.text)
    return _read_first(read, settings) or PlateReading(read or tuple(rows[:1]), Registration())


def _read_first(rows: tuple[ReadLine, ...], settings: PlateSettings) -> PlateReading | None:
    """Parse the first choice of the reader, as strictly as in a scene.

    Parsing knows spelt-out letters and repairs more than the search does, but not how likely a form
    is.
    """
    texts = [row.reading.text for row in rows]
    found = find(texts, [row.reading.character_confidences for row in rows])
    if found is None or not found.character_confidences:
        return None
    sure = np.log(np.maximum(found.character_confidences, _NONE)).mean()
    if float(sure) < _least(rows, settings):
        return None
    likely = settings.parsed_factor * min(found.character_confidences)
    return PlateReading(rows, replace(found, valid=likely >= settings.valid_confidence), likely)


def _least(rows: Sequence[ReadLine], settings: PlateSettings) -> float:
    """How likely a registration in these rows must be."""
    sides = (row.polygon[[3, 2]] - row.polygon[[0, 1]] for row in rows)
    lowest = min(float(np.linalg.norm(side, axis=1).max()) for side in sides)
    return (
        settings.min_likelihood
        if lowest >= settings.legible_row_height
        else settings.min_likelihood_low_rows
    )


def _search_rows(rows: Sequence[ReadLine], *, ends_at_ink: bool = False) -> list[Row]:
    return [
        Row(
            row.reading.reduced,
            _steps(row, len(row.reading.reduced)),
            row.reading.model,
            ends_at_ink,
        )
        for row in rows
        if row.reading.reduced is not None
    ]


def _steps(row: ReadLine, count: int) -> float:
    if row.steps is not None:
        return min(count, row.steps)
    along, down = (np.linalg.norm(row.polygon[[1, 3]] - row.polygon[[0, 0]], axis=1)).tolist()
    return min(count, steps_of(max(1, round(down)), round(along)))


def steps_of(height: int, width: int) -> float:
    """How many time steps of the reader show a crop of this size."""
    return content_width(height, width) / _PIXELS_A_STEP
