"""The head of the reader of Latin lines is a part of the whole recognizer's."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

pytest.importorskip("torch", reason="trains: needs torch and the extra `train`")

from lipiyana.learning.distill.latin_reader import cut_head
from lipiyana.learning.trainer.stored_weights import store_as_bytes

CHARSET = ("a", "文", "b", " ")
FEATURES = 6


def whole_head() -> onnx.ModelProto:
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(FEATURES, len(CHARSET) + 1)).astype(np.float32)
    bias = rng.normal(size=len(CHARSET) + 1).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "linear_8.w_0"], ["m"]),
            helper.make_node("Add", ["m", "linear_8.b_0"], ["z"]),
            helper.make_node("Softmax", ["z"], ["y"], axis=2),
        ],
        "head",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, "steps", FEATURES])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, "steps", len(CHARSET) + 1])],
        [
            numpy_helper.from_array(weights, "linear_8.w_0"),
            numpy_helper.from_array(bias, "linear_8.b_0"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    helper.set_model_props(model, {"character": "\n".join(CHARSET[:-1])})
    return model


def run(model: onnx.ModelProto, x: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    (found,) = session.run(None, {"x": x})
    return np.asarray(found)


def test_the_classes_that_stay_keep_their_ratios() -> None:
    whole, cut = whole_head(), whole_head()
    kept = [0, 1, 3, 4]
    cut_head(cut, kept, CHARSET)
    onnx.checker.check_model(cut)
    x = np.random.default_rng(1).normal(size=(1, 7, FEATURES)).astype(np.float32)
    expected = run(whole, x)[..., kept]
    assert np.allclose(run(cut, x), expected / expected.sum(-1, keepdims=True), atol=1e-6)
    (charset,) = cut.metadata_props
    assert (charset.key, charset.value) == ("charset", "ab ")


def test_another_model_is_refused() -> None:
    model = whole_head()
    model.graph.initializer[0].name = "other"
    with pytest.raises(ValueError, match="not the head of PP-OCRv6"):
        cut_head(model, [0, 1], CHARSET)


def test_weights_in_bytes_are_off_by_half_a_level_at_most() -> None:
    model = whole_head()
    (weights,) = (t for t in model.graph.initializer if t.name == "linear_8.w_0")
    before = numpy_helper.to_array(weights).copy()
    store_as_bytes(model, lambda tensor: 1 if tensor.name == "linear_8.w_0" else None)
    stored = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    scale = stored["linear_8.w_0.scale"]
    assert stored["linear_8.w_0"].dtype == np.int8
    assert scale.shape == (1, before.shape[1])
    assert (np.abs(stored["linear_8.w_0"] * scale - before) <= scale / 2 + 1e-7).all()
    x = np.random.default_rng(2).normal(size=(1, 3, FEATURES)).astype(np.float32)
    assert np.allclose(run(model, x), run(whole_head(), x), atol=0.02)
