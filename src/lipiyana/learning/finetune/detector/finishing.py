"""What follows the learning of a detector: export, INT8, before and after, registration, report."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lipiyana.files import write_atomically
from lipiyana.learning.finetune.common.course import CourseState
from lipiyana.learning.finetune.common.job import FinetunedModel, report_of
from lipiyana.learning.finetune.common.saving import BEST
from lipiyana.learning.finetune.common.twins import (
    FLOAT_SUFFIX,
    int8_notes,
    no_better,
    today,
    twins,
)
from lipiyana.learning.finetune.detector.base import DetectorBase
from lipiyana.learning.finetune.detector.checking import CheckedBoxes
from lipiyana.learning.finetune.detector.report import DetectorFacts, render_detector_report
from lipiyana.learning.finetune.detector.scoring import (
    DetectorScore,
    Validation,
    sample_plates,
    thresholds,
)
from lipiyana.learning.quantize.floor import require_useful
from lipiyana.learning.quantize.search import open_file
from lipiyana.learning.quantize.timing import median_milliseconds, typical_input
from lipiyana.learning.trainer.stored_weights import load_weights
from lipiyana.runtime.manifest import Task
from lipiyana.runtime.model_folder import NewModel, add_models
from lipiyana.vehicles.detection.detector import PLATE
from lipiyana.vehicles.detection.letterbox import InputShape
from lipiyana.vehicles.detection.network import input_of, operating_scores
from lipiyana.vehicles.training.data.batches import CanvasMix
from lipiyana.vehicles.training.evaluation import (
    PredictFunction,
    find,
    predict_with_session,
    predict_with_torch,
    score,
)
from lipiyana.vehicles.training.export_detector import calibration_inputs, export_float, quantize
from lipiyana.vehicles.training.network import DetectorNet

_CALIBRATING, _CALIBRATING_SEED = 64, 7_002
_INT8_LOSS = 0.01
"""AP50 that INT8 may cost on the validation part; where it costs more it is not registered."""

_Served = tuple[PredictFunction, InputShape]


@dataclass(frozen=True, slots=True)
class MadeDetector:
    """What was learned.

    Attributes:
        name: of the new model.
        base: where it began.
        data: the user's, checked.
        mix: what it learned from.
        validation: what it is measured on.
        course: how.
    """

    name: str
    base: DetectorBase
    data: CheckedBoxes
    mix: CanvasMix
    validation: Validation
    course: CourseState


@dataclass(frozen=True, slots=True, eq=False)
class FinetunedDetector(FinetunedModel):
    """What came of the fine-tuning of a detector.

    Attributes:
        before, after: on the user's validation part.
    """

    before: DetectorScore | None = None
    after: DetectorScore | None = None


def finish_detector(
    made: MadeDetector,
    out: Path,
    work: Path,
    samples: Path | None,
    on_step: Callable[[str], None],
) -> FinetunedDetector:
    """Make models of the best weights of a course and register them.

    Args:
        made: what was learned.
        out: the folder of models.
        work: the folder of the course, which has the best weights.
        samples: the project's samples, if they are at hand.
        on_step: told what is done next.

    Raises:
        OSError: the disk is full, or the folder cannot be written.
        ModelUnavailable: the new detector finds next to nothing (MODEL_TOO_WEAK).
        LipiyanaError: a model cannot be loaded.
    """
    on_step("exporting")
    twin, small = work / "float.onnx", work / "int8.onnx"
    net = DetectorNet(len(made.data.classes))
    net.load_state_dict(load_weights(work / BEST))
    export_float(net.eval(), twin, made.mix.size, classes=made.data.classes)
    on_step("quantizing")
    shape = input_of(open_file(twin, Task.VEHICLE_DETECTOR))
    seed = (made.mix.seed, _CALIBRATING_SEED)
    quantize(twin, small, calibration_inputs(made.mix.pictures, _CALIBRATING, shape, seed))
    on_step("measuring")
    # each in inputs of the shape in which it is served: the base's may be squares
    base = predict_with_torch(made.base.net()), made.base.shape
    sessions = [open_file(path, Task.VEHICLE_DETECTOR) for path in (twin, small)]
    new = [(predict_with_session(session), shape) for session in sessions]
    before, whole, rounded = (made.validation.score(*one) for one in (base, *new))
    milliseconds = median_milliseconds(sessions, typical_input(sessions[0]))
    good = whole.ap50 - rounded.ap50 <= _INT8_LOSS
    faster = good and milliseconds[1] < milliseconds[0]
    best, after = (new[1], rounded) if faster else (new[0], whole)
    require_useful(made.name, "mean AP50 on your validation part", after.ap50, before.ap50)
    better = after.ap50 > before.ap50
    facts = DetectorFacts(
        name=made.name,
        base=made.base.entry.name,
        data=made.data,
        course=made.course,
        before=before,
        after=after,
        plates=_plates(made, samples, base, best),
        int8_ap50=(whole.ap50, rounded.ap50),
        milliseconds=milliseconds,
        notes=tuple(_notes(made, before, after, better, good, faster, whole.ap50 - rounded.ap50)),
    )
    on_step("registering")
    chosen = thresholds(after.taught, operating_scores(made.base.entry))
    entries = add_models(out, _models(made, twin, small, facts, chosen, good, faster))
    report = report_of(out, made.name)
    write_atomically(report, render_detector_report(facts, made.validation).encode())
    return FinetunedDetector(
        made.course, entries, report, better, facts.notes, before=before, after=after
    )


def _plates(
    made: MadeDetector, samples: Path | None, base: _Served, new: _Served
) -> tuple[float, float] | None:
    """AP50 of the plates in the project's samples, before and after."""
    if samples is None:
        return None
    classes = made.data.classes
    scenes = sample_plates(samples, classes)
    found = (score(scenes, find(scenes, *one), (PLATE,), classes) for one in (base, new))
    before, after = (one[PLATE].ap50 for one in found)
    return before, after


def _notes(
    made: MadeDetector,
    before: DetectorScore,
    after: DetectorScore,
    better: bool,
    good: bool,
    faster: bool,
    lost: float,
) -> Iterator[str]:
    if not better:
        yield no_better("mean AP50", before.ap50, after.ap50, perfect=1)
    cost = f"{lost:.3f} of mean AP50, more than {_INT8_LOSS:g}"
    yield from int8_notes(cost, good=good, faster=faster)
    if after.kept is not None and after.kept < 0.8:
        yield (
            "what you did not label is found otherwise than before; with all classes labelled the "
            "detector would keep them"
        )
    if (count := len(made.validation.pictures)) < 20:
        yield f"{count} validation pictures are few: their scores tell little"


def _models(
    made: MadeDetector,
    twin: Path,
    small: Path,
    facts: DetectorFacts,
    chosen: dict[str, float],
    good: bool,
    faster: bool,
) -> list[NewModel]:
    base = made.base.entry

    def model(name: str, file: Path, ap50: float) -> NewModel:
        return NewModel(
            name=name,
            task=Task.VEHICLE_DETECTOR,
            file=file,
            version=today(),
            licence=base.licence or "as the data's",
            data=f"{base.data or base.name}; {len(made.data.train)} pictures of the user's",
            card=_card(made, facts),
            scores={"validation_ap50": round(ap50, 4)},
            parameters={"base_sha256": base.sha256, "thresholds": chosen},
        )

    whole = model(made.name + FLOAT_SUFFIX, twin, facts.int8_ap50[0])
    return twins(whole, model(made.name, small, facts.int8_ap50[1]), good=good, faster=faster)


def _card(made: MadeDetector, facts: DetectorFacts) -> str:
    rows = [
        f"| {label} | {one.objects} | {facts.before.taught[label].ap50:.4f} | {one.ap50:.4f} |"
        for label, one in facts.after.taught.items()
    ]
    return "\n".join(
        (
            f"# {made.name}",
            "",
            f"Fine-tuned from `{made.base.entry.name}` (sha256 {made.base.entry.sha256}) on "
            f"{len(made.data.train)} pictures in {made.course.seconds / 60:.1f} minutes. Classes: "
            f"{', '.join(made.data.classes)}.",
            "",
            "| the user's validation part | objects | AP50 before | AP50 after |",
            "|---|---|---|---|",
            *rows,
            "",
            "The pictures are the user's: whoever passes this model on has to know what their "
            "licence allows.",
            "",
        )
    )
