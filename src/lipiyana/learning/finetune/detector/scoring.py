"""Scores a detector on the user's labels, and on the base's detections of the other classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lipiyana.samples import read_truth
from lipiyana.vehicles.detection.detector import PLATE
from lipiyana.vehicles.detection.letterbox import InputShape
from lipiyana.vehicles.training.data.labels import CLASSES
from lipiyana.vehicles.training.data.street_pictures import UNDECIDED, StreetPicture
from lipiyana.vehicles.training.evaluation import (
    ClassScore,
    Found,
    PredictFunction,
    find,
    mean_ap50,
    score,
)

SURE = 0.3
"""Minimum score for the base's detections to count as objects of unlabelled classes."""


@dataclass(frozen=True, slots=True, eq=False)
class DetectorScore:
    """Scores on the validation set.

    Attributes:
        taught: scores of the user's classes that occur there.
        retained: mean AP50 over the other classes, with the base's detections as truth; None if the
            base detects none.
        found: detections in each picture.
    """

    taught: dict[str, ClassScore]
    retained: float | None
    found: tuple[Found, ...]

    @property
    def ap50(self) -> float:
        """Mean AP50 over the user's classes."""
        return mean_ap50(self.taught) if self.taught else 0.0

    @property
    def ap(self) -> float:
        """Mean AP over IoU thresholds from 0.5 to 0.95, over the user's classes."""
        return float(np.mean([one.ap for one in self.taught.values()])) if self.taught else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Validation:
    """The validation set.

    Attributes:
        pictures: the user's validation pictures.
        others: the same pictures with the base's detections of unlabelled classes as truth.
        classes: classes of the new detector.
        taught: the user's classes.
    """

    pictures: tuple[StreetPicture, ...]
    others: tuple[StreetPicture, ...]
    classes: tuple[str, ...]
    taught: tuple[str, ...]

    @classmethod
    def of(
        cls,
        pictures: Sequence[StreetPicture],
        base: PredictFunction,
        classes: Sequence[str],
        taught: Sequence[str],
        shape: InputShape,
    ) -> Validation:
        """Run the base on the pictures, with the input shape that it serves with."""
        found = find(pictures, base, shape)
        others = tuple(map(_as_found, pictures, found))
        return cls(tuple(pictures), others, tuple(classes), tuple(taught))

    def score(self, predict: PredictFunction, shape: InputShape) -> DetectorScore:
        """Run a detector on all pictures, with an input shape, and score its detections."""
        found = find(self.pictures, predict, shape)
        taught = score(self.pictures, found, self.taught, self.classes)
        rest = [label for label in self.classes if label not in self.taught]
        other = score(self.others, found, rest, self.classes)
        return DetectorScore(taught, mean_ap50(other) if other else None, tuple(found))


def _as_found(picture: StreetPicture, found: Found) -> StreetPicture:
    """Replace the labels by the detections of unlabelled classes; unsure detections become
    undecided, so they count neither as right nor as wrong.
    """
    unknown = ~picture.known[found.classes]
    classes = np.where(found.scores >= SURE, found.classes, UNDECIDED)
    return replace(
        picture,
        boxes=found.boxes[unknown].astype(np.float32),
        classes=classes[unknown].astype(np.int64),
        known=~picture.known,
    )


def sample_plates(folder: Path, classes: Sequence[str] = CLASSES) -> tuple[StreetPicture, ...]:
    """Load the scenes of the project's samples with the boxes of their plates."""
    known = np.array([label == PLATE for label in classes])
    pictures = []
    for truth in read_truth(folder):
        if truth["layout"] != "scene":
            continue
        corners = [np.array(plate["polygon"]) for plate in truth["plates"]]
        boxes = [np.concatenate([c.min(0), c.max(0)]) for c in corners]
        pictures.append(
            StreetPicture(
                folder / truth["path"],
                "samples",
                np.array(boxes, np.float32).reshape(-1, 4),
                np.full(len(boxes), list(classes).index(PLATE), np.int64),
                known,
            )
        )
    return tuple(pictures)


def thresholds(
    scores: dict[str, ClassScore], base: dict[str, float], least_objects: int = 10
) -> dict[str, float]:
    """Choose the threshold of each class that maximizes F1; the base's if objects are few."""
    chosen = dict(base)
    for label, one in scores.items():
        if one.objects >= least_objects or label not in base:
            chosen[label] = round(min(0.9, max(0.05, one.threshold)), 3)
    return chosen
