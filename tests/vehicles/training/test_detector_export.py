from pathlib import Path

import numpy as np
import onnx
import pytest
from needs import TORCH

torch = pytest.importorskip("torch", reason=TORCH)

from lipiyana.learning.trainer.fake_quantization import round_weight
from lipiyana.learning.trainer.stored_weights import load_weights
from lipiyana.vehicles.detection.letterbox import InputShape
from lipiyana.vehicles.training.data.labels import CLASSES, coco_mix
from lipiyana.vehicles.training.data.street_pictures import load_pictures
from lipiyana.vehicles.training.evaluation import predict_with_onnx, predict_with_torch
from lipiyana.vehicles.training.export_detector import (
    calibration_inputs,
    export_float,
    load_checkpoint,
    quantize,
)
from lipiyana.vehicles.training.fake_quantization import computed_in_int8
from lipiyana.vehicles.training.network import OUTPUT_LAYERS, DetectorNet
from lipiyana.vehicles.training.starting_weights import is_coco, load_coco

SIZE = 96


@pytest.fixture
def net() -> DetectorNet:
    torch.manual_seed(1)
    return DetectorNet(len(CLASSES)).eval()


def _as_stored(net: DetectorNet, *, rounded: bool) -> DetectorNet:
    in_levels = {f"{name}.weight" for name, m in net.named_modules() if computed_in_int8(name, m)}
    with torch.no_grad():
        for name, value in net.named_parameters():
            as_levels = rounded and name in in_levels
            value.copy_(round_weight(value) if as_levels else value.half().float())
    return net


@pytest.mark.parametrize("rounded", [False, True])
def test_the_float_twin_computes_as_torch_and_seeds_training(
    net: DetectorNet, rounded: bool, tmp_path: Path
) -> None:
    path = tmp_path / "twin.onnx"
    export_float(net, path, SIZE, rounded=rounded)
    pixels = np.random.default_rng(0).uniform(0, 255, (3, 3, SIZE, SIZE)).astype(np.float32)
    boxes, scores = predict_with_onnx(path)(pixels)
    own_boxes, own_scores = predict_with_torch(_as_stored(net, rounded=rounded))(pixels)
    np.testing.assert_allclose(scores, own_scores, atol=1e-3)
    np.testing.assert_allclose(boxes, own_boxes, atol=1e-2, rtol=1e-3)
    assert (boxes[..., 2:] >= boxes[..., :2]).all()

    assert load_weights(path).keys() == net.state_dict().keys()
    again = load_checkpoint(path)
    state = net.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in again.state_dict().items())
    metadata = {p.key: p.value for p in onnx.load(str(path)).metadata_props}
    assert metadata["classes"].split("\n") == list(CLASSES)
    assert not is_coco(path)


def test_the_int8_twin_agrees_and_has_no_conversions_inside(
    yolox_nano: Path, streets, tmp_path: Path
) -> None:
    net = DetectorNet(len(CLASSES))
    load_coco(net, yolox_nano, [coco_mix(label) for label in CLASSES])
    net.fade_silu(0.0)
    twin, int8 = tmp_path / "twin.onnx", tmp_path / "int8.onnx"
    export_float(net, twin, SIZE, rounded=True)
    pictures = load_pictures(streets("dhaka"), "train")
    quantize(twin, int8, calibration_inputs(pictures, 8, InputShape(SIZE)))
    graph = onnx.load(str(int8)).graph
    kinds = {i.name: i.data_type for i in graph.initializer}
    weights = [n for n in graph.node if n.op_type == "Conv"]
    quantized = {n.output[0] for n in graph.node if n.op_type == "DequantizeLinear"}
    assert len(weights) == 125
    floats = {node.name for node in weights if node.input[1] not in quantized}
    last = {f"/net/heads.{i}/{layer}/Conv" for i in range(3) for layer in OUTPUT_LAYERS}
    parts = "/net/backbone/stem/", "/net/backbone/stage2/", "/net/backbone/stage3/stage3.0/"
    first = {node.name for node in weights if node.name.startswith(parts)}
    assert len(first) == 11
    assert floats == first | last
    assert sum(computed_in_int8(*layer) for layer in net.named_modules()) == 125 - len(floats)
    assert onnx.TensorProto.INT8 in kinds.values()

    (pixels,) = list(calibration_inputs(pictures, 2, InputShape(SIZE)))[:1]
    boxes, scores = predict_with_onnx(int8)(pixels)
    own_boxes, own_scores = predict_with_onnx(twin)(pixels)
    assert boxes.shape == own_boxes.shape
    assert np.corrcoef(scores.ravel(), own_scores.ravel())[0, 1] > 0.5
    metadata = {p.key: p.value for p in onnx.load(str(int8)).metadata_props}
    assert metadata["classes"].split("\n") == list(CLASSES)


def test_yolox_nano_is_distinguished_from_a_float_twin(yolox_nano: Path, tmp_path: Path) -> None:
    assert is_coco(yolox_nano)
    assert not is_coco(tmp_path / "last.pt")


@pytest.mark.parametrize(("stride", "rows"), [(32, 192), (None, 256)])
def test_calibration_sees_pictures_as_they_are_served(
    streets, stride: int | None, rows: int
) -> None:
    pictures = load_pictures(streets("dhaka", count=2), None)
    inputs = list(calibration_inputs(pictures, 6, InputShape(256, stride)))
    assert [batch.shape for batch in inputs[::2]] == 3 * [(1, 3, rows, 256)]
    assert [batch.shape for batch in inputs[1::2]] == 3 * [(1, 3, 256, 256)]
    assert all(batch.dtype == np.float32 for batch in inputs)
    np.testing.assert_array_equal(inputs[0], inputs[4])  # two pictures, alternating
    assert (inputs[0] != inputs[2]).any()
