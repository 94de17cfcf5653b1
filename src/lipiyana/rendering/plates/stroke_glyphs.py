"""Letters drawn as strokes of even width, near those pressed into high-security plates.

A glyph is some strokes on a grid 4 wide and 8 high, y down: points `x,y` joined by straight
lines. A stroke that begins with ~ has its corners rounded.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from lipiyana.rendering.text.shaping import Mask

_GRID_WIDTH, _GRID_HEIGHT = 4.0, 8.0
_STROKES = {
    "0": "~2,0 4,0 4,8 0,8 0,0 2,0",
    "1": "0.7,2 2.5,0 2.5,8",
    "2": "~0,2 0,0 4,0 4,3.6 0,8|0,8 4,8",
    "3": "~0,1.8 0,0 3.8,0 3.8,3.8 1.4,3.8|~1.4,3.8 4,3.8 4,8 0,8 0,6.2",
    "4": "2.4,0 0,5.9 4,5.9|3,3.8 3,8",
    "5": "3.7,0 0.4,0 0.2,3.6|~0.2,3.8 0.8,3 4,3 4,8 0,8 0,6.4",
    "6": "~4,1.6 4,0 0,0 0,8 4,8 4,3.4 0,3.4 0,5.4",
    "7": "0,0 4,0 1.4,8",
    "8": "~2,0 3.8,0 3.8,3.8 0.2,3.8 0.2,0 2,0|~2,3.8 4,3.8 4,8 0,8 0,3.8 2,3.8",
    "9": "~0,6.4 0,8 4,8 4,0 0,0 0,4.6 4,4.6 4,2.6",
    "A": "0,8 1.7,0 2.3,0 4,8|0.6,5.6 3.4,5.6",
    "B": "0,0 0,8|~0,0 3.7,0 3.7,3.8 0,3.8|~0,3.8 4,3.8 4,8 0,8",
    "C": "~4,2 4,0 0,0 0,8 4,8 4,6",
    "D": "0,0 0,8|~0,0 4,0 4,8 0,8",
    "E": "4,0 0,0 0,8 4,8|0,3.8 3.2,3.8",
    "F": "4,0 0,0 0,8|0,3.8 3.2,3.8",
    "G": "~4,2 4,0 0,0 0,8 4,8 4,4.4|4,4.4 2.3,4.4",
    "H": "0,0 0,8|4,0 4,8|0,3.9 4,3.9",
    "I": "2,0 2,8",
    "J": "~3.6,0 3.6,8 0,8 0,6",
    "K": "0,0 0,8|4,0 0,4.8|1.4,3.2 4,8",
    "L": "0,0 0,8 4,8",
    "M": "0,8 0,0 2,4.8 4,0 4,8",
    "N": "0,8 0,0 4,8 4,0",
    "O": "~2,0 4,0 4,8 0,8 0,0 2,0",
    "P": "0,8 0,0|~0,0 4,0 4,4.2 0,4.2",
    "Q": "~2,0 4,0 4,8 0,8 0,0 2,0|2.4,6 4.3,8.3",
    "R": "0,8 0,0|~0,0 4,0 4,4.2 0,4.2|2,4.2 4,8",
    "S": "~4,1.8 4,0 0,0 0,3.8 4,3.8 4,8 0,8 0,6.2",
    "T": "0,0 4,0|2,0 2,8",
    "U": "~0,0 0,8 4,8 4,0",
    "V": "0,0 2,8 4,0",
    "W": "0,0 0.9,8 2,2.6 3.1,8 4,0",
    "X": "0,0 4,8|4,0 0,8",
    "Y": "0,0 2,4 4,0|2,4 2,8",
    "Z": "0,0 4,0 0,8 4,8",
    "-": "0.8,4 3.2,4",
    ".": "2,7.8 2,8",
    "·": "2,4 2,4.2",
    "↑": "2,0.4 2,8|0.3,3 2,0.2 3.7,3",
}
_NARROW = frozenset("I.·")


@lru_cache(maxsize=2048)
def draw_glyph(character: str, height: int, stroke: float, width: float, radius: float) -> Mask:
    """Draw one character.

    Args:
        character: one that `has_glyph` knows.
        height: of a capital in pixels.
        stroke: width of the strokes as a part of the height.
        width: of a glyph as a part of the height.
        radius: of round corners as a part of the width, 0 for square ones, 0.5 for half circles.

    Returns:
        (height, glyph width) uint8; the caller must not write to it.
    """
    scale = 4 if height < 60 else 2
    tall, pen = height * scale, max(1, round(stroke * height * scale))
    wide = max(pen + 2, round(width * tall * (0.45 if character in _NARROW else 1.0)))
    canvas = np.zeros((tall, wide), np.uint8)
    span = np.array([wide - pen, tall - pen], np.float64) / (_GRID_WIDTH, _GRID_HEIGHT)
    if character in _NARROW:
        span[0] = (wide - pen) / _GRID_WIDTH
    for part in _STROKES[character].split("|"):
        points = np.array([p.split(",") for p in part.lstrip("~").split()], np.float64)
        points = points * span + pen / 2
        if part[0] == "~":
            points = _rounded(points, radius * span[0] * _GRID_WIDTH)
        fixed = np.rint(points * 16).astype(np.int32)
        cv2.polylines(canvas, [fixed], False, 255, pen, cv2.LINE_AA, shift=4)
    mask = cv2.resize(canvas, (max(1, wide // scale), height), interpolation=cv2.INTER_AREA)
    mask.flags.writeable = False
    return np.asarray(mask, np.uint8)


def has_glyph(character: str) -> bool:
    """Say whether a character can be drawn."""
    return character in _STROKES


def _rounded(points: npt.NDArray[np.float64], radius: float) -> npt.NDArray[np.float64]:
    """Replace every inner corner of a polyline by an arc (a quadratic curve)."""
    out = [points[0]]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        legs = [before - corner, after - corner]
        lengths = [float(np.hypot(*leg)) for leg in legs]
        reach = min(radius, *(length / 2 for length in lengths))
        start, end = (
            corner + leg * (reach / length) for leg, length in zip(legs, lengths, strict=True)
        )
        for t in np.linspace(0, 1, 7):
            # the middle point is drawn to the corner, so that the curve is nearly a circle's
            out.append((1 - t) ** 2 * start + 2 * t * (1 - t) * corner + t**2 * end)
    out.append(points[-1])
    return np.array(out)
