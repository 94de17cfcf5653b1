"""How a picture becomes the input of a detector: one definition for training and serving."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from lipiyana.arrays import RgbArray

PADDING = 114

STRIDE = 32
"""Sides of an input are multiples of it where the model takes any."""


@dataclass(frozen=True, slots=True)
class InputShape:
    """What pictures become for a detector: rectangles that fit them, or squares.

    Attributes:
        size: the longer side of an input in pixels.
        stride: both sides of an input are the least multiples of it that hold the picture; None
            for a square, of which a wide picture leaves half empty.

    Raises:
        ValueError: `size` is not positive, or no multiple of `stride`.
    """

    size: int
    stride: int | None = STRIDE

    def __post_init__(self) -> None:
        if self.size < 1 or self.size % (self.stride or 1):
            raise ValueError(
                f"the longer side of an input cannot be {self.size}: it is a positive multiple of "
                f"{self.stride or 1}"
            )

    def scaled(self, height: int, width: int) -> tuple[int, int]:
        """Give the rows and columns of an input that a picture fills, one of each at least."""
        scale = self.size / max(height, width)
        return max(1, round(height * scale)), max(1, round(width * scale))

    def sides(self, height: int, width: int) -> tuple[int, int]:
        """Give the rows and columns of the input that a picture of this height and width makes."""
        if self.stride is None:
            return self.size, self.size
        rows, columns = (
            self.stride * math.ceil(s / self.stride) for s in self.scaled(height, width)
        )
        return rows, columns


def letterbox(
    image: RgbArray, shape: InputShape
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float64]]:
    """Scale a picture until its longer side fills the input, and pad it on the right and below.

    Args:
        image: (height, width, 3) RGB.
        shape: of the input.

    Returns:
        (3, rows, columns) BGR from 0 to 255, the padding 114, of the sides that `shape` gives; and
        the scale (2,) of x and of y, by which the picture's coordinates become the input's. Both
        are size / max(height, width) except for the rounding to whole pixels.
    """
    height, width = image.shape[:2]
    rows, columns = shape.scaled(height, width)
    # shrunk by points alone, thin things fall between them
    how = cv2.INTER_AREA if shape.size < max(height, width) else cv2.INTER_LINEAR
    scaled = cv2.resize(image, (columns, rows), interpolation=how)
    out = np.full((3, *shape.sides(height, width)), PADDING, np.float32)
    out[:, :rows, :columns] = scaled[:, :, ::-1].transpose(2, 0, 1)
    return out, np.array([columns / width, rows / height])
