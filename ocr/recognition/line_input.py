"""How a crop becomes the input of the line reader: one definition for training and serving."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from lipiyana.arrays import RgbArray

HEIGHT = 48
BUCKET = 32
MAX_WIDTH = 2560


def bucket_width(height: int, width: int) -> int:
    """Width of the input, in pixels, for a crop of this size: a multiple of `BUCKET`.

    A crop always gets the width of its own bucket, whatever else is in the batch, so its reading
    does not depend on its neighbours.
    """
    return -(-content_width(height, width) // BUCKET) * BUCKET


def content_width(height: int, width: int) -> int:
    """Width that the crop itself takes of its input, the rest being padding."""
    return min(MAX_WIDTH, max(1, round(HEIGHT * width / max(1, height))))


def line_input(crop: RgbArray) -> npt.NDArray[np.float32]:
    """Scale a crop to the reader's height, keeping its shape, and pad it on the right.

    Args:
        crop: (height, width, 3) RGB.

    Returns:
        (3, 48, bucket width) BGR in [-1, 1]; the padding is 0, a middle grey.
    """
    height, width = crop.shape[:2]
    content = content_width(height, width)
    # averaging keeps thin strokes where pixels are thrown away
    how = cv2.INTER_AREA if height > HEIGHT else cv2.INTER_LINEAR
    scaled = cv2.resize(crop, (content, HEIGHT), interpolation=how)
    out = np.zeros((3, HEIGHT, bucket_width(height, width)), np.float32)
    np.multiply(scaled[:, :, ::-1].transpose(2, 0, 1), 1 / 127.5, out=out[:, :, :content])
    out[:, :, :content] -= 1.0
    return out
