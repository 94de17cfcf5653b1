"""Reads the crop of one line that may be tilted or upside down."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from lipiyana.arrays import RgbArray
from lipiyana.ocr.crops import crop_quad
from lipiyana.ocr.geometry import Quad, rectangle
from lipiyana.ocr.recognition.legibility import Legibility
from lipiyana.ocr.recognition.reader import Reader, ReadLine
from lipiyana.ocr.recognition.settings import RECOGNITION, RecognitionSettings
from lipiyana.ocr.tilt import level_quad, tilt_of


@dataclass(frozen=True, slots=True, eq=False)
class SingleLine:
    """What a crop of one line says.

    Attributes:
        line: its polygon begins at the top of the first character.
        upside_down: whether the line was read upside down.
    """

    line: ReadLine
    upside_down: bool


def read_single_line(
    crop: RgbArray,
    reader: Reader,
    hints: Collection[str] = (),
    *,
    settings: RecognitionSettings = RECOGNITION,
) -> SingleLine:
    """Read (height, width, 3) RGB.

    A line that was read with doubt is read once more made level, if it is tilted, then upside down.
    Another reading wins where it is clearly more confident.
    """
    quads = [rectangle(0, 0, crop.shape[1], crop.shape[0])]

    def read(places: Sequence[Quad]) -> ReadLine:
        """Give the best of several places; all but the first must be clearly better."""
        found = reader.read([crop_quad(crop, quad) for quad in places], hints=hints)
        best, *others = map(ReadLine, places, found)
        for other in others:
            best = other if _is_better(other, best, settings) else best
        return best

    line = read(quads)
    if line.reading.confidence < settings.level_below and crop.shape[1] > crop.shape[0]:
        tilt = tilt_of(crop)
        if abs(tilt) >= settings.min_tilt:
            quads.append(level_quad(crop, tilt))
            level = read(quads[1:])
            line = level if _is_better(level, line, settings) else line
    if not Legibility.of([line.reading]).is_sure(settings=settings):
        over = read([np.roll(quad, 2, axis=0) for quad in quads])
        if _is_better(over, line, settings):
            return SingleLine(over, upside_down=True)
    return SingleLine(line, upside_down=False)


def _is_better(one: ReadLine, other: ReadLine, settings: RecognitionSettings) -> bool:
    new, old = (Legibility.of([line.reading]) for line in (one, other))
    return new.is_better_than(old, settings=settings)
