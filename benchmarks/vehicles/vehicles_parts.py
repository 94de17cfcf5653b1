"""Scores of vehicles by minimum size, since small far ones dominate the total, and by country."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from lipiyana.vehicles.training.data.street_pictures import UNDECIDED, StreetPicture
from lipiyana.vehicles.training.evaluation import ClassScore, Found, score

LEAST_SIDES = (0, 12, 20, 32, 48)
"""Pixels of the pictures, whose longer side has 640 in most of them."""

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
"""Sources of pictures."""

Scores = Mapping[str, ClassScore]


def scores_by_size(
    pictures: Sequence[StreetPicture], found: Sequence[Found], classes: Sequence[str]
) -> dict[int, Scores]:
    """Score the objects with at least this shorter side, for each of `LEAST_SIDES`.

    Smaller labels are ignored, found or not, as COCO ignores what lies
    outside of a range of areas; detections that are smaller are left out.
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
    """Score the pictures of each of `COUNTRIES` that has any."""
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
    kept = _shorter_sides(found.boxes) >= least
    return Found(found.boxes[kept], found.scores[kept], found.classes[kept])


def _shorter_sides(boxes: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    return np.asarray((boxes[:, 2:] - boxes[:, :2]).min(1))
