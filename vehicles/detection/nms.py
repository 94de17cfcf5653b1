"""Non-maximum suppression: of several boxes around one object, one survives, at their mean."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lipiyana.vehicles.boxes import Boxes, areas, inside, iou
from lipiyana.vehicles.detection.settings import VEHICLE_DETECTION, VehicleDetectionSettings

_BLOCK = 128

Clash = Callable[[Boxes, Boxes], npt.NDArray[np.bool_]]
"""Tells which of n boxes clash with which of m, as (n, m)."""


def first_apart(
    boxes: Boxes,
    clash: Clash,
    most: int = VEHICLE_DETECTION.most_detections,
) -> npt.NDArray[np.intp]:
    """Take boxes one after another, and skip each that clashes with one taken before.

    Blocks of boxes are compared with those that are still undecided: at most `most` times n pairs
    in all, and a few blocks of them at once in memory.

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
    *,
    settings: VehicleDetectionSettings = VEHICLE_DETECTION,
) -> npt.NDArray[np.intp]:
    """Drop every box that overlaps a better one of its class too much.

    Args:
        boxes: (n, 4).
        scores: (n,).
        classes: (n,).
        settings: tuned constants.

    Returns:
        Indices of the survivors, the best first; of equals the earlier. At most `most_detections`.
    """

    def same_object(a: Boxes, b: Boxes) -> npt.NDArray[np.bool_]:
        return np.asarray(iou(a, b) > settings.same_class_iou)

    order = np.argsort(-scores, kind="stable")
    ranks = [np.flatnonzero(classes[order] == label) for label in np.unique(classes)]
    survivors = [
        mine[first_apart(boxes[order[mine]], same_object, settings.most_detections)]
        for mine in ranks
    ]
    best = np.sort(np.concatenate([np.empty(0, np.intp), *survivors]))[: settings.most_detections]
    return np.asarray(order[best])


def vote_boxes(
    boxes: Boxes,
    scores: npt.NDArray[np.floating],
    classes: npt.NDArray[np.integer],
    survivors: npt.NDArray[np.intp],
    *,
    settings: VehicleDetectionSettings = VEHICLE_DETECTION,
) -> Boxes:
    """Move each survivor to the mean of the boxes of its class around it, weighted by their scores.

    Box voting, of Gidaris and Komodakis, "Object detection via a multi-region & semantic
    segmentation-aware CNN model", ICCV 2015, section 4.

    Args:
        boxes: (n, 4).
        scores: (n,), positive.
        classes: (n,).
        survivors: their indices (k,).
        settings: tuned constants.

    Returns:
        (k, 4).
    """
    mean: Boxes = np.empty((len(survivors), 4))
    for label in np.unique(classes[survivors]):
        rows, mine = np.flatnonzero(classes[survivors] == label), np.flatnonzero(classes == label)
        says = iou(boxes[survivors[rows]], boxes[mine]) > settings.agreeing_iou
        # one without inside overlaps nothing, not even itself
        says |= survivors[rows][:, None] == mine[None, :]
        weights = says * scores[mine]
        mean[rows] = weights @ boxes[mine] / weights.sum(axis=1, keepdims=True)
    return mean


@dataclass(frozen=True, slots=True, eq=False)
class Survivors:
    """The survivors of n boxes, the best first.

    Attributes:
        indices: (k,), which of them.
        boxes: (k, 4), their places by the vote of the boxes around them.
        scores: (k,).
    """

    indices: npt.NDArray[np.intp]
    boxes: Boxes
    scores: npt.NDArray[np.float64]


def suppress_and_vote(
    boxes: Boxes,
    scores: npt.NDArray[np.floating],
    classes: npt.NDArray[np.integer],
    *,
    settings: VehicleDetectionSettings = VEHICLE_DETECTION,
) -> Survivors:
    """Suppress, vote on places, and cap the confidence of an object's second-best classes and of
    parts of an object.

    Args:
        boxes: (n, 4).
        scores: (n,), in (0, 1], with the operating point above `second_class_cap`.
        classes: (n,).
        settings: tuned constants.
    """
    survivors = suppress(boxes, scores, classes, settings=settings)
    places = vote_boxes(boxes, scores, classes, survivors, settings=settings)
    better = np.tri(len(survivors), k=-1, dtype=np.bool_)
    second = (better & (iou(places, places) > settings.same_object_iou)).any(axis=1)
    named = classes[survivors]
    part = (
        better
        & (named[:, None] == named[None, :])
        & (inside(places, places) > settings.part_inside)
    )
    second |= (part & (areas(places)[:, None] < settings.part_area * areas(places)[None, :])).any(
        axis=1
    )
    left = np.where(
        second, np.minimum(scores[survivors], settings.second_class_cap), scores[survivors]
    )
    order = np.argsort(-left, kind="stable")
    return Survivors(survivors[order], places[order], left[order])
