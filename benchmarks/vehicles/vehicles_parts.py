"""Scores by minimum object size, because tiny distant objects dominate the score, and by country
of the pictures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from lipiyana.vehicles.training.data.street_pictures import UNDECIDED, StreetPicture
from lipiyana.vehicles.training.evaluation import ClassScore, Found, score

LEAST_SIDES = (0, 12, 20, 32, 48)
"""Minimum shorter sides in pixels; the longer side of most pictures has 640."""

COUNTRIES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "Bangladesh": frozenset({"dhaka", "dhaka640", "bangla_plates"}),
        "India": frozenset(
            {"iiith_auto", "indian_obstacle", "olx_plate", "juvd", "odisha_plates", "riders"}
        ),
        "India and elsewhere": frozenset({"traffic7"}),
        "Nepal": frozenset({"kathmandu"}),
    }
)
"""Sources of the pictures of each country."""

Scores = Mapping[str, ClassScore]


def scores_by_size(
    pictures: Sequence[StreetPicture], found: Sequence[Found], classes: Sequence[str]
) -> dict[int, Scores]:
    """Score objects whose shorter side has at least the given length, for each of `LEAST_SIDES`.

    Smaller labels are ignored, as COCO ignores objects outside an area range; smaller detections
    are dropped.
    """
    return {
        least: score(
            [_without_small(picture, least) for picture in pictures],
            [_large(here, least) for here in found],
            classes,
        )
        for least in LEAST_SIDES
    }


def scores_by_country(
    pictures: Sequence[StreetPicture], found: Sequence[Found], classes: Sequence[str]
) -> dict[str, Scores]:
    """Score the pictures of each of `COUNTRIES` that has pictures."""
    scores: dict[str, Scores] = {}
    for country, sources in COUNTRIES.items():
        here = [i for i, picture in enumerate(pictures) if picture.source in sources]
        if here:
            scores[country] = score([pictures[i] for i in here], [found[i] for i in here], classes)
    return scores


def _without_small(picture: StreetPicture, least: int) -> StreetPicture:
    small = _shorter_sides(picture.boxes) < least
    return replace(picture, classes=np.where(small, UNDECIDED, picture.classes))


def _large(found: Found, least: int) -> Found:
    selected = _shorter_sides(found.boxes) >= least
    return Found(found.boxes[selected], found.scores[selected], found.classes[selected])


def _shorter_sides(boxes: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    return np.asarray((boxes[:, 2:] - boxes[:, :2]).min(1))
