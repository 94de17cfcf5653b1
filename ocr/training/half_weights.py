"""Weights stored as fp16 in an ONNX file, and computed with as fp32."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def store_as_half(model: onnx.ModelProto, chosen: Callable[[onnx.TensorProto], bool]) -> set[str]:
    """Store the `chosen` initializers as fp16, under their state-dict names, with a cast behind.

    ONNX Runtime folds the casts when it loads the file.

    Returns:
        The names, without the `net.` of the wrapper that was exported.
    """
    graph = model.graph
    casts = []
    for tensor in list(graph.initializer):
        if not chosen(tensor):
            continue
        name = tensor.name.removeprefix("net.")
        used = f"{name}:f32"
        for node in graph.node:
            for i, operand in enumerate(node.input):
                if operand == tensor.name:
                    node.input[i] = used
        half = numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), name)
        tensor.CopyFrom(half)
        casts.append(helper.make_node("Cast", [name], [used], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    return {cast.input[0] for cast in casts}
