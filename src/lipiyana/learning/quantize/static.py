"""Static quantization to INT8, for CPUs with 8-bit dot products.

Weights are signed, per channel, 7 bits (so that sums do not saturate on CPUs without VNNI).
Activations are unsigned, because ONNX Runtime has no fast kernels for signed ones on x86. Both are
written as pairs of QuantizeLinear and DequantizeLinear (QDQ). The file is compacted afterwards:
quantizing leaves long names and duplicate constants. Needs `onnx`, of the extra `train`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, version_converter

from lipiyana.errors import InvalidRequest
from lipiyana.runtime.packed import read_unpacked

_UNNAMED = ("QuantizeLinear", "DequantizeLinear")


def compact(model: onnx.ModelProto) -> None:
    """Shrink a model in place.

    Equal initializers are shared, intermediate values get short numbers as names, and their shape
    annotations are dropped. Inputs, outputs and layers keep their names.
    """
    graph = model.graph
    public = {value.name for value in (*graph.input, *graph.output)}
    renamed = _share_initializers(graph, public)
    made = [output for node in graph.node for output in node.output]
    names = [*(tensor.name for tensor in graph.initializer), *made]
    taken = public | {name for node in graph.node for g in _inner(node) for name in _names(g)}
    numbers = (str(n) for n in range(len(names) + len(taken)) if str(n) not in taken)
    short = {name: next(numbers) for name in names if name and name not in public}
    short |= {name: short.get(first, first) for name, first in renamed.items()}
    _rename(graph, short)
    for tensor in graph.initializer:
        tensor.name = short.get(tensor.name, tensor.name)
    for node in graph.node:
        if node.op_type in _UNNAMED:
            node.ClearField("name")
    del graph.value_info[:]


def _share_initializers(graph: onnx.GraphProto, public: set[str]) -> dict[str, str]:
    """Remove duplicate initializers; return the remaining one's name for each removed name."""
    first: dict[bytes, str] = {}
    renamed: dict[str, str] = {}
    for tensor in list(graph.initializer):
        content = onnx.TensorProto()
        content.CopyFrom(tensor)
        content.ClearField("name")
        key = content.SerializeToString(deterministic=True)
        if tensor.name not in public and key in first:
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
    """Yield the subgraphs of a node; they may use values of the outer graph."""
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g


def _names(graph: onnx.GraphProto) -> Iterator[str]:
    yield from (tensor.name for tensor in graph.initializer)
    for node in graph.node:
        yield from (*node.input, *node.output)
        for inner in _inner(node):
            yield from _names(inner)


def _with_opset(model: onnx.ModelProto) -> onnx.ModelProto:
    """Convert a model of an older version of ONNX, which has no scale for each channel.

    Raises:
        InvalidRequest: it cannot be converted.
    """
    opset = next(one.version for one in model.opset_import if one.domain in ("", "ai.onnx"))
    if opset >= _OPSET:
        return model
    try:
        return version_converter.convert_version(model, _OPSET)
    except (RuntimeError, ValueError) as error:
        raise InvalidRequest(
            f"the model is of opset {opset} of ONNX, and cannot be converted to {_OPSET}: {error}",
            field="model",
        ) from error


Floats = npt.NDArray[np.float32]

OPERATORS = ("Conv", "MatMul", "Gemm", "Add", "Mul", "Concat", "MaxPool")
_WEIGHTED = ("Conv", "MatMul", "Gemm", "ConvTranspose")
_NAMED_APART = 6
_OPSET = 13  # the first one in which a tensor may have a scale for each channel


class Quantizer:
    """A float model with its activation ranges, which can be quantized in several ways.

    Calibration takes most of the time, so it runs once.
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
            calibration: batches for the model's first input.
            folder: for temporary files; they are small, and the caller removes the folder.
            operators: operator types that run in INT8; values are converted around others.

        Raises:
            InvalidRequest: the model is of an old version of ONNX and cannot be converted.
            ValueError: there is no input to calibrate with.
        """
        from onnxruntime.quantization.calibrate import CalibrationMethod, create_calibrator
        from onnxruntime.quantization.shape_inference import quant_pre_process

        self._operators = list(operators)
        self._metadata = metadata(float_model)
        self._prepared = folder / "prepared.onnx"
        plain = folder / "float.onnx"
        onnx.save(_with_opset(onnx.load_from_string(read_unpacked(float_model))), str(plain))
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
            # average each batch's extremes, as fake quantization does in training: one outlier
            # must not make the steps of all other values coarse
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

        Exporters name nodes by module (`/net/blocks/blocks.3/expand/Conv`); where they do not,
        each run of consecutive layers is a group.
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
        """Write a compact INT8 model with the metadata of the float one.

        Args:
            out: path of the INT8 model.
            only: names of the nodes to quantize; empty for all of them.
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
    """Write the INT8 twin of a model whose rounding-sensitive layers are known.

    Args:
        float_model: an ONNX file, packed or not.
        out: path of the INT8 model.
        calibration: batches for the model's first input.
        operators: see `Quantizer`.
        stays_float: whether a node stays float; nodes are named by the modules that they were
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
    """Read a model file, packed or not.

    Raises:
        OSError: it cannot be read.
        ModelUnavailable: it cannot be unpacked.
        google.protobuf.message.DecodeError: it is not an ONNX file.
    """
    return onnx.load_model_from_string(read_unpacked(path))


def metadata(path: Path) -> dict[str, str]:
    """Read the metadata of a model file, packed or not."""
    return {p.key: p.value for p in load_model(path).metadata_props}
