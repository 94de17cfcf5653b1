"""From readings to the values that callers get: `TextLine` and `Plate`."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from lipiyana.arrays import RgbArray
from lipiyana.ocr.crops import along_text
from lipiyana.ocr.geometry import part_of
from lipiyana.ocr.plates.choice import PlateReading
from lipiyana.ocr.plates.colour import plate_colour
from lipiyana.ocr.reading_order import reading_order
from lipiyana.ocr.recognition.reader import ReadLine
from lipiyana.ocr.registrations import categorize
from lipiyana.ocr.scripts.normalization import normalize, spell_ra
from lipiyana.ocr.scripts.table import COMMON, SCRIPTS, script_of
from lipiyana.scene.vehicle_plates import has_category_conflict
from lipiyana.types import Box, Plate, PlateColour, Polygon, TextLine, Word


def text_line(row: ReadLine, romanize: bool, shape: tuple[int, ...], context: str = "") -> TextLine:
    """Make a `TextLine` of a line that was read; its corners are clipped to the picture.

    Args:
        row: its crop had a margin, so its corners may lie outside the picture.
        romanize: whether to set `romanized`.
        shape: (height, width, ...) of the picture.
        context: what other lines of the picture say; their letters tell Assamese from Bengali.

    Raises:
        MissingExtra: romanizing was asked for and the extra `indic` is not installed.
    """
    text = normalize(row.reading.text)
    text = spell_ra(text, f"{text} {context}")
    script = script_of(text)
    romanized = ""
    if romanize:
        from lipiyana.ocr.scripts import romanization

        romanized = romanization.romanize(text, script)
    far = [shape[1], shape[0]]
    polygon = _polygon(row.polygon.clip(0, far))
    words = tuple(_words(row, text, far))
    return TextLine(text, script, row.reading.confidence, polygon, romanized, words)


def _words(row: ReadLine, text: str, far: Sequence[int]) -> Iterator[Word]:
    """Place the words of a line, if they are known, in its quadrilateral.

    Args:
        row: the line.
        text: what it says, normalized.
        far: width and height of the picture.
    """
    spelt = [(normalize(word.text), word) for word in row.reading.words]
    placed = [(spelling, word) for spelling, word in spelt if spelling]
    spellings = text.split(" ")
    if not placed:
        return
    if len(placed) != len(spellings):
        # normalizing moved a space: the words cannot be told apart
        whole = replace(
            placed[0][1],
            confidence=row.reading.confidence,
            start=min(word.start for _, word in placed),
            end=max(word.end for _, word in placed),
        )
        spellings, placed = [text], [(text, whole)]
    quad = along_text(row.polygon)
    for spelling, (_, word) in zip(spellings, placed, strict=True):
        corners = part_of(quad, word.start, word.end).clip(0, far)
        yield Word(spelling, word.confidence, _polygon(corners))


def plate_from_reading(reading: PlateReading, romanize: bool, shape: tuple[int, ...]) -> Plate:
    """Make a `Plate` of at least one row; its box encloses the rows.

    Arguments and errors are those of `text_line`.
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


def with_colours(plate: Plate, image: RgbArray) -> Plate:
    """Set the colours of a plate and the category that they decide, where its rows are known.

    Args:
        plate: its lines say where to look.
        image: (height, width, 3) RGB that contains the plate.
    """
    rows = [np.array(line.polygon) for line in plate.lines]
    contradicted = [c for c in PlateColour if categorize(plate.registration, c).conflict]
    seen = plate_colour(image, rows, contradicted)
    settled = categorize(plate.registration, seen.colour).registration
    return dataclasses.replace(
        plate,
        registration=settled,
        colour=seen.colour,
        colour_confidence=seen.confidence,
        category_conflict=has_category_conflict(settled, seen.colour),
    )


def in_reading_order(rows: Sequence[ReadLine]) -> list[ReadLine]:
    """Sort lines as people read them: from the right where most are in a right-to-left script."""
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
