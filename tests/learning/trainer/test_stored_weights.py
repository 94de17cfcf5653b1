"""Weights in an ONNX file, and how ONNX Runtime loads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from needs import TORCH

torch = pytest.importorskip("torch", reason=TORCH)
import onnx
import onnxruntime
from onnx import TensorProto, numpy_helper

from lipiyana.learning.quantize.static import metadata
from lipiyana.learning.trainer.fake_quantization import (
    computed_in_int8,
    round_weight,
    weight_levels,
)
from lipiyana.learning.trainer.stored_weights import load_weights
from lipiyana.ocr.recognition.charset import Charset
from lipiyana.ocr.training.evaluation import read_with_onnx
from lipiyana.ocr.training.export_reader import export_float, quantize
from lipiyana.ocr.training.network import Block, LineReaderNet, ReaderShape
from lipiyana.runtime.packed import pack

CHARSET = Charset("abcdef")


@pytest.fixture(scope="module")
def net() -> LineReaderNet:
    torch.manual_seed(0)
    blocks = (Block(8, squeeze=True), Block(12, stride=2), Block(16, stride=2))
    made = LineReaderNet(ReaderShape(CHARSET.classes, 8, 8, blocks, neck=8, neck_layers=1))
    with torch.no_grad():
        for parameter in made.parameters():  # the exporter merges equal weights
            parameter.add_(torch.randn_like(parameter) * 0.05)
    return made.eval()


def rounded_weights(net: LineReaderNet) -> set[str]:
    return {f"{name}.weight" for name, m in net.named_modules() if computed_in_int8(name, m)}


def test_int8_layers_load_as_levels_and_others_as_fp16(net: LineReaderNet, tmp_path: Path) -> None:
    export_float(net, CHARSET, tmp_path / "twin.onnx", rounded=True)
    weights, in_levels = load_weights(tmp_path / "twin.onnx"), rounded_weights(net)
    assert weights.keys() == net.state_dict().keys()
    assert in_levels
    for name, value in net.state_dict().items():
        expected = round_weight(value) if name in in_levels else value.half().float()
        assert torch.equal(weights[name], expected), name
    shape = ReaderShape.of_weights(weights)
    assert (shape.classes, shape.blocks) == (CHARSET.classes, net.shape.blocks)


def test_a_twin_in_fp16_alone_loads_too(net: LineReaderNet, tmp_path: Path) -> None:
    export_float(net, CHARSET, tmp_path / "twin.onnx")
    weights = load_weights(tmp_path / "twin.onnx")
    assert all(torch.equal(weights[n], v.half().float()) for n, v in net.state_dict().items())
    levels = (tmp_path / "levels.onnx", tmp_path / "twin.onnx")
    export_float(net, CHARSET, levels[0], rounded=True)
    assert _stored_bytes(levels[0]) < _stored_bytes(levels[1])


def test_a_packed_twin_equals_the_plain_one(net: LineReaderNet, tmp_path: Path) -> None:
    plain = tmp_path / "twin.onnx"
    pixels = np.random.default_rng(0).uniform(-1, 1, (2, 3, 48, 64)).astype(np.float32)

    def all_of(path: Path) -> tuple[dict[str, object], dict[str, str], object, bytes]:
        int8 = tmp_path / "int8.onnx"
        quantize(path, int8, iter([pixels]))
        return load_weights(path), metadata(path), read_with_onnx(path)(pixels), int8.read_bytes()

    export_float(net, CHARSET, plain, rounded=True)
    before, after = all_of(plain), all_of(pack(plain))
    assert before[0].keys() == after[0].keys() == net.state_dict().keys()
    assert all(torch.equal(value, after[0][name]) for name, value in before[0].items())
    assert after[1] == before[1]
    np.testing.assert_array_equal(after[2], before[2])
    assert after[3] == before[3]


def test_onnx_runtime_folds_all_weights_to_fp32_at_load(net: LineReaderNet, tmp_path: Path) -> None:
    export_float(net, CHARSET, tmp_path / "twin.onnx", rounded=True)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # it warns that the optimized file fits this machine only
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    onnxruntime.InferenceSession(str(tmp_path / "twin.onnx"), options)
    graph = onnx.load(str(tmp_path / "optimized.onnx")).graph
    types = {i.data_type for i in graph.initializer}
    assert types <= {TensorProto.FLOAT, TensorProto.INT64}
    assert not any(node.op_type == "DequantizeLinear" for node in graph.node)


def test_the_int8_twin_has_the_same_levels(net: LineReaderNet, tmp_path: Path) -> None:
    export_float(net, CHARSET, tmp_path / "twin.onnx", rounded=True)
    pixels = np.random.default_rng(0).uniform(-1, 1, (2, 3, 48, 64)).astype(np.float32)
    quantize(tmp_path / "twin.onnx", tmp_path / "int8.onnx", iter([pixels]))
    graph = onnx.load(str(tmp_path / "int8.onnx")).graph
    arrays = (numpy_helper.to_array(i) for i in graph.initializer)
    int8 = [a for a in arrays if a.dtype == np.int8 and a.ndim > 1]
    state = net.state_dict()
    wanted = [weight_levels(state[name])[0].numpy() for name in rounded_weights(net)]
    assert len(int8) == len(wanted)
    # a linear layer's weight is stored transposed
    assert all(
        any(np.array_equal(levels, a) or np.array_equal(levels.T, a) for a in int8)
        for levels in wanted
    )


def test_weights_merged_by_the_exporter_are_refused(net: LineReaderNet, tmp_path: Path) -> None:
    equal = LineReaderNet(net.shape)
    with pytest.raises(ValueError, match=r"lacks the weights .*norm"):
        export_float(equal, CHARSET, tmp_path / "twin.onnx")


def _stored_bytes(path: Path) -> int:
    return sum(numpy_helper.to_array(i).nbytes for i in onnx.load(str(path)).graph.initializer)
