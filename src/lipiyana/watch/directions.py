"""Which way a vehicle went, from its boxes in the picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum

from lipiyana.types import Box
from lipiyana.watch.settings import WATCH, WatchSettings


class Direction(StrEnum):
    """Ways in the picture: to a side, or towards the camera or away from it."""

    LEFT = "left"
    RIGHT = "right"
    UP = "up"
    DOWN = "down"
    TOWARD = "toward"
    AWAY = "away"
    STILL = "still"


def direction_of(boxes: Sequence[Box], settings: WatchSettings = WATCH) -> Direction:
    """Compare the first box with the last one.

    Args:
        boxes: in order of time, at least one, in shares of the picture's sides.
        settings: tuned constants.
    """
    (x0, y0), (x1, y1) = _centre(boxes[0]), _centre(boxes[-1])
    right, down = x1 - x0, y1 - y0
    shift = math.hypot(right, down)
    # what the picture's edge cuts off grows as it comes in, wherever it goes
    whole = [box for box in boxes if not _is_cut(box, settings.edge)]
    growth = math.log(_size(whole[-1]) / _size(whole[0])) if whole else 0.0
    if abs(growth) >= settings.least_growth and abs(growth) * settings.growth_weight > shift:
        return Direction.TOWARD if growth > 0 else Direction.AWAY
    if shift < settings.least_shift:
        return Direction.STILL
    if abs(right) >= abs(down):
        return Direction.RIGHT if right > 0 else Direction.LEFT
    return Direction.DOWN if down > 0 else Direction.UP


def _centre(box: Box) -> tuple[float, float]:
    return (box.x_min + box.x_max) / 2, (box.y_min + box.y_max) / 2


def _size(box: Box) -> float:
    return math.sqrt(max(1e-9, (box.x_max - box.x_min) * (box.y_max - box.y_min)))


def _is_cut(box: Box, edge: float) -> bool:
    least, most = min(box.x_min, box.y_min), max(box.x_max, box.y_max)
    return least <= edge or most >= 1 - edge
