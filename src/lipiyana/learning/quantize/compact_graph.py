"""What quantizing leaves in an ONNX file beside weights, made small: long names, equal constants.

Needs `onnx`, of the extra `train`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import onnx

_UNNAMED = ("QuantizeLinear", "DequantizeLinear")


def compact(model: onnx.ModelProto) -> None:
    """Share equal initializers, number the values between nodes, and drop what is known of those.

    What goes in and comes out keeps its name, and so do the layers; changes `model` in place.
    """
    graph = model.graph
    kept = {value.name for value in (*graph.input, *graph.output)}
    renamed = _shared(graph, kept)
    made = [output for node in graph.node for output in node.output]
    names = [*(tensor.name for tensor in graph.initializer), *made]
    taken = kept | {name for node in graph.node for g in _inner(node) for name in _names(g)}
    numbers = (str(n) for n in range(len(names) + len(taken)) if str(n) not in taken)
    short = {name: next(numbers) for name in names if name and name not in kept}
    short |= {name: short.get(first, first) for name, first in renamed.items()}
    _rename(graph, short)
    for tensor in graph.initializer:
        tensor.name = short.get(tensor.name, tensor.name)
    for node in graph.node:
        if node.op_type in _UNNAMED:
            node.ClearField("name")
    del graph.value_info[:]


def _shared(graph: onnx.GraphProto, kept: set[str]) -> dict[str, str]:
    """Remove the initializers that equal another; tell which one stands for each."""
    first: dict[bytes, str] = {}
    renamed: dict[str, str] = {}
    for tensor in list(graph.initializer):
        content = onnx.TensorProto()
        content.CopyFrom(tensor)
        content.ClearField("name")
        key = content.SerializeToString(deterministic=True)
        if tensor.name not in kept and key in first:
            renamed[tensor.name] = first[key]
            graph.initializer.remove(tensor)
        else:
            first.setdefault(key, tensor.name)
    return renamed


def _rename(graph: onnx.GraphProto, names: Mapping[str, str]) -> None:
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
        for inner in _inner(node):
            _rename(inner, names)
            for value in inner.output:
                value.name = names.get(value.name, value.name)


def _inner(node: onnx.NodeProto) -> Iterator[onnx.GraphProto]:
    """The branches of a node; they may use values of the graph around them."""
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g


def _names(graph: onnx.GraphProto) -> Iterator[str]:
    yield from (tensor.name for tensor in graph.initializer)
    for node in graph.node:
        yield from (*node.input, *node.output)
        for inner in _inner(node):
            yield from _names(inner)
