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
        attempts = self._read_rows(crop, [_likely_rows(crop)])
        plate = choose_plate(attempts)
        if not _is_sure(plate):
            attempts += self._read_rows(crop, list(self._other_rows(crop)))
            if _may_have_two_rows(crop):
                attempts.append(self._read_widened(crop, attempts[0]))
            plate = choose_plate(attempts)
        return plate

    def _read_rows(
        self, crop: npt.NDArray[np.uint8], attempts: Sequence[Sequence[Quad]]
    ) -> list[list[PlateRow]]:
        crops = [crop_quad(crop, quad) for quads in attempts for quad in quads]
        readings = iter(self._reader.read(crops, keep=letters_and_digits))
        return [[PlateRow(quad, next(readings)) for quad in quads] for quads in attempts]

    def _read_widened(
        self, crop: npt.NDArray[np.uint8], rows: Sequence[PlateRow]
    ) -> list[PlateRow]:
        """Read the lower of two rows with its beginning widened, under the upper as it was read."""
        upper, lower = rows
        widened = _widen_beginning(crop_quad(crop, lower.polygon))
        (reading,) = self._reader.read([widened], keep=letters_and_digits)
        return [upper, PlateRow(lower.polygon, reading)]

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


def _widen_beginning(row: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    cut = max(1, round(_NARROW * row.shape[1]))
    beginning = cv2.resize(row[:, :cut], None, fx=_WIDENED, fy=1, interpolation=cv2.INTER_CUBIC)
    return np.hstack([beginning, row[:, cut:]]).astype(np.uint8)


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
