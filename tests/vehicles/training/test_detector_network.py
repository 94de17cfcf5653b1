from pathlib import Path

import numpy as np
import pytest
from needs import TORCH

torch = pytest.importorskip("torch", reason=TORCH)

import onnxruntime as ort

from lipiyana.vehicles.detection.letterbox import InputShape, letterbox
from lipiyana.vehicles.training.data.labels import CLASSES, coco_mix
from lipiyana.vehicles.training.network import DetectorNet, anchor_points
from lipiyana.vehicles.training.starting_weights import load_coco, widened


def _outputs_of_the_onnx(path: Path, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Decode boxes and scores as in the YOLOX paper; score = the sum of both logits."""
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    raw = session.run(None, {"images": pixels[None]})[0][0].astype(np.float64)
    points, strides = (part.numpy() for part in anchor_points(pixels.shape[-1]))
    centres = points - strides[:, None] / 2 + raw[:, :2] * strides[:, None]
    halves = np.exp(raw[:, 2:4]) * strides[:, None] / 2
    odds = (raw[:, 4:] / (1 - raw[:, 4:])).clip(0, 1e12)
    joint = odds[:, 1:] * odds[:, :1]
    return np.concatenate([centres - halves, centres + halves], 1), joint / (1 + joint)


def test_the_network_with_silu_is_yolox_nano(yolox_nano: Path, street_photo: np.ndarray) -> None:
    net = DetectorNet(80).eval()
    load_coco(net, yolox_nano, [[index] for index in range(80)])
    net.fade_silu(1.0)
    pixels, _ = letterbox(street_photo, InputShape(416, None))
    boxes, scores = _outputs_of_the_onnx(yolox_nano, pixels)
    with torch.inference_mode():
        own_boxes, logits = net(torch.from_numpy(pixels)[None])
    assert scores.max() > 0.5
    np.testing.assert_allclose(logits[0].sigmoid().numpy(), scores, atol=1e-3)
    np.testing.assert_allclose(own_boxes[0].numpy(), boxes, atol=0.02, rtol=2e-4)


def test_classes_start_from_their_counterparts(yolox_nano: Path) -> None:
    coco, own = DetectorNet(80), DetectorNet(len(CLASSES))
    load_coco(coco, yolox_nano, [[index] for index in range(80)])
    load_coco(own, yolox_nano, [coco_mix(label) for label in CLASSES])
    rows, coco_rows = own.heads[0].class_rows.weight, coco.heads[0].class_rows.weight
    torch.testing.assert_close(rows[CLASSES.index("bus")], coco_rows[5])
    torch.testing.assert_close(rows[CLASSES.index("van")], (coco_rows[2] + coco_rows[7]) / 2)
    assert not rows[CLASSES.index("plate")].any()


def test_another_file_is_refused(tmp_path: Path) -> None:
    import onnx
    from onnx import TensorProto, helper

    graph = helper.make_graph(
        [helper.make_node("Relu", ["images"], ["y"])],
        "other",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])],
    )
    onnx.save(helper.make_model(graph), str(tmp_path / "other.onnx"))
    with pytest.raises(ValueError, match="0 convolutions"):
        load_coco(DetectorNet(1), tmp_path / "other.onnx", [[0]])


def _before(net: DetectorNet) -> dict[str, torch.Tensor]:
    """Weights of the network before it was widened, with the same output."""
    narrow = {}
    for name, value in net.state_dict().items():
        if ".added." in name:
            continue
        depthwise = value.ndim == 4 and value.shape[2] == 3 and len(value) == value.shape[1]
        narrow[name] = value[:, :1].clone() if depthwise else value.clone()
    return narrow


def test_widened_weights_give_the_same_output() -> None:
    torch.manual_seed(0)
    wide = DetectorNet(3).eval()
    narrow = _before(wide)
    weights = widened(wide, narrow)
    assert weights.keys() == wide.state_dict().keys()
    wide.load_state_dict(weights)
    features = torch.rand(1, 128, 8, 8)
    unit = wide.pyramid.up5.blocks[0].mix[0]
    expected = torch.nn.functional.conv2d(
        features,
        narrow["pyramid.up5.blocks.0.mix.0.conv.weight"],
        narrow["pyramid.up5.blocks.0.mix.0.conv.bias"],
        padding=1,
        groups=128,
    )
    torch.testing.assert_close(unit.conv(features), expected)
    added = wide.pyramid.up5.added
    torch.testing.assert_close(added(features), features, atol=1e-3, rtol=0)
    # weights that are already wide do not change
    again = widened(wide, weights)
    assert all(torch.equal(value, weights[name]) for name, value in again.items())


def test_inputs_need_not_be_squares() -> None:
    points, strides = anchor_points(96, 64)
    boxes, _ = DetectorNet(2).eval()(torch.zeros(1, 3, 64, 96))
    assert len(points) == len(strides) == boxes.shape[1] == 12 * 8 + 6 * 4 + 3 * 2
    assert points.amax(0).tolist() == [92.0, 60.0]
