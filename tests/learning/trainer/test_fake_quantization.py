from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from needs import TORCH

torch = pytest.importorskip("torch", reason=TORCH)
import onnx

from lipiyana.learning.trainer.fake_quantization import (
    ActivationRange,
    computed_in_int8,
    round_weight,
    simulate_int8,
    weight_levels,
)
from lipiyana.learning.trainer.stored_weights import load_weights
from lipiyana.ocr.recognition.charset import Charset
from lipiyana.ocr.training.evaluation import read_with_onnx, read_with_torch
from lipiyana.ocr.training.export_reader import quantize
from lipiyana.ocr.training.network import LineReaderNet, ReaderShape

FLOAT_TWIN = Path(__file__).parents[3] / "models" / "reader.float.onnx.xz"


def test_a_weight_keeps_its_sign_and_129_levels_a_channel() -> None:
    weight = torch.randn(4, 8, 3, 3, generator=torch.Generator().manual_seed(0))
    rounded = round_weight(weight)
    levels, scale = weight_levels(weight)
    torch.testing.assert_close(scale.flatten(), weight.abs().flatten(1).amax(1) / 64)
    assert scale.shape == (4, 1, 1, 1)
    assert levels.dtype == torch.int8
    assert (levels.abs().flatten(1).amax(1) == 64).all()
    assert torch.equal(levels * scale, rounded)
    assert ((rounded - weight).abs() <= scale / 2 + 1e-6).all()


def test_rounding_twice_changes_nothing() -> None:
    rounded = round_weight(torch.randn(50, 40, generator=torch.Generator().manual_seed(0)))
    assert torch.equal(round_weight(rounded), rounded)


def test_a_channel_of_zeros_stays_one() -> None:
    weight = torch.stack([torch.zeros(3), torch.ones(3)])
    assert torch.equal(round_weight(weight), weight)


def test_gradients_pass_the_rounding() -> None:
    weight = torch.randn(2, 3, 1, 1, requires_grad=True)
    round_weight(weight).sum().backward()
    assert weight.grad is not None
    torch.testing.assert_close(weight.grad, torch.ones_like(weight))


def test_activations_keep_zero_and_fall_on_256_levels() -> None:
    x = torch.randn(100, generator=torch.Generator().manual_seed(1))
    x[0] = 0
    rounded = ActivationRange()(x)
    step = (x.max() - x.min()) / 255
    assert rounded[0] == 0
    assert (rounded - x).abs().max() <= step * 1.01
    assert len(rounded.unique()) <= 256


def test_the_network_keeps_its_parameters_and_almost_its_outputs() -> None:
    net = LineReaderNet(ReaderShape(classes=Charset.load().classes))
    net.load_state_dict(load_weights(FLOAT_TWIN))
    pixels = np.random.default_rng(0).uniform(-1, 1, (2, 3, 48, 64)).astype(np.float32)
    before, names = read_with_torch(net)(pixels), list(net.state_dict())
    simulate_int8(net)
    after = read_with_torch(net)(pixels)
    assert list(net.state_dict()) == names
    assert np.abs(after - before).max() > 0
    assert np.corrcoef(after.ravel(), before.ravel())[0, 1] > 0.9


def test_the_int8_twin_rounds_what_the_simulation_rounds(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pixels = rng.uniform(-1, 1, (2, 3, 48, 64)).astype(np.float32)
    quantize(FLOAT_TWIN, tmp_path / "int8.onnx", iter([pixels]))
    graph = onnx.load(str(tmp_path / "int8.onnx")).graph
    made_by = {output: node for node in graph.node for output in node.output}
    rounded = sum(
        made_by[node.input[1]].op_type == "DequantizeLinear"
        for node in graph.node
        if node.op_type in {"Conv", "MatMul", "Gemm"} and node.input[1] in made_by
    )
    net = LineReaderNet(ReaderShape(classes=Charset.load().classes))
    assert rounded == sum(computed_in_int8(name, module) for name, module in net.named_modules())
    assert (tmp_path / "int8.onnx").stat().st_size < 4 * 2**20
    exported = read_with_onnx(tmp_path / "int8.onnx")(pixels)
    np.testing.assert_allclose(exported.sum(-1), 1, atol=1e-3)
