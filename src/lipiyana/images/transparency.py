"""The colour of the ground on which transparent pictures are composited.

Icons, logos and signs are often exported without a ground: white letters vanish on white. So the
ground is chosen by the brightness of what is visible.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

_SAMPLED_PIXELS = 1 << 18
_CONTRAST = 96
"""Difference in brightness, of 255, from which ink shows on the ground."""
_GAIN = 0.1
"""Share of the visible pixels that a ground must show more of than those before it. A photo with a
few bright pixels and a transparent corner stays on white.
"""
WHITE, OPAQUE = 255, 255
_GROUNDS = (WHITE, 0, 128)
_LUMA = np.array([0.299, 0.587, 0.114])


def sample_step(width: int, height: int) -> int:
    """Distance of the rows and columns that are enough to choose a ground."""
    return max(1, math.ceil(math.sqrt(width * height / _SAMPLED_PIXELS)))


def ground_for(rgba: npt.NDArray[np.uint8]) -> int:
    """Choose a grey on which the visible pixels show.

    White is kept unless black shows clearly more, and mid grey is used where it shows clearly more
    than both: for pictures with bright and dark ink, such as white letters with a dark outline.

    Args:
        rgba: (height, width, 4).

    Returns:
        255, 0 or 128.
    """
    visible = rgba[..., 3].astype(np.int64)
    total = int(visible.sum())
    if total == 0 or visible.min() == OPAQUE:
        return WHITE
    brightness = rgba[..., :3] @ _LUMA
    chosen, most = WHITE, -math.inf
    for ground in _GROUNDS:
        shown = int(visible[np.abs(brightness - ground) >= _CONTRAST].sum()) / total
        if shown > most + _GAIN:
            chosen, most = ground, shown
    return chosen
