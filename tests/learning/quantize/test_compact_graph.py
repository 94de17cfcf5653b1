from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from lipiyana.learning.quantize.static import compact


def branch(name: str, operator: str, other: str) -> onnx.GraphProto:
    """A branch that uses a value and an initializer of the outer graph."""
    made = helper.make_tensor_value_info(f"{name}/made", TensorProto.FLOAT, None)
    node = helper.make_node(operator, ["a long name of the sum", other], [f"{name}/made"], name)
    return helper.make_graph([node], name, [], [made])


def model() -> onnx.ModelProto:
    ones, scale = np.ones(3, np.float32), np.float32(0.5)
    constants = {"first ones": ones, "second ones": ones, "0": scale, "scale again": scale}
    constants["zero point"] = np.uint8(7)
    rounding = ["rounded", "0", "zero point"]
    nodes = [
        helper.make_node("Add", ["x", "first ones"], ["a long name of the sum"], "/net/sum/Add"),
        helper.make_node("QuantizeLinear", ["a long name of the sum", *rounding[1:]], ["rounded"]),
        helper.make_node("DequantizeLinear", rounding, ["back"], "Dequantize"),
        helper.make_node("Mul", ["back", "scale again"], ["halved"], "/net/Mul"),
        helper.make_node("ReduceMax", ["x"], ["greatest"], keepdims=0),
        helper.make_node("Cast", ["greatest"], ["positive"], to=TensorProto.BOOL),
        helper.make_node(
            "If",
            ["positive"],
            ["chosen"],
            "/net/If",
            then_branch=branch("yes", "Add", "second ones"),
            else_branch=branch("no", "Sub", "scale again"),
        ),
        helper.make_node("Add", ["halved", "chosen"], ["y"], "/net/last/Add"),
    ]
    graph = helper.make_graph(
        nodes,
        "sums",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [3])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
        value_info=[helper.make_tensor_value_info("halved", TensorProto.FLOAT, [3])],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(made)
    return made


def run(graph: onnx.ModelProto, x: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(graph.SerializeToString())
    return np.asarray(session.run(["y"], {"x": x})[0])


def test_a_compact_graph_computes_the_same_from_less() -> None:
    long, short = model(), model()
    compact(short)
    onnx.checker.check_model(short)
    for x in (np.array([0.3, -1, 2], np.float32), np.zeros(3, np.float32)):
        np.testing.assert_array_equal(run(short, x), run(long, x))
    assert short.ByteSize() < 0.8 * long.ByteSize()
    assert len(short.graph.initializer) == 3
    assert not short.graph.value_info


def test_layers_keep_their_names_and_roundings_lose_theirs() -> None:
    short = model()
    compact(short)
    names = {node.op_type: node.name for node in short.graph.node}
    assert names["Mul"] == "/net/Mul"
    assert names["DequantizeLinear"] == ""
    assert [value.name for value in short.graph.input] == ["x"]
    assert [value.name for value in short.graph.output] == ["y"]
