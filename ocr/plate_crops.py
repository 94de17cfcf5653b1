"""The rows of one plate in its crop: tried in several ways, read in one batch."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt

from lipiyana.ocr.crops import crop_quad
from lipiyana.ocr.detection import DetectionSettings, TextDetector
from lipiyana.ocr.geometry import Quad, enclosing_quad, rectangle
from lipiyana.ocr.grammar_search import letters_and_digits
from lipiyana.ocr.plate_rows import two_rows
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

        The rows are tried as one, as the detector finds them, and, where the crop is not too
        wide for it, as two cut at the emptiest line between them.
        """
        attempts = list(self._attempts(crop))
        quads = [quad for rows in attempts for quad in rows]
        crops = [crop_quad(crop, quad) for quad in quads]
        readings = iter(self._reader.read(crops, keep=letters_and_digits))
        return choose_plate(
            [[PlateRow(quad, next(readings)) for quad in rows] for rows in attempts]
        )

    def _attempts(self, crop: npt.NDArray[np.uint8]) -> Iterator[list[Quad]]:
        height, width = crop.shape[:2]
        yield [rectangle(0, 0, width, height)]
        detected = self._detected_rows(crop)
        if detected:
            yield detected
        if width < TWO_ROW_ASPECT * height:
            yield list(two_rows(crop))

    def _detected_rows(self, crop: npt.NDArray[np.uint8]) -> list[Quad]:
        pad = round(_PADDING * crop.shape[0])
        # the detector misses letters that touch the picture's edge
        padded = cv2.copyMakeBorder(crop, pad, pad, pad, pad, cv2.BORDER_REPLICATE)
        quads = [region.polygon - pad for region in self._detector.detect(np.asarray(padded))]
        return [enclosing_quad([quads[index] for index in row]) for row in group_rows(quads)]
