"""Scores a detector on the user's labels, and on the base's detections of the other classes.

The HTML report shows the scores by class, and the pictures that changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from lipiyana.arrays import RgbArray
from lipiyana.learning.finetune.common.course import CourseState
from lipiyana.learning.finetune.common.report_html import ScoreRow, picture_source, render
from lipiyana.learning.finetune.detector.checking import CheckedBoxes
from lipiyana.samples import read_truth
from lipiyana.vehicles.boxes import iou
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
_MOST_PICTURES = 20
_HEIGHT = 240
_IOU = 0.5
_TRUTH, _RIGHT, _WRONG, _UNKNOWN = (40, 160, 40), (40, 90, 220), (220, 40, 40), (130, 130, 130)


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


@dataclass(frozen=True, slots=True, eq=False)
class DetectorFacts:
    """Content of the report.

    Attributes:
        name: name of the new model.
        base: name of the base.
        data: the checked data.
        course: state of the course, with its measurements.
        before, after: scores on the user's validation set.
        plates: AP50 of the plates in the project's samples, before and after; None without samples.
        int8_ap50: mean AP50 of the float and the INT8 model.
        milliseconds: run times of the float and the INT8 model for one input on this host.
        notes: other remarks for the user.
    """

    name: str
    base: str
    data: CheckedBoxes
    course: CourseState
    before: DetectorScore
    after: DetectorScore
    plates: tuple[float, float] | None
    int8_ap50: tuple[float, float]
    milliseconds: tuple[float, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Changed:
    """A picture with different detections than before; `before` and `after` are data URLs."""

    name: str
    before: str
    after: str


def render_detector_report(facts: DetectorFacts, validation: Validation) -> str:
    """Render the report. It shows the user's pictures: keep it as private as they are."""
    changed = _changed(facts, validation)
    return render(
        "detector/report.html.jinja",
        facts=facts,
        scores=list(_scores(facts)),
        changed=len(changed),
        count=len(validation.pictures),
        sure=SURE,
        pictures=[_shown(number, facts, validation) for number in changed[:_MOST_PICTURES]],
    )


def _scores(facts: DetectorFacts) -> Iterator[ScoreRow]:
    for label, after in facts.after.taught.items():
        before = facts.before.taught[label].ap50
        yield ScoreRow(f"{label}, {after.objects} objects", "AP50", before, after.ap50)
    yield ScoreRow("your classes, mean", "AP50", facts.before.ap50, facts.after.ap50)
    if facts.after.retained is not None:
        before = facts.before.retained or 0.0
        name = "other classes, with the base's detections as truth"
        yield ScoreRow(name, "AP50", before, facts.after.retained)
    if facts.plates is not None:
        yield ScoreRow("plates in the project's samples", "AP50", *facts.plates)


def _changed(facts: DetectorFacts, validation: Validation) -> list[int]:
    """Indices of the pictures whose detections changed, regressions first."""
    gains = []
    for number, street in enumerate(validation.pictures):
        before, after = facts.before.found[number], facts.after.found[number]
        rights = [int(_right(street, found).sum()) for found in (before, after)]
        wrongs = [int(_wrong(street, found).sum()) for found in (before, after)]
        if rights[0] != rights[1] or wrongs[0] != wrongs[1]:
            gains.append((rights[1] - rights[0] - wrongs[1] + wrongs[0], number))
    return [number for _, number in sorted(gains)]


def _shown(number: int, facts: DetectorFacts, validation: Validation) -> _Changed:
    street = validation.pictures[number]
    before, after = (
        picture_source(_drawn(street, found, validation.classes), _HEIGHT)
        for found in (facts.before.found[number], facts.after.found[number])
    )
    return _Changed(street.path.name, before, after)


def _right(street: StreetPicture, found: Found) -> npt.NDArray[np.bool_]:
    """Mask of sure detections that match a labelled object of their class."""
    sure = found.scores >= SURE
    same = found.classes[:, None] == street.classes[None]
    near = iou(found.boxes, street.boxes.astype(np.float64)) >= _IOU
    return np.asarray(sure & (same & near).any(1))


def _wrong(street: StreetPicture, found: Found) -> npt.NDArray[np.bool_]:
    """Mask of sure detections of a labelled class that match no object."""
    undecided = street.boxes[street.classes == UNDECIDED].astype(np.float64)
    excused = (iou(found.boxes, undecided) >= _IOU).any(1)
    known = street.known[found.classes]
    return np.asarray((found.scores >= SURE) & known & ~excused & ~_right(street, found))


def _drawn(street: StreetPicture, found: Found, classes: tuple[str, ...]) -> RgbArray:
    pixels = street.pixels()
    scale = _HEIGHT / pixels.shape[0]
    size = (max(1, round(pixels.shape[1] * scale)), _HEIGHT)
    out = np.ascontiguousarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    for box in street.boxes[street.classes != UNDECIDED] * scale:
        _outline(out, box, _TRUTH, 2)
    right, wrong = _right(street, found), _wrong(street, found)
    for number in np.flatnonzero(found.scores >= SURE):
        colour = _RIGHT if right[number] else _WRONG if wrong[number] else _UNKNOWN
        box = found.boxes[number] * scale
        _outline(out, box, colour, 1)
        at = (int(box[0]) + 1, max(8, int(box[1]) - 2))
        label = classes[int(found.classes[number])]
        cv2.putText(out, label, at, cv2.FONT_HERSHEY_SIMPLEX, 0.3, colour, 1, cv2.LINE_AA)
    return out


def _outline(
    out: RgbArray, box: npt.NDArray[np.floating], colour: tuple[int, int, int], width: int
) -> None:
    left, top, right, bottom = (round(float(value)) for value in box)
    cv2.rectangle(out, (left, top), (right, bottom), colour, width)
