"""What the engines found, as the values that callers get."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lipiyana.arrays import RgbArray
from lipiyana.ocr.plates.choice import PlateReading, PlateRow
from lipiyana.ocr.plates.colour import plate_colour
from lipiyana.ocr.reading_order import reading_order
from lipiyana.ocr.registrations import categorize
from lipiyana.ocr.scripts.normalization import normalize
from lipiyana.ocr.scripts.table import COMMON, SCRIPTS, script_of
from lipiyana.types import Box, Plate, PlateColour, Polygon, TextLine


def text_line(row: PlateRow, romanize: bool, shape: tuple[int, ...]) -> TextLine:
    """Make a line of text of a row that was read, whose corners lie within the picture.

    Args:
        row: cut with a margin, so that it may reach out.
        romanize: whether it gets its `romanized` text.
        shape: (height, width, ...) of the picture.

    Raises:
        MissingExtra: romanizing was asked for and the extra `indic` is not installed.
    """
    text = normalize(row.reading.text)
    script = script_of(text)
    romanized = ""
    if romanize:
        from lipiyana.ocr.scripts import romanization

        romanized = romanization.romanize(text, script)
    corners = row.polygon.clip(0, [shape[1], shape[0]])
    return TextLine(text, script, row.reading.confidence, _polygon(corners), romanized)


def plate(reading: PlateReading, romanize: bool, shape: tuple[int, ...]) -> Plate:
    """Make a plate of its rows, of which there is at least one; its box is around them.

    Args and errors are those of `text_line`.
    """
    lines = tuple(text_line(row, romanize, shape) for row in reading.rows)
    corners = np.concatenate([line.polygon for line in lines])
    return Plate(
        text="\n".join(line.text for line in lines),
        confidence=reading.confidence,
        box=Box(*corners.min(axis=0).tolist(), *corners.max(axis=0).tolist()),
        lines=lines,
        registration=reading.registration,
    )


def coloured(plate: Plate, image: RgbArray) -> Plate:
    """Give a plate its colours and, with them, its category, if its rows can be seen.

    Args:
        plate: with the places of its lines.
        image: (height, width, 3) RGB that they are in.
    """
    rows = [np.array(line.polygon) for line in plate.lines]
    contradicted = [c for c in PlateColour if categorize(plate.registration, c).conflict]
    seen = plate_colour(image, rows, contradicted)
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
