"""Signals of the pixels, from a small part of them: a tenth of a percent of the reading time."""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from lipiyana.arrays import RgbArray
from lipiyana.drift.counting.signals import Values

_SIDE = 128  # longer side of the thinned copy
_TILE = 40  # side of the parts whose sharpness is measured in the picture's own pixels
_TILES = 3
_FLAT = 1e-2  # variance of a part without any detail


def observe_pixels(pixels: RgbArray) -> dict[str, Values]:
    """Measure a picture, (H, W, 3) RGB: light, colour, sharpness and the direction of edges.

    A picture without edges has no `upright` and no `slant`.
    """
    step = max(1, max(pixels.shape[:2]) // _SIDE)
    thin = np.ascontiguousarray(pixels[::step, ::step])
    grey = cv2.cvtColor(thin, cv2.COLOR_RGB2GRAY)
    mean, deviation = (float(value[0, 0]) for value in cv2.meanStdDev(grey))
    saturation = float(cv2.mean(cv2.cvtColor(thin, cv2.COLOR_RGB2HSV))[1])
    sharp = _sharpness(pixels)
    found: dict[str, Values] = {
        "brightness": (mean,),
        "contrast": (deviation,),
        "saturation": (saturation,),
        "sharpness": (sum(sharp) / len(sharp),),
        "least_sharpness": (min(sharp),),
    }
    return found | _directions(grey)


def _sharpness(pixels: RgbArray) -> list[float]:
    """log2 of the Laplacian's variance in each of `_TILES` squared parts."""
    found = []
    height, width = pixels.shape[:2]
    for row in range(_TILES):
        for column in range(_TILES):
            top = max(0, (2 * row + 1) * height // (2 * _TILES) - _TILE // 2)
            left = max(0, (2 * column + 1) * width // (2 * _TILES) - _TILE // 2)
            part = pixels[top : top + _TILE, left : left + _TILE, 1]  # green is most of grey
            _, deviation = cv2.meanStdDev(cv2.Laplacian(part, cv2.CV_16S))
            found.append(math.log2(float(deviation[0, 0]) ** 2 + _FLAT))
    return found


def _directions(grey: npt.NDArray[np.uint8] | cv2.typing.MatLike) -> dict[str, Values]:
    """Mean of the fourth circular moment of gradients, which is 1 where all are level or plumb."""
    across = cv2.Sobel(grey, cv2.CV_32F, 1, 0)
    down = cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    squares, product = across * across - down * down, 2 * across * down
    strength = cv2.magnitude(squares, product)  # of the squared gradient, as of its square
    total = float(strength.sum())
    if total <= 0:
        return {}
    safe = np.maximum(strength, 1e-6)
    upright = float(((squares * squares - product * product) / safe).sum()) / total
    slant = float((2 * squares * product / safe).sum()) / total
    return {"upright": (upright,), "slant": (slant,)}
