"""Non-maximum suppression: of boxes around one thing the surest stays."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lipiyana.vehicles.boxes import Boxes, iou

SAME_CLASS = 0.55
"""IoU above which two boxes of one class are one thing."""

ANY_CLASS = 0.85
"""IoU above which two boxes are one thing whatever their classes: a van is no car as well."""


def suppress(
    boxes: Boxes,
    scores: npt.NDArray[np.floating],
    classes: npt.NDArray[np.integer],
    *,
    same_class: float = SAME_CLASS,
    any_class: float = ANY_CLASS,
) -> npt.NDArray[np.intp]:
    """Drop every box that overlaps a better one too much.

    Args:
        boxes: (n, 4).
        scores: (n,).
        classes: (n,).
        same_class: largest IoU with a better box of the same class.
        any_class: largest IoU with a better box of any class.

    Returns:
        Indices of what stays, the best first; of equals the earlier.
    """
    order = np.argsort(-scores, kind="stable")
    overlap = iou(boxes[order], boxes[order])
    same = classes[order][:, None] == classes[order][None, :]
    beaten = overlap > np.where(same, min(same_class, any_class), any_class)
    alive = np.ones(len(order), np.bool_)
    for rank in range(len(order)):
        if alive[rank]:
            alive[rank + 1 :] &= ~beaten[rank, rank + 1 :]
    return order[alive]
