"""Cuts a large picture into squares, so that distant objects are large enough for a detector."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lipiyana.vehicles.boxes import Boxes, areas, inside
from lipiyana.vehicles.detection.settings import VEHICLE_DETECTION, VehicleDetectionSettings


@dataclass(frozen=True, slots=True)
class Tile:
    """A part of a picture, in whole pixels."""

    x_min: int
    y_min: int
    x_max: int
    y_max: int


def tiles(
    height: int, width: int, size: int, *, settings: VehicleDetectionSettings = VEHICLE_DETECTION
) -> list[Tile]:
    """Cut a picture into overlapping squares; none where it is not large for inputs of `size`.

    At most `most_tiles`: the larger the picture, the larger they are.
    """
    if max(height, width) <= settings.tiled_from * size:
        return []
    side = settings.tile_min_side * size
    while _count(height, side, settings) * _count(width, side, settings) > settings.most_tiles:
        side *= settings.tile_growth
    return [
        Tile(x, y, min(width, x + math.ceil(side)), min(height, y + math.ceil(side)))
        for y in _starts(height, side, settings)
        for x in _starts(width, side, settings)
    ]


def cut_off(
    boxes: Boxes,
    tile: Tile,
    height: int,
    width: int,
    *,
    settings: VehicleDetectionSettings = VEHICLE_DETECTION,
) -> npt.NDArray[np.bool_]:
    """Tell which boxes (n, 4) are cut off by an edge of the tile that is not the picture's."""
    return _within(boxes, tile, height, width, settings.cut_off_margin)


def near_edge(
    boxes: Boxes,
    tile: Tile,
    height: int,
    width: int,
    *,
    settings: VehicleDetectionSettings = VEHICLE_DETECTION,
) -> npt.NDArray[np.bool_]:
    """Tell which boxes (n, 4) end so near to such an edge that they may be cut off."""
    return _within(boxes, tile, height, width, settings.doubtful_margin)


def parts(
    boxes: Boxes,
    confidences: npt.NDArray[np.float64],
    doubtful: npt.NDArray[np.bool_],
    *,
    settings: VehicleDetectionSettings = VEHICLE_DETECTION,
) -> npt.NDArray[np.bool_]:
    """Tell which doubtful boxes are parts of an object that was seen whole.

    They lie in a larger box that is not doubtful and is about as confident or more.
    """
    sure = ~doubtful
    size = areas(boxes)
    of_sure = (
        (inside(boxes[doubtful], boxes[sure]) > settings.doubtful_inside)
        & (size[doubtful, None] < size[None, sure])
        & (settings.doubtful_confidence * confidences[doubtful, None] <= confidences[None, sure])
    )
    out = doubtful.copy()
    out[doubtful] = of_sure.any(axis=1)
    return out


def _count(length: int, side: float, settings: VehicleDetectionSettings) -> int:
    return max(
        1, math.ceil((length - settings.tile_overlap * side) / ((1 - settings.tile_overlap) * side))
    )


def _starts(length: int, side: float, settings: VehicleDetectionSettings) -> list[int]:
    last = max(0, length - math.ceil(side))
    return [int(start) for start in np.linspace(0, last, _count(length, side, settings))]


def _within(
    boxes: Boxes, tile: Tile, height: int, width: int, share: float
) -> npt.NDArray[np.bool_]:
    margin = share * max(tile.x_max - tile.x_min, tile.y_max - tile.y_min)
    edges = np.array([tile.x_min, tile.y_min, tile.x_max, tile.y_max])
    inner = edges != np.array([0, 0, width, height])
    inwards = (boxes - edges) * np.array([1, 1, -1, -1])  # below 0 where a box reaches out
    return np.asarray(((inwards <= margin) & inner).any(axis=1))
