"""Reads the crop of one line that may be tilted or upside down."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from lipiyana.arrays import RgbArray
from lipiyana.ocr.crops import crop_quad
from lipiyana.ocr.geometry import Quad, rectangle
from lipiyana.ocr.recognition.legibility import Legibility
from lipiyana.ocr.recognition.reader import LineReading, Reader, ReadLine
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

    A line that was read with doubt is read once more made level, if it is tilted, and upside down.
    The most confident reading wins; upside down it must be clearly more confident.
    """
    quads = [_whole(crop)]
    readings = reader.read([crop_quad(crop, quads[0])], hints=hints)
    if Legibility.of(readings).is_sure(settings=settings):
        return SingleLine(ReadLine(quads[0], readings[0]), upside_down=False)
    tilt = tilt_of(crop) if crop.shape[1] > crop.shape[0] else 0.0
    if abs(tilt) >= settings.min_tilt:
        quads.append(level_quad(crop, tilt))
    over = [np.roll(quad, 2, axis=0) for quad in quads]
    crops = [crop_quad(crop, quad) for quad in (*quads[1:], *over)]
    readings += reader.read(crops, hints=hints)
    count = len(quads)
    seen, best = _best(readings[:count], quads)
    other, best_over = _best(readings[count:], over)
    upside_down = Legibility.of([other]).is_better_than(Legibility.of([seen]), settings=settings)
    line = ReadLine(best_over, other) if upside_down else ReadLine(best, seen)
    return SingleLine(line, upside_down=upside_down)


def _whole(crop: RgbArray) -> Quad:
    return rectangle(0, 0, crop.shape[1], crop.shape[0])


def _best(readings: Sequence[LineReading], quads: Sequence[Quad]) -> tuple[LineReading, Quad]:
    index = max(range(len(readings)), key=lambda place: readings[place].confidence)
    return readings[index], quads[index]
