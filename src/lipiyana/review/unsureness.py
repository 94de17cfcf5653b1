"""How unsure the models were of a picture, and of which part of it.

It is judged in two steps, so that sure pictures cost nothing: the confidences of the answer first,
and only where they leave a doubt the lines are read once more for their margins.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from lipiyana.arrays import RgbArray
from lipiyana.ocr.crops import crop_quad
from lipiyana.ocr.recognition.reader import Reader
from lipiyana.types import Plate, Recognition, TextLine


@dataclass(frozen=True, slots=True)
class UnsurenessSettings:
    """How doubt is weighed; chosen by eye on the project's samples."""

    least_doubt: float = 0.1
    """Below this the first look ends it."""
    shortest_plate: int = 5
    """Characters of a text that may be a registration."""
    not_a_registration: float = 0.6
    """Doubt of a plate without a valid registration."""
    changed: float = 0.4
    """Doubt of a plate of which characters were changed ..."""
    changed_character: float = 0.2
    """... and for each of them."""


UNSURENESS = UnsurenessSettings()
"""As used here and by `keeping_recognizer`."""


@dataclass(frozen=True, slots=True)
class Unsureness:
    """From 0, sure, to 1, and why: `margin`, `grammar`, `detector` or `drift`.

    Attributes:
        score: the greatest of the reasons.
        reasons: each reason's own score.
        track: of the picture's one tracked vehicle; None for none or several.
    """

    score: float
    reasons: dict[str, float]
    track: int | None = None

    def with_reason(self, name: str, score: float) -> Unsureness:
        """Add a reason."""
        reasons = self.reasons | {name: round(score, 4)}
        return replace(self, score=max(reasons.values()), reasons=reasons)


def first_look(found: Recognition) -> float:
    """Judge by the confidences alone."""
    doubts = [1 - line.confidence for line in _lines(found)]
    doubts += [grammar_doubt(plate) for plate in found.plates]
    doubts += [entropy(vehicle.confidence) for vehicle in found.vehicles]
    return max(doubts, default=0.0)


def judge(found: Recognition, pixels: RgbArray, reader: Reader) -> Unsureness:
    """Judge by margins, grammar and detectors.

    Args:
        found: what was read.
        pixels: the picture, (H, W, 3) RGB.
        reader: that read it.
    """
    reasons = {
        "margin": max(margin_doubts(_crops(found, pixels), reader), default=0.0),
        "grammar": max((grammar_doubt(plate) for plate in found.plates), default=0.0),
        "detector": max((entropy(v.confidence) for v in found.vehicles), default=0.0),
    }
    reasons = {name: round(score, 4) for name, score in reasons.items()}
    tracks = [v.track_id for v in found.vehicles if v.track_id is not None]
    return Unsureness(max(reasons.values()), reasons, tracks[0] if len(tracks) == 1 else None)


def margin_doubts(crops: Sequence[RgbArray], reader: Reader) -> list[float]:
    """One minus the least margin, of the best class over the second at a step, of each line.

    Steps whose best class is a sure blank say nothing, and count nothing.
    """
    readings = reader.read(crops, reduce=_least_margin)
    return [1 - float(reading.reduced[0, 0]) for reading in readings if reading.reduced is not None]


def _least_margin(
    probabilities: npt.NDArray[np.float32], charset: tuple[str, ...]
) -> npt.NDArray[np.float32]:
    best_two = np.partition(probabilities, -2, axis=1)[:, -2:]
    margins = best_two[:, 1] - best_two[:, 0]
    letters = probabilities.argmax(axis=1) > 0
    # only the surest step of a letter says how sure the letter is: its edges are never sure
    peaks = [
        margins[start:end].max()
        for start, end in _runs(probabilities.argmax(axis=1))
        if letters[start]
    ]
    least = min(peaks, default=float(margins.min()) if charset else 1.0)
    return np.array([[least]], np.float32)


def _runs(classes: npt.NDArray[np.intp]) -> Iterator[tuple[int, int]]:
    edges = [0, *(np.flatnonzero(np.diff(classes)) + 1).tolist(), len(classes)]
    yield from pairwise(edges)


def grammar_doubt(plate: Plate) -> float:
    """Judge how much a text had to be changed to become a registration, if it did."""
    read = "".join(c for c in plate.text if c.isalnum()).upper()
    registration = plate.registration
    if not registration.valid:
        return UNSURENESS.not_a_registration if len(read) >= UNSURENESS.shortest_plate else 0.0
    mended = registration.canonical.upper()
    if not read.isascii() or len(read) != len(mended):
        return 0.0 if not read.isascii() else UNSURENESS.not_a_registration
    changed = sum(a != b for a, b in zip(read, mended, strict=True))
    return min(1.0, UNSURENESS.changed + UNSURENESS.changed_character * changed) if changed else 0.0


def entropy(confidence: float) -> float:
    """Bits of a yes or no of this probability, from 0 to 1."""
    p = min(max(confidence, 0.0), 1.0)
    if p in {0.0, 1.0}:
        return 0.0
    return -(p * math.log2(p) + (1 - p) * math.log2(1 - p))


def _lines(found: Recognition) -> Iterator[TextLine]:
    yield from found.text_lines
    for plate in found.plates:
        yield from plate.lines


def _crops(found: Recognition, pixels: RgbArray) -> list[RgbArray]:
    polygons = {line.polygon for line in _lines(found)}
    return [crop_quad(pixels, corners) for corners in sorted(polygons)]
