"""`lipiyana finetune vehicles`: from boxed pictures to a registered detector."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from lipiyana.learning.finetune.common.course import Limits
from lipiyana.learning.finetune.common.earlier import (
    continue_options,
    refuse_finished,
    warn_of_replacement,
)
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
    TrainedDetector,
    finish_detector,
)
from lipiyana.learning.finetune.detector.learner import DetectorLearner, DetectorRecipe
from lipiyana.learning.finetune.detector.picture_cache import cache_downscaled
from lipiyana.learning.finetune.detector.scoring import Validation
from lipiyana.runtime.store import ModelStore
from lipiyana.vehicles.training.data.batches import CanvasMix
from lipiyana.vehicles.training.evaluation import predict_with_torch

MEASURED_PICTURES = 150
"""Maximum number of validation pictures; larger sets are thinned out evenly to save time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VehiclesJob(Job):
    """Settings of fine-tuning a detector, in addition to those of every `Job`.

    Attributes:
        data: see `box_files.read_boxes`.
        base: see `base.choose_detector`.
        recipe: training settings.
    """

    data: Path
    base: str | None = None
    recipe: DetectorRecipe = field(default_factory=DetectorRecipe)
    name: str = "finetuned-vehicles"
    limits: Limits = field(default_factory=lambda: Limits(minutes=15.0, measure_every_s=60.0))


def finetune_vehicles(
    job: VehiclesJob, store: ModelStore, listener: Listener | None = None
) -> FinetunedDetector:
    """Check the data, train, measure, quantize and register.

    Args:
        job: the job.
        store: the installed models, including the base.
        listener: receives the progress.

    Raises:
        InvalidRequest: the data, the base or the folder cannot be used; the message says why. See
            also `refuse_finished` and `course_of`.
        ModelUnavailable: the base is not installed.
        LipiyanaError: another error; the message explains it.
    """
    listener = listener or Listener()
    refuse_to_resume_nothing(job)
    base = choose_detector(store, job.base)
    refuse_finished(job, base.entry.sha256, continue_options(job))
    warn_of_replacement(job, base.entry, listener)
    listener.on_step("checking the data")
    boxes = read_boxes(job.data)
    listener.on_labels(len(boxes.pictures))
    data = check_boxes(boxes, base.classes, listener.on_label)
    listener.on_checked(data)
    with course_of(job, _key(job, base, data), listener) as course:
        listener.on_step("reading the pictures")
        # train at the base's input size, because the new model replaces it
        mix = CanvasMix(cache_downscaled(data.train, course.work / "train"), base.shape.size)
        step = max(1, -(-len(data.validation) // MEASURED_PICTURES))
        validation = Validation.of(
            cache_downscaled(data.validation[::step], course.work / "validation"),
            predict_with_torch(base.net()),
            data.classes,
            data.taught,
            base.shape,
        )
        if not course.learn(
            lambda: DetectorLearner(course.work, base, mix, validation, job.recipe)
        ):
            return FinetunedDetector(course.state)
        trained = TrainedDetector(job.name, base, data, mix, validation, course.state)
        return finish_detector(trained, job.out, course.work, job.samples, listener.on_step)


def _key(job: VehiclesJob, base: DetectorBase, data: CheckedBoxes) -> str:
    parts = [base.entry.sha256, job.name, *data.classes]
    for part in (data.train, data.validation):
        parts += [
            json.dumps([str(p.path), p.boxes.tolist(), p.classes.tolist(), p.known.tolist()])
            for p in part
        ]
        parts.append("")
    return key_of(parts)
