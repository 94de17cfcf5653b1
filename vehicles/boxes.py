"""Upright boxes as arrays (n, 4) of x_min, y_min, x_max, y_max, and how they overlap."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lipiyana.types import Box

Boxes = npt.NDArray[np.float64]


def array_of(boxes: Sequence[Box]) -> Boxes:
    """Make an array of boxes."""
    rows = [(box.x_min, box.y_min, box.x_max, box.y_max) for box in boxes]
    return np.array(rows, np.float64).reshape(-1, 4)


def areas(boxes: Boxes) -> npt.NDArray[np.float64]:
    """Areas (n,), 0 for boxes without inside."""
    sides: Boxes = (boxes[:, 2:] - boxes[:, :2]).clip(0)
    return np.asarray(sides[:, 0] * sides[:, 1])


def intersections(a: Boxes, b: Boxes) -> npt.NDArray[np.float64]:
    """Areas (n, m) that each of `a` shares with each of `b`."""
    shared = _common_lengths(a, b, 0)
    shared *= _common_lengths(a, b, 1)
    return shared


def _common_lengths(a: Boxes, b: Boxes, axis: int) -> npt.NDArray[np.float64]:
    """Lengths (n, m) that two boxes have in common along x (0) or y (1)."""
    lengths = np.minimum(a[:, None, axis + 2], b[None, :, axis + 2])
    lengths -= np.maximum(a[:, None, axis], b[None, :, axis])
    return np.maximum(lengths, 0, out=lengths)


def iou(a: Boxes, b: Boxes) -> npt.NDArray[np.float64]:
    """Intersection over union (n, m); 0 if both are empty."""
    shared = intersections(a, b)
    union = areas(a)[:, None] + areas(b)[None, :] - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def inside(a: Boxes, b: Boxes) -> npt.NDArray[np.float64]:
    """Share (n, m) of each of `a` that lies in each of `b`; 0 if `a` is empty."""
    shared, own = intersections(a, b), np.broadcast_to(areas(a)[:, None], (len(a), len(b)))
    return np.divide(shared, own, out=np.zeros_like(shared), where=own > 0)
