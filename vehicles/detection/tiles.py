"""Squares of a large picture, so that what is far away is large enough for a detector."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lipiyana.vehicles.boxes import Boxes, areas, inside

LARGE = 2.0
"""A picture whose longer side is more than this many inputs is cut."""

MOST_TILES = 6

_LEAST_SIDE = 1.75  # inputs: smaller tiles see little more and cost much
_OVERLAP = 0.2  # of a tile's side: what is larger than that is seen in the whole picture
_GROWTH = 1.02
_AT_EDGE = 0.02  # of a tile's side: a box that ends so near to its edge is cut off there,
_NEAR_EDGE = 0.1  # and may be, at this
_PART = 0.8
_AS_SURE = 0.5


@dataclass(frozen=True, slots=True)
class Tile:
    """A part of a picture, in whole pixels."""

    x_min: int
    y_min: int
    x_max: int
    y_max: int


def tiles(height: int, width: int, size: int) -> list[Tile]:
    """Cut a picture into overlapping squares; none where it is not large for inputs of `size`.

    At most `MOST_TILES`: the larger the picture, the larger they are.
    """
    if max(height, width) <= LARGE * size:
        return []
    side = _LEAST_SIDE * size
    while _count(height, side) * _count(width, side) > MOST_TILES:
        side *= _GROWTH
    return [
        Tile(x, y, min(width, x + math.ceil(side)), min(height, y + math.ceil(side)))
        for y in _starts(height, side)
        for x in _starts(width, side)
    ]


def cut_off(boxes: Boxes, tile: Tile, height: int, width: int) -> npt.NDArray[np.bool_]:
    """Tell which boxes (n, 4) end at an edge of the tile that is not the picture's: of what they
    show the rest lies outside.
    """
    return _within(boxes, tile, height, width, _AT_EDGE)


def near_edge(boxes: Boxes, tile: Tile, height: int, width: int) -> npt.NDArray[np.bool_]:
    """Tell which boxes (n, 4) end so near to such an edge that they may show a part."""
    return _within(boxes, tile, height, width, _NEAR_EDGE)


def parts(
    boxes: Boxes, confidences: npt.NDArray[np.float64], doubtful: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """Tell which doubtful boxes are parts of what was seen whole: they lie in a larger box that
    is not doubtful and not much less sure.
    """
    sure = ~doubtful
    size = areas(boxes)
    of_sure = (
        (inside(boxes[doubtful], boxes[sure]) > _PART)
        & (size[doubtful, None] < size[None, sure])
        & (_AS_SURE * confidences[doubtful, None] <= confidences[None, sure])
    )
    out = doubtful.copy()
    out[doubtful] = of_sure.any(axis=1)
    return out


def _count(length: int, side: float) -> int:
    return max(1, math.ceil((length - _OVERLAP * side) / ((1 - _OVERLAP) * side)))


def _starts(length: int, side: float) -> list[int]:
    last = max(0, length - math.ceil(side))
    return [int(start) for start in np.linspace(0, last, _count(length, side))]


def _within(
    boxes: Boxes, tile: Tile, height: int, width: int, share: float
) -> npt.NDArray[np.bool_]:
    margin = share * max(tile.x_max - tile.x_min, tile.y_max - tile.y_min)
    edges = np.array([tile.x_min, tile.y_min, tile.x_max, tile.y_max])
    inner = edges != np.array([0, 0, width, height])
    inwards = (boxes - edges) * np.array([1, 1, -1, -1])  # below 0 where a box reaches out
    return np.asarray(((inwards <= margin) & inner).any(axis=1))
