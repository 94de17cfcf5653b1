"""Detector models for tests, generated on demand, without weights or from weights of ../shared."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 13

RED, BLUE, GREEN = (220, 30, 30), (30, 30, 220), (60, 230, 60)
"""RGB colours that the rectangle detector detects as car, bus and plate."""

INK = (0, 100, 0)
"""RGB of letters that do not interrupt a plate's rectangle."""

RECTANGLE_CLASSES = ("car", "bus", "plate")
_SURE_FROM = 16.0  # pixels of the input: smaller rectangles have lower scores
_STRIDE = 4

COCO = {1: "bicycle", 2: "car", 3: "two_wheeler", 5: "bus", 7: "truck"}


def rectangle_detector(
    size: int = 128, batch: int | str = "n", classes: Sequence[str] = RECTANGLE_CLASSES
) -> bytes:
    """Make a model that detects upright rectangles of one colour, and green plates inside them.

    Every fourth pixel is an anchor. Its box extends as far as the colour along its row and its
    column; its score rises with the shorter side up to 0.95. `classes` names red rectangles, blue
    rectangles and plates.
    """
    far = float(2 * size)
    steps = np.arange(size, dtype=np.float32)
    # per class, weights of B, G, R: of its extent (with its plate), and of its anchors
    extent = np.array([[-2, 1, 1], [1, 1, -2], [-1, 1, -1]], np.float32)
    core = np.array([[-1, -1, 1], [1, -1, -1], [-1, 1, -1]], np.float32)
    constants = {
        "extent_weights": extent.reshape(3, 3, 1, 1),
        "core_weights": core.reshape(3, 3, 1, 1),
        "bias": np.full(3, -20, np.float32),
        "zero": np.zeros(1, np.float32),
        "far": np.array([far], np.float32),
        "size": np.array([size], np.float32),
        "minus": np.array([-1], np.float32),
        "x": steps.reshape(1, 1, 1, size),
        "x1": (steps + 1).reshape(1, 1, 1, size),
        "y": steps.reshape(1, 1, size, 1),
        "y1": (steps + 1).reshape(1, 1, size, 1),
        "sure": np.array([0.95 / _SURE_FROM], np.float32),
        "most": np.array([0.95], np.float32),
        "starts": np.array([_STRIDE // 2] * 2, np.int64),
        "ends": np.array([size] * 2, np.int64),
        "axes": np.array([2, 3], np.int64),
        "steps": np.array([_STRIDE] * 2, np.int64),
        "column": np.array([0, -1, 1], np.int64),
        "by_class": np.array([0, 3, -1, 1], np.int64),
        "eye": np.eye(3, dtype=np.float32).reshape(1, 3, 1, 3),
        "flat": np.array([0, -1, 3], np.int64),
    }
    nodes = [
        helper.make_node("Conv", ["images", "extent_weights", "bias"], ["extents"]),
        helper.make_node("Greater", ["extents", "zero"], ["is_in"]),
        helper.make_node("Cast", ["is_in"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["mask", "far"], ["never"]),
        helper.make_node("Conv", ["images", "core_weights", "bias"], ["cores"]),
        helper.make_node("Greater", ["cores", "zero"], ["is_core"]),
        helper.make_node("Cast", ["is_core"], ["found"], to=TensorProto.FLOAT),
    ]
    for axis, low, high in (("x", "x_min", "x_max"), ("y", "y_min", "y_max")):
        along = [1, size] if axis == "x" else [size, 1]
        before = [0, size - 1, 0, 0] if axis == "x" else [size - 1, 0, 0, 0]
        after = [0, 0, 0, size - 1] if axis == "x" else [0, 0, size - 1, 0]
        nodes += [
            # the last pixel outside before this one, plus 1
            helper.make_node("Sub", [f"{axis}1", "never"], [f"{low}_outside"]),
            helper.make_node(
                "MaxPool", [f"{low}_outside"], [f"{low}_last"], kernel_shape=along, pads=before
            ),
            helper.make_node("Max", [f"{low}_last", "zero"], [low]),
            # the first pixel outside after this one
            helper.make_node("Add", [axis, "never"], [f"{high}_outside"]),
            helper.make_node("Mul", [f"{high}_outside", "minus"], [f"{high}_minus"]),
            helper.make_node(
                "MaxPool", [f"{high}_minus"], [f"{high}_first"], kernel_shape=along, pads=after
            ),
            helper.make_node("Mul", [f"{high}_first", "minus"], [f"{high}_next"]),
            helper.make_node("Min", [f"{high}_next", "size"], [high]),
        ]
    nodes += [
        helper.make_node("Sub", ["x_max", "x_min"], ["width"]),
        helper.make_node("Sub", ["y_max", "y_min"], ["height"]),
        helper.make_node("Min", ["width", "height"], ["shorter"]),
        helper.make_node("Mul", ["shorter", "sure"], ["rising"]),
        helper.make_node("Min", ["rising", "most"], ["sureness"]),
        helper.make_node("Mul", ["sureness", "found"], ["score"]),
    ]
    for name in ("x_min", "y_min", "x_max", "y_max", "score"):
        shape = "by_class" if name == "score" else "column"
        nodes += [
            helper.make_node("Slice", [name, "starts", "ends", "axes", "steps"], [f"{name}_a"]),
            helper.make_node("Reshape", [f"{name}_a", shape], [f"{name}_flat"]),
        ]
    sides = [f"{name}_flat" for name in ("x_min", "y_min", "x_max", "y_max")]
    nodes += [
        helper.make_node("Concat", sides, ["boxes"], axis=2),
        helper.make_node("Mul", ["score_flat", "eye"], ["score_of"]),
        helper.make_node("Reshape", ["score_of", "flat"], ["scores"]),
    ]
    return _model(nodes, constants, size, batch, classes)


def coco_detector(path: Path) -> bytes:
    """Make a detector of five vehicle classes from the YOLOX-nano trained on COCO."""
    model = onnx.load(path)
    graph = model.graph
    size = graph.input[0].type.tensor_type.shape.dim[2].dim_value
    grids, strides = [], []
    for stride in (8, 16, 32):
        rows, columns = np.mgrid[: size // stride, : size // stride].reshape(2, -1)
        grids.append(np.stack([columns, rows], axis=1))
        strides.append(np.full((len(rows), 1), stride))
    constants = {
        "grid": np.concatenate(grids)[None].astype(np.float32),
        "stride": np.concatenate(strides)[None].astype(np.float32),
        "half": np.array([0.5], np.float32),
        "chosen": np.array([5 + index for index in COCO], np.int64),
    }
    for name, value in constants.items():
        graph.initializer.append(numpy_helper.from_array(value, name))
    split = helper.make_node("Split", ["output"], ["at", "log", "object", "any"], axis=2)
    split.attribute.append(helper.make_attribute("split", [2, 2, 1, 80]))
    graph.node.extend(
        [
            split,
            helper.make_node("Add", ["at", "grid"], ["cell"]),
            helper.make_node("Mul", ["cell", "stride"], ["centre"]),
            helper.make_node("Exp", ["log"], ["cells"]),
            helper.make_node("Mul", ["cells", "stride"], ["sides"]),
            helper.make_node("Mul", ["sides", "half"], ["halves"]),
            helper.make_node("Sub", ["centre", "halves"], ["low"]),
            helper.make_node("Add", ["centre", "halves"], ["high"]),
            helper.make_node("Concat", ["low", "high"], ["boxes"], axis=2),
            helper.make_node("Gather", ["output", "chosen"], ["classes"], axis=2),
            helper.make_node("Mul", ["classes", "object"], ["scores"]),
        ]
    )
    for node in graph.node:
        if node.op_type == "Reshape":  # its shape fixes the batch size to 1
            _free_batch(graph, node)
    graph.input[0].type.tensor_type.shape.dim[0].dim_param = "n"
    del graph.output[:]
    graph.output.extend(_outputs(len(COCO)))
    _describe(model, list(COCO.values()))
    return bytes(model.SerializeToString())


def install(
    folder: Path,
    data: bytes,
    *,
    name: str = "detector",
    task: str = "vehicle_detector",
    parameters: Mapping[str, object] | None = None,
) -> Path:
    """Add a model to the manifest of a folder; return the folder."""
    (folder / f"{name}.onnx").write_bytes(data)
    fields = {
        "name": name,
        "task": task,
        "file": f"{name}.onnx",
        "sha256": hashlib.sha256(data).hexdigest(),
        "version": "1",
    }
    lines = ["[[model]]", *(f"{key} = {json.dumps(value)}" for key, value in fields.items())]
    if parameters:
        lines.append("[model.parameters]")
        lines += [f"{key} = {_toml(value)}" for key, value in parameters.items()]
    manifest = folder / "manifest.toml"
    before = manifest.read_text("utf-8") if manifest.exists() else ""
    manifest.write_text(before + "\n".join(lines) + "\n\n", "utf-8")
    return folder


def _model(
    nodes: Sequence[object],
    constants: Mapping[str, np.ndarray],
    size: int,
    batch: int | str,
    classes: Sequence[str],
) -> bytes:
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, [batch, 3, size, size])
    graph = helper.make_graph(
        nodes,
        "detector",
        [images],
        _outputs(len(classes)),
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    _describe(model, classes)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def _outputs(classes: int) -> list[object]:
    shapes = {"boxes": ["n", "anchors", 4], "scores": ["n", "anchors", classes]}
    return [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in shapes.items()
    ]


def _describe(model: object, classes: Sequence[str]) -> None:
    helper.set_model_props(model, {"classes": "\n".join(classes)})


def _free_batch(graph: object, node: object) -> None:
    shape = next(i for i in graph.initializer if i.name == node.input[1])
    values = numpy_helper.to_array(shape).copy()
    values[0] = 0
    shape.CopyFrom(numpy_helper.from_array(values, shape.name))


def _toml(value: object) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_toml(inner)}" for key, inner in value.items()) + " }"
    return json.dumps(value)
