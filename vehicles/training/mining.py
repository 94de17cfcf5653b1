"""Hard negative mining: empty pictures with false detections are drawn more often."""

from __future__ import annotations

from collections.abc import Sequence

from lipiyana.vehicles.detection.letterbox import InputShape
from lipiyana.vehicles.training.data.street_pictures import StreetPicture
from lipiyana.vehicles.training.evaluation import PredictFunction, find

_SURE = 0.1
_MOST = 3.0

EASY = 0.5
"""Relative probability of a picture without false detections."""


def mining_chances(
    pictures: Sequence[StreetPicture], predict: PredictFunction, size: int
) -> tuple[float, ...]:
    """Relative probability of each picture, by the sum of the scores of its false detections.

    Args:
        pictures: pictures without vehicles or plates.
        predict: the detector.
        size: the longer side of its inputs.
    """
    found = find(pictures, predict, InputShape(size))
    wrong = [float(each.scores[each.scores >= _SURE].sum()) for each in found]
    return tuple(EASY + min(each, _MOST) for each in wrong)
