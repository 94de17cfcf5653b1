"""How a picture becomes the input of a detector: one definition for training and serving."""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

PADDING = 114

STRIDE = 32
"""Sides of an input are multiples of it where the model takes any."""


def letterbox(
    image: npt.NDArray[np.uint8], size: int, stride: int | None = None
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float64]]:
    """Scale a picture until its longer side fills the input, and pad it on the right and below.

    Args:
        image: (height, width, 3) RGB.
        size: the longer side of the input in pixels.
        stride: both sides of the input are the least multiples of it that hold the picture; None
            for a square, of which a wide picture leaves half empty.

    Returns:
        (3, rows, columns) BGR from 0 to 255, the padding 114; and the scale (2,) of x and of y, by
        which the picture's coordinates become the input's. Both are size / max(height, width)
        but for the rounding to whole pixels.
    """
    height, width = image.shape[:2]
    scale = size / max(height, width)
    rows, columns = max(1, round(height * scale)), max(1, round(width * scale))
    # shrunk by points alone, thin things fall between them
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    scaled = cv2.resize(image, (columns, rows), interpolation=how)
    if stride is None:
        sides = size, size
    else:
        sides = math.ceil(rows / stride) * stride, math.ceil(columns / stride) * stride
    out = np.full((3, *sides), PADDING, np.float32)
    out[:, :rows, :columns] = scaled[:, :, ::-1].transpose(2, 0, 1)
    return out, np.array([columns / width, rows / height])
