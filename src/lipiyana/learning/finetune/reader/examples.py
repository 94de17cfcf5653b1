"""Text lines for training and validation, loaded from their pictures on demand."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from lipiyana.arrays import RgbArray
from lipiyana.images.loading import environment_limits, load
from lipiyana.learning.finetune.common.parts import Part
from lipiyana.ocr.crops import crop_quad
from lipiyana.ocr.plates.rows import split_two_rows

MAX_HEIGHT = 96
"""Twice the reader's height: enough detail to move and blur a crop before it is downscaled."""

CACHE_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Example:
    """One line and its text.

    Attributes:
        where: source of the label, for messages, such as `labels.tsv:12`.
        picture: the picture file.
        text: normalized text.
        part: training or validation.
        corners: see `labels.Label`.
        row: 0 or 1 if the line is a row of a two-row plate.
    """

    where: str
    picture: Path
    text: str
    part: Part
    corners: tuple[tuple[float, float], ...] | None = None
    row: int | None = None


def load_crop(picture: Path, corners: tuple[tuple[float, float], ...] | None) -> RgbArray:
    """Load the labelled part of a picture, (H, W, 3) RGB.

    Raises:
        InvalidImage: the picture cannot be decoded.
        NotFound: the file does not exist.
    """
    pixels = load(picture, environment_limits())
    if corners is None:
        return pixels
    height, width = pixels.shape[:2]
    return crop_quad(pixels, np.array(corners) * [width, height])


def load_example(example: Example) -> RgbArray:
    """Load one line, (H, W, 3) RGB; raises the same errors as `load_crop`."""
    crop = load_crop(example.picture, example.corners)
    return crop if example.row is None else split_two_rows(crop)[example.row]


@dataclass(slots=True)
class ExampleCache:
    """LRU cache of lines, downscaled to at most `MAX_HEIGHT`, with a limit in bytes.

    It keeps memory bounded for folders of any size.
    """

    limit: int = CACHE_BYTES
    _lines: OrderedDict[Example, RgbArray] = field(default_factory=OrderedDict)
    _bytes: int = 0

    def get(self, example: Example) -> RgbArray:
        """Return a line, (H, W, 3) RGB; raises the same errors as `load_crop`."""
        pixels = self._lines.pop(example, None)
        if pixels is None:
            pixels = _reduced(load_example(example))
            self._bytes += pixels.nbytes
        self._lines[example] = pixels
        while self._bytes > self.limit and len(self._lines) > 1:
            _, dropped = self._lines.popitem(last=False)
            self._bytes -= dropped.nbytes
        return pixels


def _reduced(pixels: RgbArray) -> RgbArray:
    height, width = pixels.shape[:2]
    if height <= MAX_HEIGHT:
        return np.ascontiguousarray(pixels)
    size = (max(1, round(width * MAX_HEIGHT / height)), MAX_HEIGHT)
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
