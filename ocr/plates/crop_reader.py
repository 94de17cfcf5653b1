"""Reads the crop of one plate, cut into rows in several ways.

One of the ways is two small rows (state, district, series) before one large number.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from lipiyana.arrays import RgbArray
from lipiyana.ocr.crops import crop_quad
from lipiyana.ocr.detection.detector import TextDetector
from lipiyana.ocr.geometry import Bounds, Quad, enclosing_quad, rectangle
from lipiyana.ocr.plates.attempts import Attempts
from lipiyana.ocr.plates.choice import PlateReading, first_choice, steps_of
from lipiyana.ocr.plates.grammar_search import grammar_probabilities
from lipiyana.ocr.plates.rows import three_rows, two_rows
from lipiyana.ocr.plates.settings import PLATES, PlateSettings
from lipiyana.ocr.reading_order import group_rows
from lipiyana.ocr.recognition.reader import Reader, ReadLine
from lipiyana.runtime.store import ModelStore


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    quad: Quad
    bounds: Bounds

    @property
    def y(self) -> float:
        return (self.bounds.y_min + self.bounds.y_max) / 2

    def shares_column_with(self, other: _Block, overlap: float) -> bool:
        mine, its = self.bounds, other.bounds
        shared = min(mine.x_max, its.x_max) - max(mine.x_min, its.x_min)
        return shared > overlap * min(mine.width, its.width)


def stacked_before_number(
    quads: Sequence[Quad], *, settings: PlateSettings = PLATES
) -> list[Quad] | None:
    """Find two blocks of text above each other, with a row beside both of them.

    Args:
        quads: (4, 2) corners of the blocks that a detector found on one plate.
        settings: tuned constants.

    Returns:
        The upper, the lower, and the row on the right; None if the blocks stand otherwise.
    """
    columns = _columns([_Block(quad, Bounds.of(quad)) for quad in quads], settings)
    for place, stack in enumerate(columns[:-1]):
        right = columns[place + 1 :]
        if len(stack) != 2 or any(len(column) != 1 for column in right):
            continue
        upper, lower = stack
        middle, reach = (upper.y + lower.y) / 2, settings.beside_both_reach * (lower.y - upper.y)
        if all(abs(column[0].y - middle) < reach for column in right):
            return [upper.quad, lower.quad, enclosing_quad([column[0].quad for column in right])]
    return None


def _columns(blocks: Sequence[_Block], settings: PlateSettings) -> list[list[_Block]]:
    """Columns from left to right, each from the top."""
    columns: list[list[_Block]] = []
    for block in sorted(blocks, key=lambda b: b.bounds.x_min):
        if columns and any(
            block.shares_column_with(other, settings.same_column_overlap) for other in columns[-1]
        ):
            columns[-1].append(block)
        else:
            columns.append([block])
    return [sorted(column, key=lambda b: b.y) for column in columns]


_Strip = tuple[Quad, RgbArray]  # where a row is, and what of it is read


class PlateCropReader:
    """Reads crops of one plate with one to three rows. Safe to share between threads."""

    def __init__(self, store: ModelStore, reader: Reader, settings: PlateSettings = PLATES) -> None:
        """Take a reader; the text detector is the store's, at a crop's scale.

        Raises:
            ModelUnavailable: no text detector is installed.
        """
        self._settings = settings
        self._detector = TextDetector(store, self._settings.crop_detection)
        self._reader = reader

    def read(self, crop: RgbArray, *, known: bool = False, words: bool = False) -> PlateReading:
        """Read (height, width, 3) RGB.

        The rows that the crop's shape suggests are read first: one row, or two that are cut at the
        emptiest line between them. A result without doubt is final. Else, if the crop is known to
        show a plate:

        1. It is read as one, two or three rows.
        2. The first rows are read once more at a smaller scale, and with narrow letters of the
           lower row widened.
        3. If doubt remains, the crop is searched for text, which takes longest. The rows found are
           read, also as two rows before a number.

        If it is not, it mostly shows no registration that can be read. A first result that is
        hardly legible or has no digits is final then, and so is any of a small crop. One that may
        have two rows is searched for text first, and cut otherwise only if doubt remains.

        Args:
            crop: one plate, or what may be one.
            known: whether the crop is known to show a plate.
            words: whether to find where each word of the rows stands.
        """
        (first,) = self._read_rows([_cut(crop, _likely_rows(crop, self._settings))], words)
        if not (known or _is_legible(first, self._settings)):
            return first_choice(first, settings=self._settings)
        attempts = Attempts(first, self._settings)
        if _is_sure(attempts.plate, self._settings):
            return attempts.plate
        if known:
            self._try_all(crop, attempts, words)
        elif _shows_digits(attempts.plate, self._settings):
            self._try_likely(crop, attempts, words)
        return attempts.plate

    def _try_all(self, crop: RgbArray, attempts: Attempts, words: bool) -> None:
        """Make all attempts to read a plate, the search for text only where doubt remains."""
        self._cut_otherwise(crop, attempts, words)
        self._look_again(crop, attempts, words)
        if attempts.plate.likely < self._settings.enough_confidence:
            self._search_text(crop, attempts, words)

    def _try_likely(self, crop: RgbArray, attempts: Attempts, words: bool) -> None:
        """Make those attempts to read what may be a plate that are likely to succeed."""
        if crop.shape[1] < self._settings.read_once_width:
            return
        searched = _may_have_two_rows(crop, self._settings) and self._is_doubtful(attempts)
        if searched:
            self._search_text(crop, attempts, words)
            if crop.shape[0] >= self._settings.cut_otherwise_height and self._is_doubtful(attempts):
                self._cut_otherwise(crop, attempts, words)
        if not _is_nearly_one(attempts.plate):
            return
        self._look_again(crop, attempts, words)
        if not searched and attempts.plate.likely < self._settings.enough_confidence:
            self._search_text(crop, attempts, words)

    def _is_doubtful(self, attempts: Attempts) -> bool:
        """Whether more rows may say something else: a part of a plate may look like an unusual
        form.
        """
        plate, settings = attempts.plate, self._settings
        unusual = plate.signs is None or plate.signs.unusual < settings.sure_min_prior
        return unusual or plate.likely < settings.enough_confidence

    def _cut_otherwise(self, crop: RgbArray, attempts: Attempts, words: bool) -> None:
        self._try_rows(crop, list(_other_cuts(crop, self._settings)), attempts, words)

    def _look_again(self, crop: RgbArray, attempts: Attempts, words: bool) -> None:
        upper, *lower = attempts.first
        widened = [_with_beginning_widened(crop, row.polygon, self._settings) for row in lower]
        again, below = self._read_rows([_second_look(crop, self._settings), widened], words)
        below = [_narrowed(row, self._settings) for row in below]
        attempts.add([again, *([[upper, *below]] if below else [])], second_look=0)

    def _search_text(self, crop: RgbArray, attempts: Attempts, words: bool) -> None:
        found = list(_rows_of(self._blocks(crop), self._settings))
        self._try_rows(crop, found, attempts, words)

    def _try_rows(
        self, crop: RgbArray, ways: Sequence[Sequence[Quad]], attempts: Attempts, words: bool
    ) -> None:
        if ways:
            attempts.add(self._read_rows([_cut(crop, rows) for rows in ways], words))

    def _read_rows(self, attempts: Sequence[Sequence[_Strip]], words: bool) -> list[list[ReadLine]]:
        strips = [strip for attempt in attempts for _, strip in attempt]
        readings = iter(self._reader.read(strips, reduce=grammar_probabilities, words=words))
        return [
            [ReadLine(quad, next(readings), steps_of(*strip.shape[:2])) for quad, strip in attempt]
            for attempt in attempts
        ]

    def _blocks(self, crop: RgbArray) -> list[Quad]:
        pad = round(self._settings.detection_padding * crop.shape[0])
        # the detector misses letters that touch the picture's edge
        padded = cv2.copyMakeBorder(crop, pad, pad, pad, pad, cv2.BORDER_REPLICATE)
        return [region.polygon - pad for region in self._detector.detect(np.asarray(padded))]


def _cut(crop: RgbArray, quads: Sequence[Quad]) -> list[_Strip]:
    return [(quad, crop_quad(crop, quad)) for quad in quads]


def _with_beginning_widened(crop: RgbArray, quad: Quad, settings: PlateSettings) -> _Strip:
    row = crop_quad(crop, quad)
    cut = max(1, round(settings.widened_share * row.shape[1]))
    beginning = cv2.resize(
        row[:, :cut], None, fx=settings.widening, fy=1, interpolation=cv2.INTER_CUBIC
    )
    return quad, np.hstack([beginning, row[:, cut:]]).astype(np.uint8)


def _narrowed(row: ReadLine, settings: PlateSettings) -> ReadLine:
    """Move the words of a row that was read with its beginning widened to where they stand."""
    cut, widening = settings.widened_share, settings.widening
    width = 1 + cut * (widening - 1)

    def place(share: float) -> float:
        along = share * width
        return along / widening if along < cut * widening else along - cut * (widening - 1)

    words = tuple(
        replace(word, start=place(word.start), end=place(word.end)) for word in row.reading.words
    )
    return replace(row, reading=replace(row.reading, words=words)) if words else row


def _rows_of(blocks: Sequence[Quad], settings: PlateSettings) -> Iterator[list[Quad]]:
    """The rows in which blocks of text stand, and as two before a number."""
    if blocks:
        yield [enclosing_quad([blocks[index] for index in row]) for row in group_rows(blocks)]
    stacked = stacked_before_number(blocks, settings=settings)
    if stacked:
        yield stacked


def _other_cuts(crop: RgbArray, settings: PlateSettings) -> Iterator[list[Quad]]:
    """Other numbers of rows than the likely one."""
    height, width = map(int, crop.shape[:2])
    if _may_have_two_rows(crop, settings):
        yield _whole(crop)
    if width < settings.three_row_aspect * height:
        yield list(three_rows(crop, settings=settings))


def _second_look(crop: RgbArray, settings: PlateSettings) -> list[_Strip]:
    """Cut the likely rows from a smaller copy of the crop with a margin; places are in the crop.

    What was read with confidence is read in the copy too.
    """
    height, width = crop.shape[:2]
    size = (
        max(1, round(settings.second_look_scale * width)),
        max(1, round(settings.second_look_scale * height)),
    )
    small = cv2.resize(crop, size, interpolation=cv2.INTER_AREA)
    pad = max(1, round(settings.second_look_padding * size[1]))
    bordered = cv2.copyMakeBorder(small, pad, pad, pad, pad, cv2.BORDER_REPLICATE)
    padded = np.asarray(bordered, np.uint8)
    scale = np.array([width / size[0], height / size[1]])
    # a margin must not change how many rows are likely
    rows = (
        list(two_rows(padded, settings=settings))
        if _may_have_two_rows(crop, settings)
        else _whole(padded)
    )
    return [((quad - pad) * scale, strip) for quad, strip in _cut(padded, rows)]


def _likely_rows(crop: RgbArray, settings: PlateSettings) -> list[Quad]:
    return (
        list(two_rows(crop, settings=settings))
        if _may_have_two_rows(crop, settings)
        else _whole(crop)
    )


def _may_have_two_rows(crop: RgbArray, settings: PlateSettings) -> bool:
    height, width = map(int, crop.shape[:2])
    return width < settings.two_row_aspect * height


def _whole(crop: RgbArray) -> list[Quad]:
    height, width = crop.shape[:2]
    return [rectangle(0, 0, width, height)]


def _is_sure(plate: PlateReading, settings: PlateSettings) -> bool:
    """Whether all models read every character with confidence, in a form that is not unusual.

    A part of a plate may look like an unusual form.
    """
    signs = plate.signs
    if signs is None or not plate.registration.valid:
        return False
    if signs.unusual < settings.sure_min_prior or plate.likely < settings.sure_confidence:
        return False
    if signs.alone:
        return signs.weakest >= settings.sure_confidence_alone
    return (
        signs.weakest >= settings.sure_confidence
        and signs.other_model < settings.sure_max_objection
    )


def _is_legible(rows: Sequence[ReadLine], settings: PlateSettings) -> bool:
    sure = [one for row in rows for one in row.reading.character_confidences]
    return bool(sure) and float(np.mean(sure)) >= settings.legible_confidence


def _is_nearly_one(plate: PlateReading) -> bool:
    """Whether the result is a registration, or has one among its alternatives."""
    said = plate.registration
    return bool(said.canonical or said.alternatives)


def _shows_digits(plate: PlateReading, settings: PlateSettings) -> bool:
    """Whether there are as many digits as a registration has, and letters beside many of them."""
    read = "".join(row.reading.text for row in plate.rows)
    digits, letters = (sum(map(kind, read)) for kind in (str.isdecimal, str.isalpha))
    return digits >= settings.plate_min_digits and (
        digits <= settings.plate_max_digits or letters >= settings.plate_min_letters
    )
