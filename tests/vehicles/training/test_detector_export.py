from pathlib import Path

import numpy as np
import onnx
import pytest

pytest.importorskip("onnxruntime")

torch = pytest.importorskip("torch")

from lipiyana.vehicles.training.checkpoints import is_coco, load_weights
from lipiyana.vehicles.training.evaluation import predict_with_onnx, predict_with_torch
from lipiyana.vehicles.training.export_detector import (
    calibration_inputs,
    export_float,
    load_checkpoint,
    quantize,
)
from lipiyana.vehicles.training.labels import CLASSES, coco_mix
from lipiyana.vehicles.training.network import OUTPUT_LAYERS, DetectorNet, load_coco

SIZE = 96


@pytest.fixture
def net() -> DetectorNet:
    torch.manual_seed(1)
    return DetectorNet(len(CLASSES)).eval()


def _round_to_half(net: DetectorNet) -> DetectorNet:
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(parameter.half().float())
    return net


def test_the_float_twin_computes_as_torch_and_seeds_training(
    net: DetectorNet, tmp_path: Path
) -> None:
    path = tmp_path / "twin.onnx"
    export_float(net, path, SIZE)
    pixels = np.random.default_rng(0).uniform(0, 255, (3, 3, SIZE, SIZE)).astype(np.float32)
    boxes, scores = predict_with_onnx(path)(pixels)
    own_boxes, own_scores = predict_with_torch(_round_to_half(net))(pixels)
    np.testing.assert_allclose(scores, own_scores, atol=1e-3)
    np.testing.assert_allclose(boxes, own_boxes, atol=1e-2, rtol=1e-3)
    assert (boxes[..., 2:] >= boxes[..., :2]).all()

    assert load_weights(path).keys() == net.state_dict().keys()
    again = load_checkpoint(path)
    assert torch.equal(again.heads[2].box.weight, net.heads[2].box.weight)
    metadata = {p.key: p.value for p in onnx.load(str(path)).metadata_props}
    assert metadata["classes"].split("\n") == list(CLASSES)
    assert not is_coco(path)


def test_the_int8_twin_agrees_and_converts_nothing_on_the_way(
    yolox_nano: Path, streets, tmp_path: Path
) -> None:
    net = DetectorNet(len(CLASSES))
    load_coco(net, yolox_nano, [coco_mix(label) for label in CLASSES])
    net.fade_silu(0.0)
    twin, int8 = tmp_path / "twin.onnx", tmp_path / "int8.onnx"
    export_float(net, twin, SIZE)
    folder = streets("dhaka")
    quantize(twin, int8, calibration_inputs(folder, 8, SIZE))
    graph = onnx.load(str(int8)).graph
    kinds = {i.name: i.data_type for i in graph.initializer}
    weights = [n for n in graph.node if n.op_type == "Conv"]
    quantized = {n.output[0] for n in graph.node if n.op_type == "DequantizeLinear"}
    assert len(weights) == 113
    floats = {node.name for node in weights if node.input[1] not in quantized}
    expected = {f"/net/heads.{i}/{layer}/Conv" for i in range(3) for layer in OUTPUT_LAYERS}
    assert floats == expected
    assert onnx.TensorProto.INT8 in kinds.values()

    (pixels,) = list(calibration_inputs(folder, 2, SIZE))[:1]
    boxes, scores = predict_with_onnx(int8)(pixels)
    own_boxes, own_scores = predict_with_onnx(twin)(pixels)
    assert boxes.shape == own_boxes.shape
    assert np.corrcoef(scores.ravel(), own_scores.ravel())[0, 1] > 0.5
    metadata = {p.key: p.value for p in onnx.load(str(int8)).metadata_props}
    assert metadata["classes"].split("\n") == list(CLASSES)


def test_yolox_nano_is_told_from_a_float_twin(yolox_nano: Path, tmp_path: Path) -> None:
    assert is_coco(yolox_nano)
    assert not is_coco(tmp_path / "last.pt")
