"""An untrained detector is fine-tuned on boxes of two colours, and served."""

from __future__ import annotations

import html
import os
import signal
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from needs import TORCH

torch = pytest.importorskip("torch", reason=TORCH)
import onnx
from boxes_drawn import draw_boxes, drawn_street, write_yolo

from lipiyana.errors import InvalidRequest, ModelUnavailable
from lipiyana.learning.finetune.common.course import Limits
from lipiyana.learning.finetune.common.job import WORK, Listener
from lipiyana.learning.finetune.detector import learner as detector_learner
from lipiyana.learning.finetune.detector import run as vehicles
from lipiyana.learning.finetune.detector.base import DetectorBase, choose_detector, grow_classes
from lipiyana.learning.finetune.detector.learner import DetectorLearner, DetectorRecipe
from lipiyana.learning.finetune.detector.run import VehiclesJob, finetune_vehicles
from lipiyana.learning.finetune.detector.scoring import Validation
from lipiyana.runtime.manifest import Task, read_manifest
from lipiyana.runtime.model_folder import NewModel, add_models
from lipiyana.runtime.store import ModelStore
from lipiyana.vehicles.detection.detector import VehicleDetector
from lipiyana.vehicles.detection.letterbox import InputShape
from lipiyana.vehicles.training.assignment import Assignment
from lipiyana.vehicles.training.data.batches import Batch, BatchSource, CanvasMix, batch_loader
from lipiyana.vehicles.training.data.labels import CLASSES
from lipiyana.vehicles.training.evaluation import PredictFunction, predict_with_torch
from lipiyana.vehicles.training.export_detector import export_float
from lipiyana.vehicles.training.network import DetectorNet
from lipiyana.vehicles.training.train_detector import Recipe

SIZE = 64


SAMPLES = Path(__file__).parents[3] / "samples"


FAST = DetectorRecipe(
    training=Recipe(
        4e-3, 8e-3, warm_up_steps=1, fade_steps=0, decay_share=0.3, ema_decay=0.9, clip_norm=10.0
    ),
    retain=0.1,
    workers=0,
)


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
    torch.set_flush_denormal(False)


@pytest.fixture
def square(blind: Path, tmp_path: Path) -> Path:
    """The same detector, in a file that only takes square inputs."""
    model = onnx.load(str(blind.parent / "net.onnx"))
    for axis in (2, 3):
        model.graph.input[0].type.tensor_type.shape.dim[axis].dim_value = 2 * SIZE
    onnx.helper.set_model_props(model, {"classes": "\n".join(CLASSES)})
    onnx.save(model, str(tmp_path / "square.onnx"))
    return tmp_path / "square.onnx"


@pytest.fixture
def base(blind: Path) -> DetectorBase:
    return choose_detector(ModelStore(blind, threads=1), None)


def test_a_base_with_square_input_is_scored_on_squares(
    square: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, set[tuple[int, ...]]] = {"base": set(), "course": set(), "new": set()}

    def watch(module: Any, name: str, who: str) -> None:
        make = getattr(module, name)

        def making(model: Any) -> PredictFunction:
            predict = make(model)
            return lambda pixels: (seen[who].add(pixels.shape[2:]), predict(pixels))[1]

        monkeypatch.setattr(module, name, making)

    watch(vehicles, "predict_with_torch", "base")
    watch(detector_learner, "predict_with_torch", "course")
    watch(vehicles, "predict_with_session", "new")
    job = replace(job_of(tmp_path, steps=1), base=str(square))
    assert finetune_vehicles(job, ModelStore(threads=1)).before is not None
    # all pictures and samples are 4:3; the new detector takes rectangles, in two passes
    rectangles, whole = {(96, 2 * SIZE), (SIZE, SIZE)}, {(2 * SIZE, 2 * SIZE)}
    assert seen == {"base": whole, "course": rectangles, "new": rectangles}
    network = VehicleDetector(ModelStore(job.out, threads=1)).network()
    assert network.shape == InputShape(2 * SIZE)


def test_the_input_shape_of_a_base_comes_from_its_entry(
    blind: Path, square: Path, tmp_path: Path
) -> None:
    model = NewModel(
        "larger", Task.VEHICLE_DETECTOR, blind.parent / "net.onnx", "1", "Apache-2.0", "nothing",
        "#", parameters={"input_size": 2 * SIZE},
    )  # fmt: skip
    add_models(tmp_path / "models", [model])
    assert choose_detector(ModelStore(tmp_path / "models"), None).shape == InputShape(2 * SIZE)
    store = ModelStore(threads=1)
    assert choose_detector(store, str(blind.parent / "net.onnx")).shape == InputShape(SIZE)
    assert choose_detector(store, str(square)).shape == InputShape(2 * SIZE, None)


def test_new_classes_come_after_the_old_ones(base: DetectorBase) -> None:
    grown = grow_classes(base, (*CLASSES, "tractor"))
    net = DetectorNet(len(CLASSES) + 1)
    net.load_state_dict(grown)
    pixels = torch.rand(1, 3, SIZE, SIZE) * 255
    with torch.no_grad():
        old, new = base.net()(pixels)[1], net.eval()(pixels)[1]
    torch.testing.assert_close(new[..., : len(CLASSES)], old)
    assert (new[..., -1] < old[..., : len(CLASSES) - 1].amax(-1)).all()
    with pytest.raises(ValueError, match="must begin with the old"):
        grow_classes(base, CLASSES[1:])


def test_other_models_are_refused_as_base(tmp_path: Path) -> None:
    store = ModelStore(threads=1)
    with pytest.raises(InvalidRequest, match="not a vehicle detector"):
        choose_detector(store, "ppocrv6-small-text-detector")
    with pytest.raises(ModelUnavailable):
        choose_detector(store, str(tmp_path / "no.onnx"))
    other = tmp_path / "other.onnx"
    export_float(DetectorNet(2), other, SIZE, classes=("cat", "dog"))
    with pytest.raises(InvalidRequest, match="those of this project"):
        choose_detector(store, str(other))


def test_the_base_is_distilled_on_unlabelled_classes(base: DetectorBase, tmp_path: Path) -> None:
    classes = (*CLASSES, "tractor")
    known = np.array([label in {"car", "tractor"} for label in classes])
    mix = CanvasMix((drawn_street(tmp_path, known),), SIZE, batch=2)
    validation = Validation.of(
        mix.pictures, predict_with_torch(base.net()), classes, ("car",), base.shape
    )
    learner = DetectorLearner(tmp_path, base, mix, validation, replace(FAST, retain=1.0))
    batch = next(iter(BatchSource(mix)))
    with torch.no_grad():
        boxes, logits = learner._trainer.averaged.eval()(batch.pixels.float())
    nothing = Assignment(torch.full(logits.shape[:2], -1), torch.zeros(logits.shape[:2]))
    same = learner._forgotten(batch, boxes, logits, nothing)
    assert abs(float(same)) < 1e-3
    labelled = torch.tensor([label in {"car", "tractor"} for label in classes])
    other = learner._forgotten(batch, boxes, logits + 2.0 * labelled, nothing)
    torch.testing.assert_close(other, same, atol=1e-3, rtol=0)
    assert float(learner._forgotten(batch, boxes, logits + 2.0 * ~labelled, nothing)) > 0.1


def test_a_course_resumes_in_either_phase(base: DetectorBase, tmp_path: Path) -> None:
    known = np.ones(len(CLASSES), np.bool_)
    mix = CanvasMix((drawn_street(tmp_path, known),), SIZE, batch=2)
    validation = Validation.of(
        mix.pictures, predict_with_torch(base.net()), CLASSES, ("car",), base.shape
    )
    first = DetectorLearner(tmp_path, base, mix, validation, FAST)
    assert not first.restore()
    for step, share in enumerate((0.1, 0.9), 1):
        first.learn(share)
        first.save()
        again = DetectorLearner(tmp_path, base, mix, validation, FAST)
        assert again.restore()
        assert again.step == step
        expected = first._trainer.averaged.state_dict()
        for name, value in again._trainer.averaged.state_dict().items():
            torch.testing.assert_close(value, expected[name], msg=name)
        again.learn(share)
        assert again.step == step + 1


def job_of(root: Path, steps: int) -> VehiclesJob:
    limits = Limits(minutes=60, steps=steps, measure_every_s=60.0, patience=1000)
    data = write_yolo(root / "data", 16)
    return VehiclesJob(
        data=data,
        out=root / "models",
        limits=limits,
        recipe=FAST,
        name="colours",
        samples=SAMPLES,
    )


def test_a_terminated_job_ends_in_the_same_models(blind: Path, tmp_path: Path) -> None:
    store, steps = ModelStore(blind, threads=1), 6
    job = job_of(tmp_path, steps)
    job = replace(job, limits=Limits().by_steps(steps), recipe=replace(job.recipe, steps=steps))
    jobs = {name: replace(job, out=tmp_path / name) for name in ("whole", "parts")}
    finetune_vehicles(jobs["whole"], store)
    for begun in (0.1, 0.7):  # with batch norms, and with INT8 simulated
        stopping = Listener(
            on_standing=lambda s, at=begun: (
                os.kill(os.getpid(), signal.SIGTERM) if s.share > at else None
            )
        )
        made = finetune_vehicles(jobs["parts"], store, stopping)
        assert made.course.ending == "terminated"
    assert finetune_vehicles(jobs["parts"], store).course.ending == "time"
    digests = [
        {entry.name: entry.sha256 for entry in read_manifest(jobs[name].out)} for name in jobs
    ]
    assert digests[0] == digests[1]


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_a_batch_is_drawn_for_its_number(workers: int, tmp_path: Path) -> None:
    known = np.ones(len(CLASSES), np.bool_)
    mix = CanvasMix((drawn_street(tmp_path, known),), SIZE, batch=2)

    def batches(first: int, count: int, workers: int) -> list[Batch]:
        source = BatchSource(replace(mix, workers=workers), first, mosaics_until=3)
        return list(islice(batch_loader(source), count))

    whole = batches(0, 5, 0)
    assert not torch.equal(whole[0].pixels, whole[1].pixels)
    for one, other in zip(batches(2, 3, workers), whole[2:], strict=True):
        assert torch.equal(one.pixels, other.pixels)
        assert torch.equal(one.boxes, other.boxes)


@pytest.fixture(scope="module")
def finetuned(blind: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The outcome of a few steps, with one interruption by Ctrl-C."""
    job = job_of(tmp_path_factory.mktemp("boxes"), steps=3)
    store = ModelStore(blind, threads=1)
    stopping = Listener(
        on_standing=lambda s: os.kill(os.getpid(), signal.SIGINT) if s.share > 0.2 else None
    )
    assert finetune_vehicles(job, store, stopping).course.ending == "interrupted"
    assert not (job.out / "manifest.toml").exists()
    with pytest.raises(InvalidRequest, match="--resume"):
        finetune_vehicles(job, store)
    made = finetune_vehicles(replace(job, resume=True), store)
    assert made.before is not None
    assert made.after is not None
    assert set(made.after.taught) == {"car", "tractor"}
    assert not (job.out / WORK).exists()
    return job.out


def test_the_new_detector_is_what_a_store_serves(finetuned: Path) -> None:
    store = ModelStore(finetuned, threads=1)
    entry = store.default_for_task(Task.VEHICLE_DETECTOR)
    assert entry.name in {"colours", "colours-float"}
    assert entry.parameters["thresholds"]["bus"] == 0.2
    assert all(check.ok for check in store.verify() if check.entry.name.startswith("colours"))
    detector = VehicleDetector(store)
    assert detector.network().classes == (*CLASSES, "tractor")
    detector.detect(draw_boxes(901)[0])


@pytest.mark.soak
def test_fine_tuning_improves_the_detector(blind: Path, tmp_path: Path) -> None:
    made = finetune_vehicles(job_of(tmp_path, steps=250), ModelStore(blind, threads=1))
    assert made.before is not None
    assert made.after is not None
    assert made.before.ap50 < 0.1
    assert made.after.ap50 > 0.6
    found = VehicleDetector(ModelStore(tmp_path / "models", threads=1)).detect(
        draw_boxes(901)[0], least=0.2
    )
    assert {d.label for d in found} == {"car", "tractor"}


def test_the_report_has_scores_and_pictures(finetuned: Path) -> None:
    report = (finetuned / "report-colours.html").read_text("utf-8")
    assert "tractor, " in report
    assert "the class tractor is new" in report
    assert "plates in the project's samples" in html.unescape(report)
    assert "<script" not in report


def test_a_finetuned_detector_can_be_a_base(finetuned: Path) -> None:
    base = choose_detector(ModelStore(finetuned, threads=1), None)
    assert base.classes == (*CLASSES, "tractor")
    assert base.shape == InputShape(SIZE)


def test_an_existing_detector_is_not_replaced_without_warning(
    finetuned: Path, blind: Path, tmp_path: Path
) -> None:
    store, warned = ModelStore(blind, threads=1), []

    def stop(_: str) -> None:
        raise KeyboardInterrupt

    listener = Listener(on_step=stop, on_warning=warned.append)
    job = VehiclesJob(data=tmp_path, out=finetuned, name="colours")
    with pytest.raises(InvalidRequest, match="not overwritten"):
        finetune_vehicles(job, store, listener)
    with pytest.raises(KeyboardInterrupt):
        finetune_vehicles(job, ModelStore(finetuned, threads=1), listener)
    assert warned == []
    with pytest.raises(KeyboardInterrupt):
        finetune_vehicles(replace(job, name="others"), store, listener)
    assert len(warned) == 1


def test_the_command_reports_errors(tmp_path: Path, blind: Path) -> None:
    from typer.testing import CliRunner

    from lipiyana.cli.main import app

    write_yolo(tmp_path / "data", 2)
    command = ["finetune", "vehicles", str(tmp_path / "data"), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(app, [*command, "--models", str(blind)])
    assert result.exit_code == 2
    assert "10 labelled pictures" in " ".join(result.output.replace("│", " ").split())
    assert not (tmp_path / "out").exists()
