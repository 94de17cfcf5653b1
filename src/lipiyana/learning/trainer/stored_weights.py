"""Stores the weights of a network in an ONNX file in few bits, and loads them again.

The weights are named as in the state dict, so that training can start from the file. Cast and Mul
nodes convert each weight to fp32; ONNX Runtime folds them when it loads the file, whereas it would
compute a DequantizeLinear in every run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import NodeProto, TensorProto, helper, numpy_helper
from torch import Tensor, nn

from lipiyana.learning.quantize.static import load_model
from lipiyana.learning.trainer.fake_quantization import weight_levels
from lipiyana.runtime.packed import model_suffix

_SCALE = ".scale"
_WRAPPED = "net."  # the exported module wraps the network under this name
_LEVELS, _FLOATS = ":levels", ":f32"
_BYTE_LEVELS = 127
_LEAST_SCALE = 1e-12  # of a channel of zeros

RoundedLayers = Callable[[str, nn.Module], bool]
"""Whether the INT8 twin rounds the layer of this name; see `simulate_int8`."""


def store_weights(
    model: onnx.ModelProto, net: nn.Module, rounded: RoundedLayers | None = None
) -> None:
    """Replace the weights of an exported network by fp16 or 8-bit ones; changes `model`.

    Args:
        model: exported from a module whose attribute `net` is the network.
        net: the network.
        rounded: layers whose weights are stored as the INT8 twin's 8-bit levels with one fp32
            scale for each output channel; lossless for a network trained with INT8 simulated.
            Other layers are stored as fp16; all of them if this is None.

    Raises:
        ValueError: the graph lacks a weight; the exporter merges equal ones.
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


def store_as_bytes(
    model: onnx.ModelProto, channel_axis: Callable[[TensorProto], int | None]
) -> None:
    """Store initializers as 8-bit levels with one fp32 scale for each channel; changes `model`.

    Args:
        model: an ONNX model of any source.
        channel_axis: the axis of an initializer's output channels; None if it stays as it is.
    """
    scales: list[TensorProto] = []
    nodes: list[NodeProto] = []
    for tensor in model.graph.initializer:
        axis = channel_axis(tensor)
        if axis is None:
            continue
        values, name = numpy_helper.to_array(tensor), tensor.name
        others = tuple(one for one in range(values.ndim) if one != axis)
        scale = np.maximum(np.abs(values).max(others, keepdims=True) / _BYTE_LEVELS, _LEAST_SCALE)
        levels = np.round(values / scale).astype(np.int8)
        scales.append(numpy_helper.from_array(scale.astype(np.float32), name + _SCALE))
        _replace_by_levels(model.graph, tensor, levels, name, nodes)
    model.graph.initializer.extend(scales)
    _put_first(model.graph, nodes)


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read the fp32 state dict from an ONNX file, packed or not, written by `store_weights`.

    For other files the result is arbitrary, and mostly empty.
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
    _replace_by_levels(graph, tensor, levels.numpy(), name, nodes)
    return numpy_helper.from_array(scale.numpy(), name + _SCALE)


def _replace_by_levels(
    graph: onnx.GraphProto,
    tensor: TensorProto,
    levels: npt.NDArray[np.int8],
    name: str,
    nodes: list[NodeProto],
) -> None:
    _rename_operand(graph, tensor.name, name + _FLOATS)
    tensor.CopyFrom(numpy_helper.from_array(levels, name))
    nodes.append(helper.make_node("Cast", [name], [name + _LEVELS], to=TensorProto.FLOAT))
    nodes.append(helper.make_node("Mul", [name + _LEVELS, name + _SCALE], [name + _FLOATS]))


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
    """Load the fp32 state dict of a training checkpoint (its moving average) or of a float twin,
    packed or not.
    """
    if model_suffix(path) == ".onnx":
        return read_weights(path)
    state: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)["average"]
    return state
