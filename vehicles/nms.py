"""Non-maximum suppression: of boxes around one thing the surest stays."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lipiyana.vehicles.boxes import Boxes, iou

SAME_CLASS = 0.55
"""IoU above which two boxes of one class are one thing."""

ONE_THING = 0.85
"""IoU above which two boxes are one thing whatever their classes: a van is no car as well."""

SECOND_NAME = 0.2
"""Greatest confidence in another class of what has a better one: who asks for all that was
considered is shown it, and nobody else, as it lies below the operating point.
"""


def suppress(
    boxes: Boxes,
    scores: npt.NDArray[np.floating],
    classes: npt.NDArray[np.integer],
) -> npt.NDArray[np.intp]:
    """Drop every box that overlaps a better one of its class too much.

    Args:
        boxes: (n, 4).
        scores: (n,).
        classes: (n,).

    Returns:
        Indices of what stays, the best first; of equals the earlier.
    """
    order = np.argsort(-scores, kind="stable")
    overlap = iou(boxes[order], boxes[order])
    same = classes[order][:, None] == classes[order][None, :]
    beaten = same & (overlap > SAME_CLASS)
    alive = np.ones(len(order), np.bool_)
    for rank in range(len(order)):
        if alive[rank]:
            alive[rank + 1 :] &= ~beaten[rank, rank + 1 :]
    return order[alive]


def surest(
    boxes: Boxes,
    scores: npt.NDArray[np.floating],
    classes: npt.NDArray[np.integer],
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]:
    """`suppress`, and doubt every other class of one thing than its best.

    Args:
        boxes: (n, 4).
        scores: (n,), in [0, 1], with the operating point above `SECOND_NAME`.
        classes: (n,).

    Returns:
        Indices of what stays and its scores, the best first.
    """
    kept = suppress(boxes, scores, classes)
    better = np.tri(len(kept), k=-1, dtype=np.bool_)
    second = (better & (iou(boxes[kept], boxes[kept]) > ONE_THING)).any(axis=1)
    left = np.where(second, np.minimum(scores[kept], SECOND_NAME), scores[kept])
    order = np.argsort(-left, kind="stable")
    return kept[order], left[order]
