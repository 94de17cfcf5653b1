"""What the engines found, as the values that callers get."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lipiyana.ocr.normalization import normalize
from lipiyana.ocr.plate_colour import plate_colour
from lipiyana.ocr.plates import PlateReading, PlateRow
from lipiyana.ocr.reading_order import reading_order
from lipiyana.ocr.registrations import categorize
from lipiyana.ocr.scripts import COMMON, SCRIPTS, script_of
from lipiyana.types import Box, Plate, Polygon, TextLine


def text_line(row: PlateRow, romanize: bool) -> TextLine:
    """Make a line of text of a row that was read.

    Raises:
        MissingExtra: romanizing was asked for and the extra `indic` is not installed.
    """
    text = normalize(row.reading.text)
    script = script_of(text)
    romanized = ""
    if romanize:
        from lipiyana.ocr import romanization

        romanized = romanization.romanize(text, script)
    return TextLine(text, script, row.reading.confidence, _polygon(row.polygon), romanized)


def plate(reading: PlateReading, romanize: bool, shape: tuple[int, ...]) -> Plate:
    """Make a plate of its rows, whose box ends at the edges of the picture.

    Args:
        reading: with at least one row; rows that were cut with a margin may reach out.
        romanize: whether lines get their `romanized` text.
        shape: (height, width, ...) of the picture.

    Raises:
        MissingExtra: as `text_line`.
    """
    lines = tuple(text_line(row, romanize) for row in reading.rows)
    corners = np.concatenate([row.polygon for row in reading.rows])
    far = np.array([shape[1], shape[0]])
    x_min, y_min = corners.min(axis=0).clip(0, far)
    x_max, y_max = corners.max(axis=0).clip(0, far)
    return Plate(
        text="\n".join(line.text for line in lines),
        confidence=reading.confidence,
        box=Box(float(x_min), float(y_min), float(x_max), float(y_max)),
        lines=lines,
        registration=reading.registration,
    )


def coloured(plate: Plate, image: npt.NDArray[np.uint8]) -> Plate:
    """Give a plate its colours and, with them, its category, if its rows can be seen.

    Args:
        plate: with the places of its lines.
        image: (height, width, 3) RGB that they are in.
    """
    seen = plate_colour(image, [np.array(line.polygon) for line in plate.lines])
    categorized = categorize(plate.registration, seen.colour)
    return dataclasses.replace(
        plate,
        registration=categorized.registration,
        colour=seen.colour,
        colour_confidence=seen.confidence,
        category_conflict=categorized.conflict,
    )


def in_reading_order(rows: Sequence[PlateRow]) -> list[PlateRow]:
    """Sort rows as people read them, from the right where most of them are in such a script."""
    directions = Counter(
        SCRIPTS[script].direction
        for script in (script_of(row.reading.text) for row in rows)
        if script != COMMON
    )
    right_to_left = directions["rtl"] > directions["ltr"]
    order = reading_order([row.polygon for row in rows], right_to_left=right_to_left)
    return [rows[index] for index in order]


def _polygon(corners: npt.NDArray[np.float64]) -> Polygon:
    a, b, c, d = ((float(x), float(y)) for x, y in corners)
    return a, b, c, d
