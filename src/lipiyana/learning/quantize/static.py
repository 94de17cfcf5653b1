"""Static quantization to INT8: what runs on CPUs with 8-bit dot products, and how well.

Weights are signed, per channel, of 7 bits (so that the sums of CPUs without VNNI do not saturate);
activations are unsigned: ONNX Runtime has no fast kernels for signed ones on x86. Both are written
as QuantizeLinear and DequantizeLinear pairs (QDQ). Long names and equal constants, which quantizing
leaves in a file, are made small. Needs `onnx`, of the extra `train`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper

from lipiyana.runtime.packed import read_unpacked

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


Floats = npt.NDArray[np.float32]

OPERATORS = ("Conv", "MatMul", "Gemm", "Add", "Mul", "Concat", "MaxPool")
_WEIGHTED = ("Conv", "MatMul", "Gemm", "ConvTranspose")
_NAMED_APART = 6


class Quantizer:
    """One float model with the ranges of its activations, to be quantized in several ways.

    Calibrating takes most of the time, so it is done once.
    """

    def __init__(
        self,
        float_model: Path,
        calibration: Iterable[Floats],
        folder: Path,
        operators: Sequence[str] = OPERATORS,
    ) -> None:
        """Prepare the graph and run it over the calibration inputs.

        Args:
            float_model: an ONNX file, packed or not.
            calibration: what its first input will see.
            folder: for files in between; they are small, and the caller removes the folder.
            operators: that are computed in INT8; around others values are converted.

        Raises:
            ValueError: there is no input to calibrate with.
        """
        from onnxruntime.quantization.calibrate import CalibrationMethod, create_calibrator
        from onnxruntime.quantization.shape_inference import quant_pre_process

        self._operators = list(operators)
        self._metadata = metadata(float_model)
        self._prepared = folder / "prepared.onnx"
        plain = folder / "float.onnx"
        plain.write_bytes(read_unpacked(float_model))
        quant_pre_process(str(plain), str(self._prepared), skip_symbolic_shape=True)
        model = onnx.load(str(self._prepared))
        _name_nodes(model)
        onnx.save(model, str(self._prepared))
        self.nodes = tuple(model.graph.node)
        calibrator = create_calibrator(
            self._prepared,
            self._operators,
            augmented_model_path=str(folder / "augmented.onnx"),
            calibrate_method=CalibrationMethod.MinMax,
            # the mean of each input's extremes, as training follows them: one outlier must not
            # make the steps of all other values coarse
            extra_options={"moving_average": True},
        )
        inputs = iter(calibration)
        first = next(inputs, None)
        if first is None:
            raise ValueError("nothing to calibrate with")
        calibrator.collect_data(_reader(model.graph.input[0].name, first, inputs))
        self._ranges = calibrator.compute_data()

    @property
    def groups(self) -> dict[str, tuple[str, ...]]:
        """Names of the nodes that can be quantized, by their part of the network.

        Exporters name nodes by their modules (`/net/blocks/blocks.3/expand/Conv`); where they do
        not, runs of neighbours make the groups.
        """
        found: dict[str, list[str]] = {}
        weighted: set[str] = set()
        number = 0
        for name, kind in ((node.name, node.op_type) for node in self.nodes):
            if kind not in self._operators:
                continue
            number += kind in _WEIGHTED
            steps = name.strip("/").split("/")
            if len(steps) > 1:
                group = "/".join(steps[: min(3, len(steps) - 1)])
            else:
                group = f"layers from {max(0, number - 1) // _NAMED_APART * _NAMED_APART + 1} on"
            found.setdefault(group, []).append(name)
            if kind in _WEIGHTED:
                weighted.add(group)
        return {group: tuple(names) for group, names in found.items() if group in weighted}

    def quantize(
        self, out: Path, *, only: Collection[str] = (), leave: Collection[str] = ()
    ) -> None:
        """Write an INT8 model, compact and with the metadata of the float one.

        Args:
            out: where it goes.
            only: names of the nodes to quantize; all of them where empty.
            leave: names of the nodes that stay float.
        """
        from onnxruntime.quantization import QuantType
        from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

        quantizer = QDQQuantizer(
            onnx.load(str(self._prepared)),
            True,  # per channel
            True,  # 7 bits
            QuantType.QInt8,
            QuantType.QUInt8,
            self._ranges,
            list(only),
            list(leave),
            self._operators,
            {},
        )
        quantizer.quantize_model()
        quantizer.model.topological_sort()
        model = quantizer.model.model
        compact(model)
        del model.metadata_props[:]
        helper.set_model_props(model, self._metadata)
        onnx.save(model, str(out))


def quantize_file(
    float_model: Path,
    out: Path,
    calibration: Iterable[Floats],
    operators: Sequence[str] = OPERATORS,
    stays_float: Callable[[onnx.NodeProto], bool] = lambda _: False,
) -> None:
    """Write the INT8 twin of a model whose layers that bear no rounding are known.

    Args:
        float_model: an ONNX file, packed or not.
        out: where the INT8 model goes.
        calibration: what its first input will see.
        operators: see `Quantizer`.
        stays_float: whether a node is left float; nodes are named by the modules that they are
            exported from.

    Raises:
        ValueError: there is no input to calibrate with.
    """
    with tempfile.TemporaryDirectory() as folder:
        quantizer = Quantizer(float_model, calibration, Path(folder), operators)
        leave = [node.name for node in quantizer.nodes if stays_float(node)]
        quantizer.quantize(out, leave=leave)


def _reader(name: str, first: Floats, rest: Iterator[Floats]) -> Any:
    from onnxruntime.quantization import CalibrationDataReader

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._pending = [first]

        def get_next(self) -> dict[str, Floats] | None:
            batch = self._pending.pop() if self._pending else next(rest, None)
            return None if batch is None else {name: batch}

    return Reader()


def _name_nodes(model: onnx.ModelProto) -> None:
    seen: set[str] = set()
    for number, node in enumerate(model.graph.node):
        if not node.name or node.name in seen:
            node.name = f"{node.op_type}.{number}"
        seen.add(node.name)


def load_model(path: Path) -> onnx.ModelProto:
    """Read a model's file, packed or not.

    Raises:
        OSError: it cannot be read.
        ModelUnavailable: it cannot be unpacked.
        google.protobuf.message.DecodeError: it is no ONNX.
    """
    return onnx.load_model_from_string(read_unpacked(path))


def metadata(path: Path) -> dict[str, str]:
    """Read what a model's file, packed or not, says beside its graph."""
    return {p.key: p.value for p in load_model(path).metadata_props}
