"""Frames of cameras: pictures that are converted only when something looks at them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

from lipiyana.arrays import RgbArray

GreyArray = npt.NDArray[np.uint8]
"""A picture: (height, width), grey."""


class Picture(Protocol):
    """A decoded picture in the format of its source."""

    def rgb(self, longest: int | None) -> RgbArray:
        """Convert to RGB, made smaller if a side is longer than `longest` pixels."""
        ...

    def grey(self, width: int) -> GreyArray:
        """Convert to a small grey copy of this width."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class CameraFrame:
    """A picture and when it was taken.

    Attributes:
        frame_id: number within its source, from 0.
        elapsed: seconds since the source began. It never goes back.
        at: seconds since 1970, UTC.
        picture: what is seen.
    """

    frame_id: int
    elapsed: float
    at: float
    picture: Picture


@dataclass(frozen=True, slots=True, eq=False)
class StillPicture:
    """A picture that is in RGB already."""

    pixels: RgbArray

    def rgb(self, longest: int | None) -> RgbArray:
        """Give the picture itself, or a smaller copy."""
        height, width = self.pixels.shape[:2]
        size = fitted(width, height, longest)
        if size == (width, height):
            return self.pixels
        return np.asarray(cv2.resize(self.pixels, size, interpolation=cv2.INTER_AREA), np.uint8)

    def grey(self, width: int) -> GreyArray:
        """Give a small grey copy."""
        size = (width, grey_height(self.pixels.shape[1], self.pixels.shape[0], width))
        small = cv2.resize(self.pixels, size, interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8)


def fitted(width: int, height: int, longest: int | None) -> tuple[int, int]:
    """Size, (width, height), of a picture whose longer side may have `longest` pixels.

    >>> fitted(1920, 1080, 960)
    (960, 540)
    """
    side = max(width, height)
    if longest is None or side <= longest:
        return width, height
    return max(1, round(width * longest / side)), max(1, round(height * longest / side))


def grey_height(width: int, height: int, grey_width: int) -> int:
    """Height of the small copy of a picture."""
    return max(1, round(height * grey_width / width))
