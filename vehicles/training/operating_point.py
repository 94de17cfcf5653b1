"""The score from which the detections of a class count as found."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from lipiyana.vehicles.boxes import Boxes, iou
from lipiyana.vehicles.detection.settings import VEHICLE_DETECTION

_IOU = 0.5

Scored = tuple[float, bool]
"""The score of a detection, and whether it is right."""


def judged(
    boxes: Boxes, scores: npt.NDArray[np.float64], objects: Boxes, excused: Boxes
) -> list[Scored]:
    """Judge the detections of one class in one picture at an IoU of 0.5.

    The surest detection of an object is right, its further ones are wrong.

    Args:
        boxes: of the detections, (n, 4).
        scores: of the detections, (n,).
        objects: the labelled boxes, (m, 4).
        excused: boxes, (k, 4); a detection that matches only one of these is left out.
    """
    near = iou(boxes, objects)
    unlabelled = np.asarray((iou(boxes, excused) >= _IOU).any(axis=1))
    outcomes = []
    for number in np.argsort(-scores, kind="stable"):
        best = int(near[number].argmax()) if len(objects) else -1
        if best >= 0 and near[number, best] >= _IOU:
            near[:, best] = 0
            outcomes.append((float(scores[number]), True))
        elif not unlabelled[number]:
            outcomes.append((float(scores[number]), False))
    return outcomes


def best_threshold(outcomes: Iterable[Scored], objects: int) -> float:
    """Choose the threshold with the best F1, in the middle of the scores that give it.

    A threshold at the score of the least sure right detection would lose every new object that is
    as clear but a little less sure; halfway to the next wrong one it is found as well.

    Args:
        outcomes: all detections of a class.
        objects: number of labelled objects.

    Returns:
        The threshold; 1 if no detection is right.
    """
    # where scores are equal, a threshold takes all or none: the wrong ones come first
    ordered = sorted(outcomes, key=lambda one: (-one[0], one[1]))
    right = best = 0.0
    chosen = len(ordered)
    for number, (_, is_right) in enumerate(ordered):
        right += is_right
        f1 = 2 * right / (number + 1 + objects)
        if is_right and f1 > best:
            best, chosen = f1, number
    if chosen == len(ordered):
        return 1.0
    least_sure = ordered[chosen][0]
    below = (score for score, is_right in ordered[chosen + 1 :] if not is_right)
    # no detection has a score below the least one that is kept
    return (least_sure + next(below, VEHICLE_DETECTION.min_confidence)) / 2
