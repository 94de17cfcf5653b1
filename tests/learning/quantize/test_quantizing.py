from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from typer.testing import CliRunner

from lipiyana.cli.main import app
from lipiyana.cli.models import quantize
from lipiyana.errors import InvalidRequest
from lipiyana.learning.quantize import timing
from lipiyana.learning.quantize.search import (
    agreement,
    edit_distance,
    inputs_of,
    outputs,
    quantize_within,
    read_pictures,
    relative_difference,
)
from lipiyana.learning.quantize.static import Quantizer
from lipiyana.learning.quantize.timing import typical_input
from lipiyana.ocr.detection.settings import SCENE_DETECTION
from lipiyana.runtime.manifest import Task
from lipiyana.runtime.model_folder import NewModel, add_models
from lipiyana.runtime.packed import pack
from lipiyana.runtime.store import ModelStore
from lipiyana.runtime.timings import read_timings


def write_detector(path: Path, spread: float = 1.0, opset: int = 17) -> Path:
    """Write a text detector of three convolutions; `spread` makes one hard to quantize."""
    rng = np.random.default_rng(0)
    first = rng.normal(0, 0.3, (8, 3, 3, 3)).astype(np.float32)
    second = rng.normal(0, 0.2, (8, 8, 3, 3)).astype(np.float32)
    second[:, 0] *= spread
    third = rng.normal(0, 0.4, (1, 8, 1, 1)).astype(np.float32)
    weights = {"a.w": first, "b.w": second, "c.w": third}
    pads = {"pads": [1, 1, 1, 1]}
    nodes = [
        helper.make_node("Conv", ["x", "a.w"], ["a"], "/net/body/a/Conv", **pads),
        helper.make_node("Relu", ["a"], ["a.r"], "/net/body/a/Relu"),
        helper.make_node("Conv", ["a.r", "b.w"], ["b"], "/net/body/b/Conv", **pads),
        helper.make_node("Relu", ["b"], ["b.r"], "/net/body/b/Relu"),
        helper.make_node("Conv", ["b.r", "c.w"], ["c"], "/net/head/Conv"),
        helper.make_node("Sigmoid", ["c"], ["y"], "/net/head/Sigmoid"),
    ]
    shape = ["n", 3, "h", "w"]
    graph = helper.make_graph(
        nodes,
        "detector",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 1, "h", "w"])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
    onnx.save(model, str(path))
    return path


def noise(count: int, seed: int = 1) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.uniform(-1, 1, (1, 3, 32, 64)).astype(np.float32) for _ in range(count)]


def test_every_layer_has_a_group(tmp_path: Path) -> None:
    quantizer = Quantizer(write_detector(tmp_path / "d.onnx"), noise(2), tmp_path)
    assert list(quantizer.groups) == ["net/body/a", "net/body/b", "net/head"]
    quantizer.quantize(tmp_path / "all.onnx")
    quantizer.quantize(tmp_path / "one.onnx", only=quantizer.groups["net/body/b"])
    quantizer.quantize(tmp_path / "less.onnx", leave=quantizer.groups["net/body/b"])

    def int8_weights(name: str) -> int:
        initializers = onnx.load(str(tmp_path / name)).graph.initializer
        return sum(i.data_type == TensorProto.INT8 and len(i.dims) == 4 for i in initializers)

    assert [int8_weights(f"{n}.onnx") for n in ("all", "one", "less")] == [3, 1, 2]


def test_activations_are_unsigned_and_weights_per_channel(tmp_path: Path) -> None:
    Quantizer(write_detector(tmp_path / "d.onnx"), noise(2), tmp_path).quantize(tmp_path / "q.onnx")
    model = onnx.load(str(tmp_path / "q.onnx"))
    onnx.checker.check_model(model)  # nodes come after their inputs
    graph = model.graph
    values = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    for node in graph.node:
        if node.op_type == "QuantizeLinear":
            assert values[node.input[2]].dtype == np.uint8
    weight_scales = [
        values[n.input[1]] for n in graph.node
        if n.op_type == "DequantizeLinear" and n.input[0] in values and values[n.input[0]].ndim == 4
    ]  # fmt: skip
    assert sorted(len(scale) for scale in weight_scales) == [1, 8, 8]
    weights = [value for value in values.values() if value.dtype == np.int8 and value.ndim == 4]
    assert max(int(np.abs(w.astype(int)).max()) for w in weights) <= 64


def test_a_model_of_an_older_version_is_converted_first(tmp_path: Path) -> None:
    batches = noise(3)
    old = write_detector(tmp_path / "old.onnx", opset=11)
    found = quantize_within(old, tmp_path / "q.onnx", Task.TEXT_DETECTOR, batches)
    new = write_detector(tmp_path / "new.onnx")
    assert found == quantize_within(new, tmp_path / "p.onnx", Task.TEXT_DETECTOR, batches)


def test_a_model_that_cannot_be_converted_is_named(tmp_path: Path) -> None:
    path = write_detector(tmp_path / "d.onnx", opset=11)
    model = onnx.load(str(path))
    model.graph.node[-1].op_type = "NoSuchOperator"
    onnx.save(model, str(path))
    with pytest.raises(InvalidRequest, match="opset 11"):
        Quantizer(path, noise(1), tmp_path)


def test_nothing_to_calibrate_with(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="calibrate"):
        Quantizer(write_detector(tmp_path / "d.onnx"), [], tmp_path)
    with pytest.raises(ValueError, match="two inputs"):
        quantize_within(tmp_path / "d.onnx", tmp_path / "q", Task.TEXT_DETECTOR, noise(1))


def test_the_layer_that_cannot_be_rounded_stays_float(tmp_path: Path) -> None:
    model = write_detector(tmp_path / "d.onnx", spread=400.0)
    made = quantize_within(
        model, tmp_path / "q.onnx", Task.VEHICLE_DETECTOR, noise(6), least_agreement=0.9999
    )
    worst = made.sensitivities[0]
    assert worst.difference == max(s.difference for s in made.sensitivities)
    assert made.left_float
    assert made.left_float[0] == worst
    assert made.agreement > made.all_layers
    wanted = outputs(model, Task.VEHICLE_DETECTOR, noise(6)[1::2])
    found = outputs(tmp_path / "q.onnx", Task.VEHICLE_DETECTOR, noise(6)[1::2])
    assert agreement(Task.VEHICLE_DETECTOR, wanted, found) == pytest.approx(made.agreement)


def test_a_robust_model_keeps_no_layer_float(tmp_path: Path) -> None:
    model = write_detector(tmp_path / "d.onnx")
    made = quantize_within(model, tmp_path / "q.onnx", Task.TEXT_DETECTOR, noise(6))
    assert made.left_float == made.sensitivities == ()
    assert made.agreement == made.all_layers > 0.9


def test_agreement_of_readers_counts_edits() -> None:
    def spelt(*classes: int) -> list[np.ndarray]:
        return [np.eye(5, dtype=np.float32)[list(classes)][None]]

    one = [spelt(1, 0, 2, 3), spelt(4, 4, 0, 4)]
    assert agreement(Task.LINE_READER, one, one) == 1
    other = [spelt(1, 0, 2, 2), spelt(4, 4, 0, 4)]
    assert agreement(Task.LINE_READER, one, other) == pytest.approx(1 - 1 / 5)


def test_agreement_of_detectors_is_over_text_pixels() -> None:
    found = np.zeros((1, 1, 4, 4), np.float32)
    found[..., :2] = SCENE_DETECTION.pixel_threshold + 0.1
    other = np.roll(found, 1, axis=3)
    assert agreement(Task.TEXT_DETECTOR, [[found]], [[found]]) == 1
    assert agreement(Task.TEXT_DETECTOR, [[found]], [[other]]) == pytest.approx(0.5)
    empty = np.zeros_like(found)
    assert agreement(Task.TEXT_DETECTOR, [[empty]], [[empty]]) == 1
    assert relative_difference([[found]], [[found * 1.1]]) == pytest.approx(0.1, rel=1e-3)


@pytest.mark.parametrize(("one", "other", "edits"), [("", "ab", 2), ("kitten", "sitting", 3)])
def test_edits(one: str, other: str, edits: int) -> None:
    assert edit_distance(one, other) == edit_distance(other, one) == edits


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A folder of models with the small detector as the preferred one."""
    file = write_detector(tmp_path / "d.onnx")
    new = NewModel("little", Task.TEXT_DETECTOR, file, "1", "MIT", "noise", "# Little\n")
    add_models(tmp_path / "models", [new])
    return tmp_path / "models"


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    rng = np.random.default_rng(4)
    for number in range(4):
        cv2.imwrite(str(folder / f"{number}.png"), rng.integers(0, 255, (40, 50, 3), np.uint8))
    return folder


def test_calibration_inputs_are_the_batches_of_the_model(models: Path, pictures: Path) -> None:
    store = ModelStore(models, threads=1)
    paths = sorted(pictures.iterdir())
    (pictures / "broken.png").write_bytes(b"")
    inputs = inputs_of(
        store, store.entry("little"), read_pictures([*paths, pictures / "broken.png"])
    )
    assert len(inputs) == 4
    assert all(batch.shape[1] == 3 and batch.shape[2] % 32 == 0 for batch in inputs)
    assert min(batch.min() for batch in inputs) >= -1
    with pytest.raises(InvalidRequest, match="readable picture"):
        inputs_of(store, store.entry("little"), iter(()))


def test_calibration_inputs_of_a_line_reader(pictures: Path) -> None:
    store = ModelStore(threads=1)
    inputs = inputs_of(
        store, store.entry("latin-reader"), read_pictures(sorted(pictures.iterdir()))
    )
    assert len(inputs) == 4
    assert all(batch.shape[1:3] == (3, 48) for batch in inputs)


def test_the_command_registers_both_twins(
    models: Path, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quantize, "median_milliseconds", lambda sessions, _: (2.0, 1.0))
    out = tmp_path / "out"
    command = ["models", "quantize", "little", "--calibration", str(pictures), "--out", str(out)]
    result = CliRunner().invoke(
        app, [*command, "--models", str(models), "--least-agreement", "0.5"]
    )
    assert result.exit_code == 0, result.output
    assert "net/body/b" in result.output
    assert ModelStore(out).default_for_task(Task.TEXT_DETECTOR).name == "little-int8"
    entries = {entry.name: entry for entry in ModelStore(out, threads=1).entries}
    assert entries["little-int8"].parameters["twin"] == "little"
    assert entries["little"].parameters["twin"] == "little-int8"
    assert entries["little-int8"].scores["agreement"] > 0.5
    shutil.rmtree(pictures)
    pictures.mkdir()
    empty = CliRunner().invoke(app, [*command, "--models", str(models)])
    assert isinstance(empty.exception, InvalidRequest)


def test_a_packed_model_is_quantized_and_stays_packed(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quantize, "median_milliseconds", lambda sessions, _: (2.0, 1.0))
    plain = write_detector(tmp_path / "d.onnx")
    size = plain.stat().st_size
    new = NewModel("little", Task.TEXT_DETECTOR, pack(plain), "1", "MIT", "noise", "# Little\n")
    add_models(tmp_path / "models", [new])
    command = ["models", "quantize", "little", "--calibration", str(pictures)]
    folders = ["--out", str(tmp_path / "out"), "--models", str(tmp_path / "models")]
    result = CliRunner().invoke(app, [*command, *folders, "--least-agreement", "0.5"])
    assert result.exit_code == 0, result.output
    assert f"{size / 1e6:.1f} and" in result.output
    entries = {entry.name: entry for entry in ModelStore(tmp_path / "out", threads=1).entries}
    files = [entries[name].file.name.partition(".")[2] for name in ("little", "little-int8")]
    assert files == ["onnx.xz", "onnx"]
    assert len(entries["little"].read_bytes()) == size


def test_bench_stores_its_measurements(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(timing, "median_milliseconds", lambda sessions, _: [1.5] * len(sessions))
    result = CliRunner().invoke(app, ["models", "bench", "--models", str(models)])
    assert result.exit_code == 0, result.output
    store = ModelStore(models, threads=1)
    assert read_timings()[store.entry("little").sha256] == 1.5
    assert typical_input(store.session("little")).shape == (1, 3, 640, 640)


def test_a_vehicle_detector_is_timed_on_its_street_input(tmp_path: Path) -> None:
    from detector_models import install, rectangle_detector

    store = ModelStore(threads=1)
    shipped = store.default_for_task(Task.VEHICLE_DETECTOR)
    assert typical_input(store.session(shipped.name)).shape == (1, 3, 416, 704)
    install(tmp_path, shipped.read_bytes(), name="small", parameters={"input_size": 416})
    install(tmp_path, rectangle_detector(128), name="square", task="plate_detector")
    other = ModelStore(tmp_path, threads=1)
    assert typical_input(other.session("small")).shape == (1, 3, 256, 416)
    assert typical_input(other.session("square")).shape == (1, 3, 128, 128)


def test_bench_leaves_out_a_detector_without_a_size(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(timing, "median_milliseconds", lambda sessions, _: [1.5] * len(sessions))
    file = write_detector(tmp_path / "v.onnx", spread=2.0)
    new = NewModel("sizeless", Task.VEHICLE_DETECTOR, file, "1", "MIT", "noise", "# None\n")
    add_models(models, [new])
    result = CliRunner().invoke(app, ["models", "bench", "--models", str(models)])
    assert result.exit_code == 1
    assert "one size is needed" in " ".join(result.output.split())
    store = ModelStore(models, threads=1)
    timings = read_timings()
    assert store.entry("little").sha256 in timings
    assert store.entry("sizeless").sha256 not in timings
    assert len(timings) == sum(entry.installed for entry in store.entries) - 1
