"""How well a detector finds what the user labelled, and whether it still finds the rest."""

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
"""Score from which on a detection of the base counts as an object, where nothing else is known."""


@dataclass(frozen=True, slots=True, eq=False)
class DetectorScore:
    """Scores on the validation part.

    Attributes:
        taught: by class of the user's that has an object there.
        kept: mean AP50 over the other classes, with what the base finds for the truth; None where
            it finds nothing.
        found: in each picture.
    """

    taught: dict[str, ClassScore]
    kept: float | None
    found: tuple[Found, ...]

    @property
    def ap50(self) -> float:
        """Mean over the user's classes."""
        return mean_ap50(self.taught) if self.taught else 0.0

    @property
    def ap(self) -> float:
        """The same over the IoUs from 0.5 to 0.95."""
        return float(np.mean([one.ap for one in self.taught.values()])) if self.taught else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Validation:
    """What is measured on.

    Attributes:
        pictures: the user's validation part.
        others: the same pictures with what the base finds of the classes that nothing is known of.
        classes: of the new detector.
        taught: the user's.
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
        """Let the base look at the pictures, in inputs of the shape in which it is served."""
        found = find(pictures, base, shape)
        others = tuple(map(_as_found, pictures, found))
        return cls(tuple(pictures), others, tuple(classes), tuple(taught))

    def score(self, predict: PredictFunction, shape: InputShape) -> DetectorScore:
        """Look at all pictures, in inputs of a shape, and score what is found."""
        found = find(self.pictures, predict, shape)
        taught = score(self.pictures, found, self.taught, self.classes)
        rest = [label for label in self.classes if label not in self.taught]
        kept = score(self.others, found, rest, self.classes)
        return DetectorScore(taught, mean_ap50(kept) if kept else None, tuple(found))


def _as_found(picture: StreetPicture, found: Found) -> StreetPicture:
    """Take the detections for the truth, of the classes that nothing is known of; what is not sure
    is neither right nor wrong.
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
    """The scenes among the project's samples, with the boxes of their plates."""
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
    """Choose the score of each class that gives the best F1; the base's where objects are few."""
    chosen = dict(base)
    for label, one in scores.items():
        if one.objects >= least_objects or label not in base:
            chosen[label] = round(min(0.9, max(0.05, one.threshold)), 3)
    return chosen
