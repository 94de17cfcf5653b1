"""The rows of one plate in its crop: tried in several ways, read in one batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
import numpy.typing as npt

from lipiyana.ocr.crops import crop_quad
from lipiyana.ocr.detection import DetectionSettings, TextDetector
from lipiyana.ocr.geometry import Quad, enclosing_quad, rectangle
from lipiyana.ocr.grammar_search import letters_and_digits
from lipiyana.ocr.plate_rows import two_rows
from lipiyana.ocr.plate_stacks import stacked_before_number
from lipiyana.ocr.plates import PlateReading, PlateRow, choose_plate
from lipiyana.ocr.reading_order import group_rows
from lipiyana.ocr.recognition import Reader
from lipiyana.runtime import ModelStore

TWO_ROW_ASPECT = 2.6
"""A crop wider than this times its height has one row: plates of two rows are 340x200 or
200x100 mm, of one row 500x120 or 285x45.
"""

CROP_DETECTION = DetectionSettings(min_long_side=320, max_long_side=480, max_enlargement=8.0)

_PADDING = 0.25
_SURE = 0.99  # of each character: on real plates nothing so sure was wrong
_NARROW = 0.2  # of the lower row: where letters stand that are drawn narrow before a large number
_WIDENED = 2.0

_Strip = tuple[Quad, npt.NDArray[np.uint8]]  # where a row is, and what of it is read


class PlateCropReader:
    """Reads crops of one plate, of one row or two. Safe to share between threads."""

    def __init__(self, store: ModelStore, reader: Reader) -> None:
        """Take a reader; the detector is the store's, at a crop's scale.

        Raises:
            ModelUnavailable: no text detector is installed.
        """
        self._detector = TextDetector(store, CROP_DETECTION)
        self._reader = reader

    def read(self, crop: npt.NDArray[np.uint8]) -> PlateReading:
        """Read (height, width, 3) RGB.

        The rows that the crop's shape speaks for are read first: one, or two cut at the emptiest
        line between them. Where they leave a doubt, the rows are also tried as one, as the
        detector finds them, as two before a number, and with narrow letters of the lower widened.
        """
        (first,) = self._read_rows([_cut(crop, _likely_rows(crop))])
        plate = choose_plate([first])
        if not _is_sure(plate):
            upper, *lower = first
            widened = [_with_beginning_widened(crop, row.polygon) for row in lower]
            others = [_cut(crop, quads) for quads in self._other_rows(crop)]
            *read, below = self._read_rows([*others, widened])
            under = [[upper, *below]] if below else []
            plate = choose_plate([first, *read, *under])
        return plate

    def _read_rows(self, attempts: Sequence[Sequence[_Strip]]) -> list[list[PlateRow]]:
        strips = [strip for attempt in attempts for _, strip in attempt]
        readings = iter(self._reader.read(strips, keep=letters_and_digits))
        return [[PlateRow(quad, next(readings)) for quad, _ in attempt] for attempt in attempts]

    def _other_rows(self, crop: npt.NDArray[np.uint8]) -> Iterator[list[Quad]]:
        if _may_have_two_rows(crop):
            yield _whole(crop)
        blocks = self._blocks(crop)
        if blocks:
            rows = group_rows(blocks)
            yield [enclosing_quad([blocks[index] for index in row]) for row in rows]
        stacked = stacked_before_number(blocks)
        if stacked:
            yield stacked

    def _blocks(self, crop: npt.NDArray[np.uint8]) -> list[Quad]:
        pad = round(_PADDING * crop.shape[0])
        # the detector misses letters that touch the picture's edge
        padded = cv2.copyMakeBorder(crop, pad, pad, pad, pad, cv2.BORDER_REPLICATE)
        return [region.polygon - pad for region in self._detector.detect(np.asarray(padded))]


def _cut(crop: npt.NDArray[np.uint8], quads: Sequence[Quad]) -> list[_Strip]:
    return [(quad, crop_quad(crop, quad)) for quad in quads]


def _with_beginning_widened(crop: npt.NDArray[np.uint8], quad: Quad) -> _Strip:
    row = crop_quad(crop, quad)
    cut = max(1, round(_NARROW * row.shape[1]))
    beginning = cv2.resize(row[:, :cut], None, fx=_WIDENED, fy=1, interpolation=cv2.INTER_CUBIC)
    return quad, np.hstack([beginning, row[:, cut:]]).astype(np.uint8)


def _likely_rows(crop: npt.NDArray[np.uint8]) -> list[Quad]:
    return list(two_rows(crop)) if _may_have_two_rows(crop) else _whole(crop)


def _may_have_two_rows(crop: npt.NDArray[np.uint8]) -> bool:
    height, width = map(int, crop.shape[:2])
    return width < TWO_ROW_ASPECT * height


def _whole(crop: npt.NDArray[np.uint8]) -> list[Quad]:
    height, width = crop.shape[:2]
    return [rectangle(0, 0, width, height)]


def _is_sure(plate: PlateReading) -> bool:
    registration = plate.registration
    return registration.valid and min(registration.character_confidences, default=0.0) >= _SURE
