"""Non-maximum suppression: of boxes around one thing the surest stays, where all of them agree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lipiyana.vehicles.boxes import Boxes, areas, inside, iou

SAME_CLASS = 0.5
"""IoU above which two boxes of one class are one thing."""

AGREEING = 0.55
"""IoU with what stays above which a box of its class has a say in where it is."""

ONE_THING = 0.6
"""IoU above which two boxes are one thing whatever their classes: a van is no car as well. On the
selection part 0.6 names a fiftieth less wrongly than 0.85, and mean AP50 is the same."""

WITHIN, PART = 0.9, 0.4
"""How much of a box lies in a surer one of its class, and the greatest share of its area, from
which on it is a part of that: a mirror is no car of its own. Of 400 labelled vehicles one lies so.
"""

SECOND_NAME = 0.2
"""Greatest confidence in another class of what has a better one, and in a part of something: who
asks for all that was considered is shown it, and nobody else, as it lies below the operating point.
"""


MOST_DETECTIONS = 1000
"""Of one picture: the surest stay. What is compared with all that stays takes bounded time."""

_BLOCK = 128

Clash = Callable[[Boxes, Boxes], npt.NDArray[np.bool_]]
"""Tells (n, m) which of n boxes cannot stay beside which of m."""


def first_apart(boxes: Boxes, clash: Clash, most: int = MOST_DETECTIONS) -> npt.NDArray[np.intp]:
    """Take boxes one after another, and leave out what clashes with one that was taken before.

    They are compared in blocks, with those alone that are still in question: at most `most` times
    n pairs, and a few blocks of them at once in memory.

    Args:
        boxes: (n, 4), the best first.
        clash: is symmetric.
        most: how many are taken.

    Returns:
        Their indices, ascending.
    """
    taken = np.empty(0, np.intp)
    left = np.arange(len(boxes))
    while len(left) and len(taken) < most:
        block, left = left[:_BLOCK], left[_BLOCK:]
        clashes = clash(boxes[block], boxes[block])
        stays = np.ones(len(block), np.bool_)
        for row in range(len(block)):
            if stays[row]:
                stays[row + 1 :] &= ~clashes[row, row + 1 :]
        taken = np.concatenate([taken, block[stays]])
        left = left[~clash(boxes[block[stays]], boxes[left]).any(axis=0)]
    return taken[:most]


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
        Indices of what stays, the best first; of equals the earlier. At most `MOST_DETECTIONS`.
    """
    order = np.argsort(-scores, kind="stable")
    ranks = [np.flatnonzero(classes[order] == label) for label in np.unique(classes)]
    kept = [mine[first_apart(boxes[order[mine]], _one_thing_of_a_class)] for mine in ranks]
    best = np.sort(np.concatenate([np.empty(0, np.intp), *kept]))[:MOST_DETECTIONS]
    return np.asarray(order[best])


def _one_thing_of_a_class(a: Boxes, b: Boxes) -> npt.NDArray[np.bool_]:
    return np.asarray(iou(a, b) > SAME_CLASS)


def voted(
    boxes: Boxes,
    scores: npt.NDArray[np.floating],
    classes: npt.NDArray[np.integer],
    kept: npt.NDArray[np.intp],
) -> Boxes:
    """Move what stays to the mean of the boxes of its class around it, weighted by their scores.

    Box voting, of Gidaris and Komodakis, "Object detection via a multi-region & semantic
    segmentation-aware CNN model", ICCV 2015, section 4.

    Args:
        boxes: (n, 4).
        scores: (n,), positive.
        classes: (n,).
        kept: indices (k,) of what stays.

    Returns:
        (k, 4).
    """
    mean: Boxes = np.empty((len(kept), 4))
    for label in np.unique(classes[kept]):
        rows, mine = np.flatnonzero(classes[kept] == label), np.flatnonzero(classes == label)
        says = iou(boxes[kept[rows]], boxes[mine]) > AGREEING
        # one without inside overlaps nothing, not even itself
        says |= kept[rows][:, None] == mine[None, :]
        weights = says * scores[mine]
        mean[rows] = weights @ boxes[mine] / weights.sum(axis=1, keepdims=True)
    return mean


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """What stays of n boxes, the best first.

    Attributes:
        indices: (k,), which of them.
        boxes: (k, 4), where they are by the vote of those around them.
        scores: (k,).
    """

    indices: npt.NDArray[np.intp]
    boxes: Boxes
    scores: npt.NDArray[np.float64]


def surest(
    boxes: Boxes,
    scores: npt.NDArray[np.floating],
    classes: npt.NDArray[np.integer],
) -> Kept:
    """`suppress`, let those around vote, and doubt every other class of one thing than its best,
    and parts of one thing.

    Args:
        boxes: (n, 4).
        scores: (n,), in (0, 1], with the operating point above `SECOND_NAME`.
        classes: (n,).
    """
    kept = suppress(boxes, scores, classes)
    places = voted(boxes, scores, classes, kept)
    better = np.tri(len(kept), k=-1, dtype=np.bool_)
    second = (better & (iou(places, places) > ONE_THING)).any(axis=1)
    named = classes[kept]
    part = better & (named[:, None] == named[None, :]) & (inside(places, places) > WITHIN)
    second |= (part & (areas(places)[:, None] < PART * areas(places)[None, :])).any(axis=1)
    left = np.where(second, np.minimum(scores[kept], SECOND_NAME), scores[kept])
    order = np.argsort(-left, kind="stable")
    return Kept(kept[order], places[order], left[order])
