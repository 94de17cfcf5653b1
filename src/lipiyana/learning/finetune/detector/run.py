"""`lipiyana finetune vehicles`: from boxed pictures to a registered detector.

After training the detector is exported, quantized, compared with its base, registered and reported.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lipiyana.files import write_atomically
from lipiyana.learning.finetune.common.course import CourseState, Limits
from lipiyana.learning.finetune.common.earlier import base_of
from lipiyana.learning.finetune.common.job import (
    FinetunedModel,
    Job,
    Listener,
    course_of,
    key_of,
    report_of,
)
from lipiyana.learning.finetune.common.provenance import Provenance, provenance_of
from lipiyana.learning.finetune.common.saving import BEST
from lipiyana.learning.finetune.common.twins import (
    FLOAT_SUFFIX,
    int8_notes,
    no_gain_note,
    today,
    twins,
)
from lipiyana.learning.finetune.detector.base import DetectorBase, choose_detector
from lipiyana.learning.finetune.detector.box_files import read_boxes
from lipiyana.learning.finetune.detector.checking import CheckedBoxes, check_boxes
from lipiyana.learning.finetune.detector.learner import DetectorLearner, DetectorRecipe
from lipiyana.learning.finetune.detector.scoring import (
    DetectorFacts,
    DetectorScore,
    Validation,
    render_detector_report,
    sample_plates,
    thresholds,
)
from lipiyana.learning.quantize.floor import require_useful
from lipiyana.learning.quantize.search import open_file
from lipiyana.learning.quantize.timing import median_milliseconds, typical_input
from lipiyana.learning.trainer.stored_weights import load_weights
from lipiyana.runtime.manifest import Task
from lipiyana.runtime.model_folder import NewModel, add_models
from lipiyana.runtime.store import ModelStore
from lipiyana.vehicles.detection.detector import PLATE
from lipiyana.vehicles.detection.letterbox import InputShape
from lipiyana.vehicles.detection.network import input_of, operating_scores
from lipiyana.vehicles.training.data.batches import CanvasMix
from lipiyana.vehicles.training.data.street_pictures import cache_downscaled
from lipiyana.vehicles.training.evaluation import (
    PredictFunction,
    find,
    predict_with_session,
    predict_with_torch,
    score,
)
from lipiyana.vehicles.training.export_detector import calibration_inputs, export_float, quantize
from lipiyana.vehicles.training.network import DetectorNet

MEASURED_PICTURES = 150
"""Maximum number of validation pictures; larger sets are thinned out evenly to save time."""

_CALIBRATING, _CALIBRATING_SEED = 64, 7_002
_INT8_LOSS = 0.01
"""Maximum loss in AP50 by INT8 on the validation set; above it INT8 is not registered."""

_Served = tuple[PredictFunction, InputShape]


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


@dataclass(frozen=True, slots=True)
class TrainedDetector:
    """A trained detector.

    Attributes:
        name: name of the new model.
        base: the model that it started from.
        data: the user's checked data.
        mix: the training pictures.
        validation: the validation set.
        course: state of the course.
    """

    name: str
    base: DetectorBase
    data: CheckedBoxes
    mix: CanvasMix
    validation: Validation
    course: CourseState


@dataclass(frozen=True, slots=True, eq=False)
class FinetunedDetector(FinetunedModel):
    """Outcome of fine-tuning a detector.

    Attributes:
        before, after: scores on the user's validation set.
    """

    before: DetectorScore | None = None
    after: DetectorScore | None = None


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
            also `base_of` and `course_of`.
        ModelUnavailable: the base is not installed.
        LipiyanaError: another error; the message explains it.
    """
    listener = listener or Listener()
    base = base_of(job, lambda: choose_detector(store, job.base), listener)
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


def finish_detector(
    trained: TrainedDetector,
    out: Path,
    work: Path,
    samples: Path | None,
    on_step: Callable[[str], None],
) -> FinetunedDetector:
    """Make models of a course's best weights and register them.

    Args:
        trained: the trained detector.
        out: output folder for the models.
        work: folder of the course, with the best weights.
        samples: folder of the project's samples, if available.
        on_step: called with a short text before each step.

    Raises:
        OSError: the disk is full, or the folder cannot be written.
        ModelUnavailable: the new detector finds next to nothing (MODEL_TOO_WEAK).
        LipiyanaError: a model cannot be loaded.
    """
    on_step("exporting")
    twin, small = work / "float.onnx", work / "int8.onnx"
    net = DetectorNet(len(trained.data.classes))
    net.load_state_dict(load_weights(work / BEST))
    export_float(net.eval(), twin, trained.mix.size, classes=trained.data.classes)
    on_step("quantizing")
    shape = input_of(open_file(twin, Task.VEHICLE_DETECTOR))
    seed = (trained.mix.seed, _CALIBRATING_SEED)
    quantize(twin, small, calibration_inputs(trained.mix.pictures, _CALIBRATING, shape, seed))
    on_step("measuring")
    # each model gets the input shape that it serves with: the base's may be square
    base = predict_with_torch(trained.base.net()), trained.base.shape
    sessions = [open_file(path, Task.VEHICLE_DETECTOR) for path in (twin, small)]
    new = [(predict_with_session(session), shape) for session in sessions]
    before, whole, rounded = (trained.validation.score(*one) for one in (base, *new))
    milliseconds = median_milliseconds(sessions, typical_input(sessions[0]))
    good = whole.ap50 - rounded.ap50 <= _INT8_LOSS
    faster = good and milliseconds[1] < milliseconds[0]
    best, after = (new[1], rounded) if faster else (new[0], whole)
    require_useful(trained.name, "mean AP50 on your validation part", after.ap50, before.ap50)
    better = after.ap50 > before.ap50
    facts = DetectorFacts(
        name=trained.name,
        base=trained.base.entry.name,
        data=trained.data,
        course=trained.course,
        before=before,
        after=after,
        plates=_plates(trained, samples, base, best),
        int8_ap50=(whole.ap50, rounded.ap50),
        milliseconds=milliseconds,
        notes=tuple(
            _notes(trained, before, after, better, good, faster, whole.ap50 - rounded.ap50)
        ),
    )
    on_step("registering")
    chosen = thresholds(after.taught, operating_scores(trained.base.entry))
    entries = add_models(out, _models(trained, twin, small, facts, chosen, good, faster))
    report = report_of(out, trained.name)
    write_atomically(report, render_detector_report(facts, trained.validation).encode())
    return FinetunedDetector(
        trained.course, entries, report, better, facts.notes, before=before, after=after
    )


def _plates(
    trained: TrainedDetector, samples: Path | None, base: _Served, new: _Served
) -> tuple[float, float] | None:
    """AP50 of the plates in the project's samples, of the base and the new detector."""
    if samples is None:
        return None
    classes = trained.data.classes
    scenes = sample_plates(samples, classes)
    found = (score(scenes, find(scenes, *one), (PLATE,), classes) for one in (base, new))
    before, after = (one[PLATE].ap50 for one in found)
    return before, after


def _notes(
    trained: TrainedDetector,
    before: DetectorScore,
    after: DetectorScore,
    better: bool,
    good: bool,
    faster: bool,
    lost: float,
) -> Iterator[str]:
    if not better:
        yield no_gain_note("mean AP50", before.ap50, after.ap50, perfect=1)
    cost = f"{lost:.3f} of mean AP50, more than {_INT8_LOSS:g}"
    yield from int8_notes(cost, good=good, faster=faster)
    if after.retained is not None and after.retained < 0.8:
        yield (
            "objects of unlabelled classes are detected differently than before; label all "
            "classes to keep their detections"
        )
    if (count := len(trained.validation.pictures)) < 20:
        yield f"{count} validation pictures are few: the scores are not reliable"


def _models(
    trained: TrainedDetector,
    twin: Path,
    small: Path,
    facts: DetectorFacts,
    chosen: dict[str, float],
    good: bool,
    faster: bool,
) -> list[NewModel]:
    base = trained.base.entry
    pictures = (*trained.data.train, *trained.data.validation)
    labels = ((p.path, [p.boxes.tolist(), p.classes.tolist(), p.known.tolist()]) for p in pictures)
    made_of = provenance_of(base, labels)

    def model(name: str, file: Path, ap50: float) -> NewModel:
        return NewModel(
            name=name,
            task=Task.VEHICLE_DETECTOR,
            file=file,
            version=today(),
            licence=base.licence or "that of the data",
            data=f"{base.data or base.name}; {len(trained.data.train)} pictures of the user",
            card=_card(trained, facts, made_of),
            scores={"validation_ap50": round(ap50, 4)},
            parameters={**made_of.parameters(), "thresholds": chosen},
        )

    whole = model(trained.name + FLOAT_SUFFIX, twin, facts.int8_ap50[0])
    return twins(whole, model(trained.name, small, facts.int8_ap50[1]), good=good, faster=faster)


def _card(trained: TrainedDetector, facts: DetectorFacts, made_of: Provenance) -> str:
    rows = [
        f"| {label} | {one.objects} | {facts.before.taught[label].ap50:.4f} | {one.ap50:.4f} |"
        for label, one in facts.after.taught.items()
    ]
    return "\n".join(
        (
            f"# {trained.name}",
            "",
            f"Fine-tuned from `{trained.base.entry.name}` on {len(trained.data.train)} pictures in "
            f"{trained.course.seconds / 60:.1f} minutes. Classes: "
            f"{', '.join(trained.data.classes)}.",
            "",
            str(made_of),
            "",
            "| the user's validation part | objects | AP50 before | AP50 after |",
            "|---|---|---|---|",
            *rows,
            "",
            "The pictures belong to the user: check their licence before passing this model on.",
            "",
        )
    )
