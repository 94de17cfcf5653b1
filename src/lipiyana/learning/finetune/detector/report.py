"""The HTML report on fine-tuning a detector: scores by class, and pictures that changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from lipiyana.learning.finetune.common.course import CourseState
from lipiyana.learning.finetune.common.report_html import ScoreRow, picture_source, render
from lipiyana.learning.finetune.detector.checking import CheckedBoxes
from lipiyana.learning.finetune.detector.scoring import SURE, DetectorScore, Validation
from lipiyana.vehicles.boxes import iou
from lipiyana.vehicles.training.data.street_pictures import UNDECIDED, StreetPicture
from lipiyana.vehicles.training.evaluation import Found

Pixels = npt.NDArray[np.uint8]

_MOST_PICTURES = 20
_HEIGHT = 240
_IOU = 0.5
_TRUTH, _RIGHT, _WRONG, _UNKNOWN = (40, 160, 40), (40, 90, 220), (220, 40, 40), (130, 130, 130)


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


def _drawn(street: StreetPicture, found: Found, classes: tuple[str, ...]) -> Pixels:
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
    out: Pixels, box: npt.NDArray[np.floating], colour: tuple[int, int, int], width: int
) -> None:
    left, top, right, bottom = (round(float(value)) for value in box)
    cv2.rectangle(out, (left, top), (right, bottom), colour, width)
