"""`lipiyana finetune vehicles`: from boxed pictures to a registered detector, step by step."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from lipiyana.learning.finetune.common.course import Limits
from lipiyana.learning.finetune.common.earlier import going_on_from, refuse_finished, warn_of_disuse
from lipiyana.learning.finetune.common.job import (
    Job,
    Listener,
    course_of,
    key_of,
    refuse_to_resume_nothing,
)
from lipiyana.learning.finetune.detector.base import DetectorBase, choose_detector
from lipiyana.learning.finetune.detector.box_files import read_boxes
from lipiyana.learning.finetune.detector.checking import CheckedBoxes, check_boxes
from lipiyana.learning.finetune.detector.finishing import (
    FinetunedDetector,
    MadeDetector,
    finish_detector,
)
from lipiyana.learning.finetune.detector.learner import DetectorLearner, DetectorRecipe, at_hand
from lipiyana.learning.finetune.detector.scoring import Validation
from lipiyana.runtime.store import ModelStore
from lipiyana.vehicles.training.data.batches import CanvasMix
from lipiyana.vehicles.training.evaluation import predict_with_torch

MEASURED_PICTURES = 150
"""More validation pictures than this are thinned out evenly, for measuring must not take the time.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class VehiclesJob(Job):
    """What is asked for, beside what every `Job` has.

    Attributes:
        data: see `boxes.read_boxes`.
        base: see `detector_base.choose_detector`.
        recipe: how to learn.
    """

    data: Path
    base: str | None = None
    recipe: DetectorRecipe = field(default_factory=DetectorRecipe)
    name: str = "finetuned-vehicles"
    limits: Limits = field(default_factory=lambda: Limits(minutes=15.0, measure_every_s=60.0))


def finetune_vehicles(
    job: VehiclesJob, store: ModelStore, listener: Listener | None = None
) -> FinetunedDetector:
    """Check the data, learn, measure, quantize and register.

    Args:
        job: what is asked for.
        store: the models, of which the base is one.
        listener: told how far it is.

    Raises:
        InvalidRequest: the data, the base or the folder are no good; the message says why. See
            also `refuse_finished` and `course_of`.
        ModelUnavailable: the base is not installed.
        LipiyanaError: something else that a message explains.
    """
    told = listener or Listener()
    refuse_to_resume_nothing(job)
    base = choose_detector(store, job.base)
    refuse_finished(job, base.entry.sha256, going_on_from(job))
    warn_of_disuse(job, base.entry, told)
    told.on_step("checking the data")
    boxes = read_boxes(job.data)
    told.on_labels(len(boxes.pictures))
    data = check_boxes(boxes, base.classes, told.on_label)
    told.on_checked(data)
    with course_of(job, _key(job, base, data), told) as course:
        told.on_step("reading the pictures")
        # as large as what the base is served with: the new one takes its place
        mix = CanvasMix(at_hand(data.train, course.work / "train"), base.shape.size)
        step = max(1, -(-len(data.validation) // MEASURED_PICTURES))
        validation = Validation.of(
            at_hand(data.validation[::step], course.work / "validation"),
            predict_with_torch(base.net()),
            data.classes,
            data.taught,
            base.shape,
        )
        if not course.learn(
            lambda: DetectorLearner(course.work, base, mix, validation, job.recipe)
        ):
            return FinetunedDetector(course.state)
        made = MadeDetector(job.name, base, data, mix, validation, course.state)
        return finish_detector(made, job.out, course.work, job.samples, told.on_step)


def _key(job: VehiclesJob, base: DetectorBase, data: CheckedBoxes) -> str:
    parts = [base.entry.sha256, job.name, *data.classes]
    for part in (data.train, data.validation):
        parts += [
            json.dumps([str(p.path), p.boxes.tolist(), p.classes.tolist(), p.known.tolist()])
            for p in part
        ]
        parts.append("")
    return key_of(parts)
