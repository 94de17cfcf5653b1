"""Which pictures without any vehicle a detector fails on: those are shown to it more often."""

from __future__ import annotations

from collections.abc import Sequence

from lipiyana.vehicles.detection.letterbox import InputShape
from lipiyana.vehicles.training.data.street_pictures import StreetPicture
from lipiyana.vehicles.training.evaluation import PredictFunction, find

_SURE = 0.1
_MOST = 3.0

EASY = 0.5
"""How likely a picture is drawn on which nothing wrong is found, beside others."""


def mining_chances(
    pictures: Sequence[StreetPicture], predict: PredictFunction, size: int
) -> tuple[float, ...]:
    """How likely each is drawn: the more, the surer the detector is of more that is not there.

    Args:
        pictures: without any vehicle or plate.
        predict: the detector.
        size: the longer side of its inputs.
    """
    found = find(pictures, predict, InputShape(size))
    wrong = [float(each.scores[each.scores >= _SURE].sum()) for each in found]
    return tuple(EASY + min(each, _MOST) for each in wrong)
