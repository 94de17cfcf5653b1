"""What a score is worth: of the detections with it, how many are right. Chosen on selection.

Zadrozny and Elkan, "Transforming classifier scores into accurate multiclass probability estimates"
(KDD 2002): isotonic regression; here by a few bins, so that a manifest can hold it.
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
# so many detections of all classes together have a say in what those of a class are worth
_SHARED = 30.0
_STEP = 1e-3
_BARS = 10

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Detections that can be judged: scores (n,), classes (n,), and whether each is right (n,)."""

    scores: Floats
    classes: npt.NDArray[np.intp]
    right: npt.NDArray[np.bool_]


def judge(pictures: Sequence[StreetPicture], found: Sequence[Found]) -> Judged:
    """Tell which detections are right: the surest of its class on each label, at an IoU of 0.5.

    Left out is what cannot be judged: classes that the picture does not label, what lies on
    something undecided, what is smaller than what is surely labelled, and second names.
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
    kept = right | ~doubtful
    return found.scores[kept], found.classes[kept], right[kept]


def fit(judged: Judged) -> dict[str, Curve]:
    """Choose the curve of every class of which there are detections."""
    if not len(judged.scores):
        return {}
    whole = _curve(judged.scores, judged.right.astype(np.float64), np.ones(len(judged.scores)))
    curves = {}
    for index in np.unique(judged.classes):
        mine = judged.classes == index
        scores, right = judged.scores[mine], judged.right[mine].astype(np.float64)
        # what is known of all classes, as so many detections spread over the scores of this one
        at = np.quantile(scores, np.linspace(0, 1, 2 * _BINS))
        shared = np.full(len(at), _SHARED / len(at))
        curves[CLASSES[index]] = _curve(
            np.concatenate([scores, at]),
            np.concatenate([right, confidence_of(at, whole)]),
            np.concatenate([np.ones(len(scores)), shared]),
        )
    return curves


def _curve(scores: Floats, right: Floats, weights: Floats) -> Curve:
    """Means of bins of about as many right ones, brought to rise."""
    order = np.argsort(scores, kind="stable")
    scores, right, weights = scores[order], right[order], weights[order]
    # where few are right, many detections say little: bins hold as much of both
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
    """Confidences in the place of scores, the surest first."""
    scores = found.scores.copy()
    for label, curve in curves.items():
        mine = found.classes == CLASSES.index(label)
        second = mine & (scores == VEHICLE_DETECTION.second_class_cap)
        scores[mine] = confidence_of(scores[mine], curve)
        scores[second] = np.minimum(scores[second], VEHICLE_DETECTION.second_class_cap)
    order = np.argsort(-scores, kind="stable")
    return Found(found.boxes[order], scores[order], found.classes[order])


def calibration_error(judged: Judged, curves: Mapping[str, Curve], least: float = 0.1) -> float:
    """Expected calibration error: how far confidence and the share of right ones are apart.

    Guo et al., "On calibration of modern neural networks" (ICML 2017), over ten bars.

    Args:
        judged: detections.
        curves: of their classes; a class without one keeps its scores.
        least: confidence of those that count. Of a detector nearly all are surely wrong: they would
            make any calibration look good.
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
