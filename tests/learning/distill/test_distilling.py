"""Distillation of a text detector: rendered pictures, teacher, training, serving."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from needs import TORCH

torch = pytest.importorskip("torch", reason=TORCH)

from lipiyana.errors import InvalidRequest, ModelUnavailable
from lipiyana.learning.distill import text_detector
from lipiyana.learning.distill.crops import CropMix, batches
from lipiyana.learning.distill.finishing import (
    export_student,
    is_found,
    read_student,
    sample_scenes,
)
from lipiyana.learning.distill.network import (
    NEW_LAYERS,
    STEM_CHANNELS,
    WIDTH,
    Stem,
    TextStudent,
    WithProbabilities,
    computed_in_int8,
)
from lipiyana.learning.distill.pictures.pool import Pool, PoolPicture, fill_pool, photographs
from lipiyana.learning.distill.pretrained import NAME, fit_stem, pretrained_weights
from lipiyana.learning.distill.student import (
    FROM_PRETRAINED,
    DistillLearner,
    StudentRecipe,
    map_loss,
)
from lipiyana.learning.distill.text_detector import DistillJob, distill_text_detector
from lipiyana.learning.finetune.common.course import Limits, Measured
from lipiyana.learning.finetune.common.job import WORK, Listener
from lipiyana.learning.finetune.common.saving import BEST
from lipiyana.learning.quantize import floor
from lipiyana.learning.quantize.search import open_file
from lipiyana.learning.trainer.stored_weights import load_weights
from lipiyana.ocr.detection.detector import TextDetector, TextRegion
from lipiyana.ocr.detection.settings import SCENE_DETECTION
from lipiyana.ocr.training.network import Stem as TeacherStem
from lipiyana.runtime.manifest import Task
from lipiyana.runtime.store import ModelStore
from lipiyana.vehicles.training.norms import folded, install

SAMPLES = Path(__file__).parents[3] / "samples"


FAST = StudentRecipe(
    training=replace(FROM_PRETRAINED, head_rate=4e-3, warm_up_steps=1, fade_steps=4, ema_decay=0.9),
    workers=0,
    fitting_steps=2,
)


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def drawn(tmp_path: Path) -> tuple[PoolPicture, ...]:
    """Draw dark bars on a light background, and the map of their cores."""
    rng = np.random.default_rng(0)
    pool = []
    for number in range(4):
        picture = np.full((96, 128, 3), 220, np.uint8)
        cores = np.zeros((96, 128), np.uint8)
        for _ in range(3):
            x, y = int(rng.integers(0, 90)), int(rng.integers(0, 80))
            cv2.rectangle(picture, (x, y), (x + 30, y + 12), (20, 20, 20), -1)
            cv2.rectangle(cores, (x + 2, y + 3), (x + 28, y + 9), 255, -1)
        seen = PoolPicture(tmp_path / f"{number}.jpg", tmp_path / f"{number}.png")
        cv2.imwrite(str(seen.picture), picture)
        cv2.imwrite(str(seen.map), cores)
        pool.append(seen)
    return tuple(pool)


def test_the_student_outputs_one_logit_per_pixel() -> None:
    net = TextStudent().eval()
    with torch.no_grad():
        assert net(torch.zeros(2, 3, 64, 96)).shape == (2, 1, 64, 96)
        assert float(net(torch.zeros(1, 3, 64, 64)).sigmoid().mean()) < 0.4
    rounded = [name for name, layer in net.named_modules() if computed_in_int8(name, layer)]
    assert "stages.0.0.expand" in rounded
    assert "mix.0.conv" in rounded
    assert not {"rows", "stem.conv2", "stages.0.0.depthwise"} & set(rounded)


def test_the_student_begins_with_what_its_teacher_knows(store: ModelStore) -> None:
    torch.manual_seed(0)
    pixels = iter(torch.rand(12, 4, 3, 64, 64) * 2 - 1)
    weights = pretrained_weights(store.entry(NAME).file, pixels, 3)
    assert not [name for name in weights if name.startswith(NEW_LAYERS)]
    net = TextStudent()
    assert set(net.load_state_dict(weights, strict=False).missing_keys) == {
        name for name in net.state_dict() if name.startswith(NEW_LAYERS)
    }
    again = pretrained_weights(store.entry(NAME).file, pixels, 3)
    torch.testing.assert_close(
        again["stages.2.1.expand.weight"], weights["stages.2.1.expand.weight"]
    )
    reader = next(one for one in store.entries if one.task is Task.LINE_READER)
    with pytest.raises(InvalidRequest, match="not PP-OCRv6"):
        pretrained_weights(reader.file, pixels, 3)


def test_a_fitted_stem_computes_what_the_teachers_does() -> None:
    torch.manual_seed(0)
    teacher, stem = TeacherStem(STEM_CHANNELS, WIDTH), Stem()
    pixels = [torch.rand(4, 3, 64, 64) * 2 - 1 for _ in range(40)]
    early = fit_stem(stem, teacher, iter(pixels), 1)
    assert fit_stem(stem, teacher, iter(pixels), 40) < early / 2


def test_the_file_computes_what_the_network_does(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = TextStudent()
    install(net)
    net.train()(torch.randn(2, 3, 64, 64))
    net = folded(net).eval()
    export_student(net, tmp_path / "student.onnx")
    pixels = torch.randn(1, 3, 64, 96)
    with torch.no_grad():
        wanted = WithProbabilities(net, SCENE_DETECTION.pixel_threshold)(pixels).numpy()
    session = open_file(tmp_path / "student.onnx", Task.TEXT_DETECTOR)
    (found,) = session.run(pixels.numpy())
    assert found.shape == (1, 1, 64, 96)
    np.testing.assert_allclose(found, wanted, atol=0.05)  # its weights are rounded to 8 bits


def test_the_loss_is_lowest_for_equal_maps() -> None:
    maps = (torch.rand(2, 1, 32, 32) > 0.8).float()
    right, wrong = 12 * (maps - 0.5), -12 * (maps - 0.5)
    known = torch.ones_like(maps)
    assert float(map_loss(right, maps, known)) < 0.05
    assert float(map_loss(torch.zeros_like(maps), maps, known)) > 0.5
    assert float(map_loss(wrong, maps, known)) > 3
    assert torch.isfinite(map_loss(right, torch.zeros_like(maps), known))


def test_the_loss_ignores_unknown_pixels() -> None:
    maps = torch.zeros(1, 1, 32, 32)
    maps[..., 4:8, 4:28] = 1
    known = torch.ones_like(maps)
    known[..., 16:24, :] = 0
    logits = 12 * (maps - 0.5)
    other = logits.clone()
    other[..., 16:24, :] = 9
    assert torch.equal(map_loss(logits, maps, known), map_loss(other, maps, known))
    assert map_loss(logits, maps, torch.ones_like(maps)) < map_loss(
        other, maps, torch.ones_like(maps)
    )


def test_crops_show_text_and_its_map_together(drawn: tuple[PoolPicture, ...]) -> None:
    batch = next(batches(CropMix(drawn, size=64, batch=16), 0))
    assert batch.pixels.shape == (16, 3, 64, 64)
    assert batch.maps.shape == (16, 1, 64, 64)
    text = (batch.maps > 0.9)[:, 0]
    grey = batch.pixels.mean(1)
    darker = [bool(g[t].mean() < g[~t].mean()) for g, t in zip(grey, text, strict=True) if t.any()]
    assert len(darker) > 8
    assert np.mean(darker) > 0.75  # some crops are negatives


def test_a_course_trains_and_resumes_in_either_phase(
    drawn: tuple[PoolPicture, ...], tmp_path: Path, store: ModelStore
) -> None:
    mix = CropMix(drawn, size=64, batch=4)
    learner = DistillLearner(tmp_path, mix, drawn, FAST, pretrained=store.entry(NAME).file)
    assert not learner.restore()
    before = learner.measure()
    for _ in range(30):
        learner.learn(0.1)
    assert learner.measure().error < before.error
    for share in (0.1, 0.9):
        learner.learn(share)
        learner.save()
        again = DistillLearner(tmp_path, mix, drawn, FAST)
        assert again.restore()
        assert again.step == learner.step
        assert again.measure().loss == pytest.approx(learner.measure().loss, rel=1e-4)
        again.learn(share)


def test_a_student_continues_from_its_float_file(
    drawn: tuple[PoolPicture, ...], tmp_path: Path
) -> None:
    mix = CropMix(drawn, size=64, batch=4)
    learner = DistillLearner(tmp_path, mix, drawn, FAST)
    for _ in range(20):
        learner.learn(0.9)  # with INT8 simulated, so that rounding the weights loses nothing
    learner.keep_best()
    net = TextStudent()
    net.load_state_dict(load_weights(tmp_path / BEST))
    export_student(net, tmp_path / "student.onnx")
    start = read_student(tmp_path / "student.onnx")
    again = DistillLearner(tmp_path / "again", mix, drawn, FAST, start)
    assert again.measure().loss == pytest.approx(learner.measure().loss, rel=0.02)


def test_the_teacher_processes_each_readable_picture_once(
    tmp_path: Path, store: ModelStore
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    picture = np.full((64, 160, 3), 255, np.uint8)
    cv2.putText(picture, "ROAD", (10, 45), cv2.FONT_HERSHEY_SIMPLEX, 1.5, (0, 0, 0), 4)
    cv2.imwrite(str(photos / "a.png"), picture)
    (photos / "b.txt").write_text("no picture")
    entry = store.default_for_task(Task.TEXT_DETECTOR)
    teacher = open_file(entry.file, entry.task)
    pool = fill_pool(tmp_path / "pool", photographs(photos), teacher)
    (seen,) = (*pool.train, *pool.validation)
    pixels, cores = seen.load()
    assert pixels.shape[:2] == cores.shape
    assert set(np.unique(cores).tolist()) == {0, 255}
    stamp = seen.map.stat().st_mtime_ns
    again = fill_pool(tmp_path / "pool", photographs(photos), teacher)
    assert (*again.train, *again.validation) == (seen,)
    assert seen.map.stat().st_mtime_ns == stamp
    assert photographs(None) == []


def test_the_exported_student_decides_at_the_serving_threshold() -> None:
    net = TextStudent()
    torch.nn.init.zeros_(net.rows.weight)
    torch.nn.init.zeros_(net.rows.bias)
    served = WithProbabilities(net.eval(), SCENE_DETECTION.pixel_threshold)
    with torch.no_grad():
        probabilities = served(torch.zeros(1, 3, 64, 64))
    torch.testing.assert_close(
        probabilities, torch.full_like(probabilities, SCENE_DETECTION.pixel_threshold)
    )


def test_a_line_is_found_by_one_box_that_is_not_much_larger() -> None:
    line = np.array([[10, 10], [110, 10], [110, 30], [10, 30]], float)
    around = np.array([[8, 8], [112, 8], [112, 32], [8, 32]], float)
    assert is_found(line, [TextRegion(around, 0.9)])
    assert not is_found(line, [TextRegion(line * [0.5, 1], 0.9)])
    assert not is_found(line, [TextRegion(line * 4 - 40, 0.9)])
    assert not is_found(line, [])


def test_from_photos_to_a_served_student(
    tmp_path: Path, store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for number, scene in enumerate(sample_scenes(SAMPLES)[:12]):
        small = cv2.resize(cv2.imread(str(scene.path)), (160, 96))
        cv2.imwrite(str(photos / f"{number}.png"), small)
    job = DistillJob(
        out=tmp_path / "models",
        photos=photos,
        streets=0,
        limits=Limits(minutes=60, steps=6, measure_every_s=600),
        recipe=FAST,
        mix_size=64,
        name="student",
        samples=None,
    )
    stopping = Listener(on_standing=lambda _: os.kill(os.getpid(), signal.SIGINT))
    assert distill_text_detector(job, store, stopping).course.ending == "interrupted"
    assert not (job.out / "manifest.toml").exists()
    with pytest.raises(InvalidRequest, match="--resume"):
        distill_text_detector(job, store)
    # so few steps train nothing
    for _ in range(2):
        with pytest.raises(ModelUnavailable, match=r"student is not registered.*--resume") as weak:
            distill_text_detector(replace(job, resume=True), store)
        assert weak.value.reason == floor.TOO_WEAK
        assert not (job.out / "manifest.toml").exists()
    monkeypatch.setattr(floor, "LEAST", 0.0)
    monkeypatch.setattr(floor, "LEAST_SHARE", 0.0)
    made = distill_text_detector(replace(job, resume=True), store)
    assert [entry.name for entry in made.models] == ["student", "student-float"]
    assert not (job.out / WORK).exists()
    served = ModelStore(job.out, threads=1)
    detector = TextDetector(served)
    assert detector.entry.name == "student"
    assert all(check.ok for check in served.verify() if check.entry.name.startswith("student"))
    detector.detect(np.zeros((64, 64, 3), np.uint8))
    with pytest.raises(InvalidRequest, match=r"finished student.* --start") as caught:
        distill_text_detector(job, store)
    assert caught.value.reason == "FINISHED"
    from_itself = replace(job, start=served.entry("student-float").file)
    assert distill_text_detector(from_itself, store, stopping).course.ending == "interrupted"


def test_a_student_that_finds_none_of_the_samples_is_not_registered(
    drawn: tuple[PoolPicture, ...],
    tmp_path: Path,
    store: ModelStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its overlap with the teacher is good, but it finds no line in a whole picture."""

    def overlap_of_one(learner: DistillLearner) -> Measured:
        return Measured(0.0, 0.0)

    monkeypatch.setattr(DistillLearner, "measure", overlap_of_one)
    monkeypatch.setattr(text_detector, "_pool", lambda *_: Pool(drawn, drawn[:1]))
    scenes = sample_scenes(SAMPLES)[:1]
    monkeypatch.setattr(text_detector, "sample_scenes", lambda _: scenes)
    job = DistillJob(
        out=tmp_path / "models",
        streets=0,
        limits=Limits(minutes=60, steps=1, measure_every_s=600),
        recipe=FAST,
        mix_size=64,
        samples=SAMPLES,
    )
    with pytest.raises(ModelUnavailable, match="lines of the project's samples") as weak:
        distill_text_detector(job, store)
    assert weak.value.reason == floor.TOO_WEAK
    assert not (job.out / "manifest.toml").exists()


def test_too_few_pictures(tmp_path: Path, store: ModelStore) -> None:
    (tmp_path / "photos").mkdir()
    job = DistillJob(out=tmp_path / "models", photos=tmp_path / "photos", streets=0)
    with pytest.raises(InvalidRequest, match="too few"):
        distill_text_detector(job, store)
    reader = store.default_for_task(Task.LINE_READER).name
    with pytest.raises(InvalidRequest, match="not a text detector"):
        distill_text_detector(replace(job, teacher=reader), store)
    detector = store.default_for_task(Task.TEXT_DETECTOR).file
    with pytest.raises(InvalidRequest, match="not the float twin"):
        distill_text_detector(replace(job, start=detector), store)
