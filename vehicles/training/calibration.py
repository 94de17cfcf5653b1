"""Score calibration: the precision of detections with a given score, fitted on the selection part.

Zadrozny and Elkan, "Transforming classifier scores into accurate multiclass probability estimates"
(KDD 2002): isotonic regression; here with a few bins, so that the curve fits in a manifest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lipiyana.vehicles.boxes import iou
from lipiyana.vehicles.detection.network import Curve, confidence_of
from lipiyana.vehicles.detection.settings import VEHICLE_DETECTION
from lipiyana.vehicles.training.data.labels import CLASSES
from lipiyana.vehicles.training.data.street_pictures import UNDECIDED, StreetPicture
from lipiyana.vehicles.training.evaluation import Found

_RIGHT = 0.5
_BINS = 8
# weight of the curve over all classes in each class's curve, in number of detections
_SHARED = 30.0
_STEP = 1e-3
_BARS = 10

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Judged detections: scores (n,), classes (n,), and whether each is correct (n,)."""

    scores: Floats
    classes: npt.NDArray[np.intp]
    right: npt.NDArray[np.bool_]


def judge(pictures: Sequence[StreetPicture], found: Sequence[Found]) -> Judged:
    """Match detections with labels: the surest of a label's class, at an IoU of 0.5, is correct.

    Detections that cannot be judged are dropped: of classes that the picture does not label, on
    undecided objects, smaller than the smallest labelled size, and second names.
    """
    parts = [_judged(*pair) for pair in zip(pictures, found, strict=True)]
    return Judged(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _judged(
    picture: StreetPicture, found: Found
) -> tuple[Floats, npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
    labels = picture.boxes.astype(np.float64)
    overlap = iou(found.boxes, labels) >= _RIGHT
    taken = np.zeros(len(labels), np.bool_)
    right = np.zeros(len(found.scores), np.bool_)
    for row in np.argsort(-found.scores, kind="stable"):
        free = overlap[row] & (picture.classes == found.classes[row]) & ~taken
        if free.any():
            taken[int(np.flatnonzero(free)[0])] = right[row] = True
    sides = (found.boxes[:, 2:] - found.boxes[:, :2]).min(1, initial=np.inf)
    doubtful = (overlap & (picture.classes == UNDECIDED)).any(1) | (sides < picture.smallest)
    doubtful |= (found.scores == VEHICLE_DETECTION.second_class_cap) | ~picture.known[found.classes]
    judged = right | ~doubtful
    return found.scores[judged], found.classes[judged], right[judged]


def fit(judged: Judged) -> dict[str, Curve]:
    """Fit the curve of every class with detections."""
    if not len(judged.scores):
        return {}
    whole = _curve(judged.scores, judged.right.astype(np.float64), np.ones(len(judged.scores)))
    curves = {}
    for index in np.unique(judged.classes):
        mine = judged.classes == index
        scores, right = judged.scores[mine], judged.right[mine].astype(np.float64)
        # the curve over all classes, as `_SHARED` pseudo-detections over this class's scores
        at = np.quantile(scores, np.linspace(0, 1, 2 * _BINS))
        shared = np.full(len(at), _SHARED / len(at))
        curves[CLASSES[index]] = _curve(
            np.concatenate([scores, at]),
            np.concatenate([right, confidence_of(at, whole)]),
            np.concatenate([np.ones(len(scores)), shared]),
        )
    return curves


def _curve(scores: Floats, right: Floats, weights: Floats) -> Curve:
    """Isotonic regression on the means of bins."""
    order = np.argsort(scores, kind="stable")
    scores, right, weights = scores[order], right[order], weights[order]
    # bins of equal mass in correct detections and, with a low weight, in all detections
    mass = np.cumsum(weights * (0.02 + right))
    bins = np.minimum((mass / mass[-1] * _BINS).astype(int), _BINS - 1)
    blocks = [
        [
            float(np.average(values, weights=weights[bins == b]))
            for values in (scores[bins == b], right[bins == b])
        ]
        + [float(weights[bins == b].sum())]
        for b in np.unique(bins)
    ]
    merged: list[list[float]] = []
    for block in blocks:
        merged.append(block)
        while len(merged) > 1 and merged[-2][1] >= merged[-1][1]:
            (x0, y0, w0), (x1, y1, w1) = merged.pop(-2), merged.pop()
            w = w0 + w1
            merged.append([(x0 * w0 + x1 * w1) / w, (y0 * w0 + y1 * w1) / w, w])
    pairs: list[tuple[float, float]] = []
    for x, y, _ in merged:
        low_x, low_y = pairs[-1] if pairs else (0.0, 0.0)
        pair = round(max(x, low_x + _STEP), 4), round(max(y, low_y + _STEP), 4)
        if max(pair) <= 1 - _STEP:
            pairs.append(pair)
    return tuple(pairs)


def calibrated(found: Found, curves: Mapping[str, Curve]) -> Found:
    """Replace scores by confidences, and sort by them in descending order."""
    scores = found.scores.copy()
    for label, curve in curves.items():
        mine = found.classes == CLASSES.index(label)
        second = mine & (scores == VEHICLE_DETECTION.second_class_cap)
        scores[mine] = confidence_of(scores[mine], curve)
        scores[second] = np.minimum(scores[second], VEHICLE_DETECTION.second_class_cap)
    order = np.argsort(-scores, kind="stable")
    return Found(found.boxes[order], scores[order], found.classes[order])


def calibration_error(judged: Judged, curves: Mapping[str, Curve], least: float = 0.1) -> float:
    """Expected calibration error: mean gap between confidence and precision.

    Guo et al., "On calibration of modern neural networks" (ICML 2017), with ten bins.

    Args:
        judged: judged detections.
        curves: calibration curves; a class without one keeps its scores.
        least: minimum confidence of the detections that count. A detector emits mostly low scores
            that are certainly wrong; with them any calibration would look good.
    """
    confidences = judged.scores.copy()
    for label, curve in curves.items():
        mine = judged.classes == CLASSES.index(label)
        confidences[mine] = confidence_of(judged.scores[mine], curve)
    counted = confidences >= least
    confidences, right = confidences[counted], judged.right[counted]
    if not len(right):
        return 0.0
    bars = np.minimum((confidences * _BARS).astype(int), _BARS - 1)
    gaps = [
        abs(float((confidences[bars == bar] - right[bars == bar]).sum())) for bar in range(_BARS)
    ]
    return sum(gaps) / len(right)
