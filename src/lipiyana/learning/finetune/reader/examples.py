"""Lines of text to learn from or to measure on, read from their pictures when they are needed."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from lipiyana.images.loading import environment_limits, load
from lipiyana.learning.finetune.common.parts import Part
from lipiyana.ocr.crops import crop_quad
from lipiyana.ocr.plates.rows import split_two_rows

Pixels = npt.NDArray[np.uint8]

KEPT_HEIGHT = 96
"""Twice what the reader sees: enough to move and blur a crop before it is scaled down."""

CACHE_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Example:
    """One line with its text.

    Attributes:
        where: where its label came from, for messages.
        picture: the file.
        text: normalized.
        part: what it is for.
        corners: as `labels.Label` has them.
        row: 0 or 1 where the crop is a plate of two rows and this is one of them.
    """

    where: str
    picture: Path
    text: str
    part: Part
    corners: tuple[tuple[float, float], ...] | None = None
    row: int | None = None


def load_crop(picture: Path, corners: tuple[tuple[float, float], ...] | None) -> Pixels:
    """Read what one label speaks of, (H, W, 3) RGB.

    Raises:
        InvalidImage: the picture cannot be used.
        NotFound: there is no such file.
    """
    pixels = load(picture, environment_limits())
    if corners is None:
        return pixels
    height, width = pixels.shape[:2]
    return crop_quad(pixels, np.array(corners) * [width, height])


def load_example(example: Example) -> Pixels:
    """Read one line, (H, W, 3) RGB; errors as `load_crop`."""
    crop = load_crop(example.picture, example.corners)
    return crop if example.row is None else split_two_rows(crop)[example.row]


@dataclass(slots=True)
class ExampleCache:
    """Lines that were lately read, scaled to `KEPT_HEIGHT` at most, within a bound of bytes.

    A folder of any size can be learned from: only what fits is kept.
    """

    limit: int = CACHE_BYTES
    _kept: OrderedDict[Example, Pixels] = field(default_factory=OrderedDict)
    _bytes: int = 0

    def get(self, example: Example) -> Pixels:
        """Give a line, (H, W, 3) RGB; errors as `load_crop`."""
        pixels = self._kept.pop(example, None)
        if pixels is None:
            pixels = _reduced(load_example(example))
            self._bytes += pixels.nbytes
        self._kept[example] = pixels
        while self._bytes > self.limit and len(self._kept) > 1:
            _, dropped = self._kept.popitem(last=False)
            self._bytes -= dropped.nbytes
        return pixels


def _reduced(pixels: Pixels) -> Pixels:
    height, width = pixels.shape[:2]
    if height <= KEPT_HEIGHT:
        return np.ascontiguousarray(pixels)
    size = (max(1, round(width * KEPT_HEIGHT / height)), KEPT_HEIGHT)
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
