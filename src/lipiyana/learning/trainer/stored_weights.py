"""Weights of a network in a file: an ONNX file in few bits, or a checkpoint of a run.

An ONNX file names them as the state dict does, so that training can start from it. Behind each the
graph makes fp32 of it, with operators that ONNX Runtime folds when it loads the file; it would
compute a DequantizeLinear in every run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import NodeProto, TensorProto, helper, numpy_helper
from torch import Tensor, nn

from lipiyana.learning.quantize.static import load_model
from lipiyana.learning.trainer.fake_quantization import weight_levels
from lipiyana.runtime.packed import model_suffix

_SCALE = ".scale"
_WRAPPED = "net."  # exported is a wrapper that has the network under this name
_LEVELS, _FLOATS = ":levels", ":f32"

RoundedLayers = Callable[[str, nn.Module], bool]
"""Whether the INT8 twin rounds the layer of this name, as `simulate_int8` takes it."""


def store_weights(
    model: onnx.ModelProto, net: nn.Module, rounded: RoundedLayers | None = None
) -> None:
    """Store the weights of an exported network; changes `model`.

    Args:
        model: exported from a wrapper that has `net` as its `net`.
        net: the network.
        rounded: its layers whose weights are stored as the 8-bit levels that the INT8 twin rounds
            them to, with an fp32 scale an output channel; nothing is lost of a network that
            learned with INT8 simulated. All others are stored as fp16, and so is everything
            where this is None.

    Raises:
        ValueError: the graph lacks some of the weights. The exporter makes one of equal ones.
    """
    names = set(net.state_dict())
    present = {tensor.name.removeprefix(_WRAPPED) for tensor in model.graph.initializer}
    if lacking := names - present:
        raise ValueError(f"the exported graph lacks the weights {', '.join(sorted(lacking))}")
    layers = net.named_modules() if rounded else ()
    in_levels = {f"{name}.weight" for name, layer in layers if rounded and rounded(name, layer)}
    scales: list[TensorProto] = []
    nodes: list[NodeProto] = []
    for tensor in model.graph.initializer:
        name = tensor.name.removeprefix(_WRAPPED)
        if name in in_levels:
            scales.append(_store_as_levels(model.graph, tensor, name, nodes))
        elif name in names:
            _store_as_half(model.graph, tensor, name, nodes)
    model.graph.initializer.extend(scales)
    _put_first(model.graph, nodes)


def store_as_half(model: onnx.ModelProto, chosen: Callable[[TensorProto], bool]) -> None:
    """Store the `chosen` initializers as fp16; changes `model`."""
    nodes: list[NodeProto] = []
    for tensor in model.graph.initializer:
        if chosen(tensor):
            _store_as_half(model.graph, tensor, tensor.name, nodes)
    _put_first(model.graph, nodes)


def read_weights(path: Path) -> dict[str, Tensor]:
    """State dict, as fp32, of an ONNX file, packed or not, whose weights `store_weights` stored.

    Of other files it may be anything, and most often it is empty.
    """
    graph = load_model(path).graph
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    weights = {}
    for name, value in stored.items():
        if value.dtype == np.float16:
            weights[name] = value.astype(np.float32)
        elif value.dtype == np.int8 and name + _SCALE in stored:
            weights[name] = value * stored[name + _SCALE]
    return {name: torch.tensor(value) for name, value in weights.items()}


def _store_as_levels(
    graph: onnx.GraphProto, tensor: TensorProto, name: str, nodes: list[NodeProto]
) -> TensorProto:
    levels, scale = weight_levels(torch.tensor(numpy_helper.to_array(tensor)))
    _rename_operand(graph, tensor.name, name + _FLOATS)
    tensor.CopyFrom(numpy_helper.from_array(levels.numpy(), name))
    nodes.append(helper.make_node("Cast", [name], [name + _LEVELS], to=TensorProto.FLOAT))
    nodes.append(helper.make_node("Mul", [name + _LEVELS, name + _SCALE], [name + _FLOATS]))
    return numpy_helper.from_array(scale.numpy(), name + _SCALE)


def _store_as_half(
    graph: onnx.GraphProto, tensor: TensorProto, name: str, nodes: list[NodeProto]
) -> None:
    _rename_operand(graph, tensor.name, name + _FLOATS)
    half = numpy_helper.to_array(tensor).astype(np.float16)
    tensor.CopyFrom(numpy_helper.from_array(half, name))
    nodes.append(helper.make_node("Cast", [name], [name + _FLOATS], to=TensorProto.FLOAT))


def _rename_operand(graph: onnx.GraphProto, old: str, new: str) -> None:
    for node in graph.node:
        for i, operand in enumerate(node.input):
            if operand == old:
                node.input[i] = new


def _put_first(graph: onnx.GraphProto, nodes: Sequence[NodeProto]) -> None:
    rest = list(graph.node)
    del graph.node[:]
    graph.node.extend([*nodes, *rest])


def load_weights(path: Path) -> dict[str, Tensor]:
    """State dict, as fp32, of a training checkpoint (its moving average) or of a float twin, which
    may be packed.
    """
    if model_suffix(path) == ".onnx":
        return read_weights(path)
    state: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)["average"]
    return state
