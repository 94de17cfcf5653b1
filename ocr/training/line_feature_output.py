"""Adds the output `line_feature` to a reader's graph; see `lipiyana.ocr.recognition.line_feature`.

    python -m lipiyana.ocr.training.line_feature_output models/reader.int8.onnx.gz

changes the file in its place, packed as it was, and its sha256 in the manifest beside it. The
other outputs stay the same to the last bit. `export_reader` adds it by itself.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path

import onnx
from onnx import helper, numpy_helper

from lipiyana.files import read_text, write_atomically
from lipiyana.learning.quantize.static import load_model
from lipiyana.ocr.recognition.line_feature import LINE_FEATURE, SIZE, projection
from lipiyana.runtime.manifest import MANIFEST
from lipiyana.runtime.packed import PACKED, packed

_HEAD = "/net/head/MatMul"
_NORM = "/net/neck/norm/LayerNormalization"
_CONVERSIONS = ("QuantizeLinear", "DequantizeLinear")


def add_line_feature(model: onnx.ModelProto) -> bool:
    """Add the output in place; False if the model has it.

    The neck's output is what the head multiplies, before it is rounded to 8 bits.

    Raises:
        ValueError: it is not the graph of a line reader of this project.
    """
    graph = model.graph
    if any(output.name == LINE_FEATURE for output in graph.output):
        return False
    head = next((node for node in graph.node if node.name == _HEAD), None)
    if head is None:
        raise ValueError(f"not a line reader of this project: it has no layer {_HEAD}")
    makers = {output: node for node in graph.node for output in node.output}
    neck = head.input[0]
    while neck in makers and makers[neck].op_type in _CONVERSIONS:
        neck = makers[neck].input[0]
    matrix = numpy_helper.from_array(projection(_channels(graph, makers)))
    mean, weights = f"{LINE_FEATURE}/mean", f"{LINE_FEATURE}/projection"
    graph.node.extend(
        (
            # a constant, not an initializer: those are the weights that training starts from
            helper.make_node("Constant", [], [weights], f"/{LINE_FEATURE}/Constant", value=matrix),
            helper.make_node(
                "ReduceMean", [neck], [mean], f"/{LINE_FEATURE}/Mean", axes=[1], keepdims=0
            ),
            helper.make_node("MatMul", [mean, weights], [LINE_FEATURE], f"/{LINE_FEATURE}/MatMul"),
        )
    )
    lines = graph.input[0].type.tensor_type.shape.dim[0].dim_param or "lines"
    graph.output.append(
        helper.make_tensor_value_info(LINE_FEATURE, onnx.TensorProto.FLOAT, [lines, SIZE])
    )
    return True


def remove_line_feature(model: onnx.ModelProto) -> None:
    """Remove the output in place, if the model has it."""
    graph = model.graph
    for node in [one for one in graph.node if one.name.startswith(f"/{LINE_FEATURE}/")]:
        graph.node.remove(node)
    for output in [one for one in graph.output if one.name == LINE_FEATURE]:
        graph.output.remove(output)


def _channels(graph: onnx.GraphProto, makers: dict[str, onnx.NodeProto]) -> int:
    sizes = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    norm = next((node for node in graph.node if node.name == _NORM), None)
    name = "" if norm is None else norm.input[1]
    while name not in sizes and name in makers:
        name = makers[name].input[0]
    if len(sizes.get(name, ())) != 1:
        raise ValueError(f"not a line reader of this project: it has no layer {_NORM}")
    return int(sizes[name][0])


def main() -> None:
    """Change the files that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    for path in parser.parse_args().files:
        model = load_model(path)
        if not add_line_feature(model):
            sys.stdout.write(f"{path} has the output already\n")
            continue
        onnx.checker.check_model(model)
        before = hashlib.sha256(path.read_bytes()).hexdigest()
        data = model.SerializeToString(deterministic=True)
        data = packed(data, path.suffix) if path.suffix in PACKED else data
        digest = hashlib.sha256(data).hexdigest()
        manifest = path.with_name(MANIFEST)
        if manifest.is_file():
            text = read_text(manifest).replace(before, digest)
            write_atomically(path, data)
            write_atomically(manifest, text.encode())
        else:
            write_atomically(path, data)
        sys.stdout.write(f"{path}\t{digest}\n")


if __name__ == "__main__":
    main()
