"""Tensors as messages of the protocol, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
from google.protobuf.message import DecodeError

from lipiyana.inference.v2 import open_inference_pb2 as pb
from lipiyana.runtime.session import Tensor
from lipiyana.words import shown

DATATYPES = {
    "tensor(float)": "FP32",
    "tensor(float16)": "FP16",
    "tensor(double)": "FP64",
    "tensor(int64)": "INT64",
    "tensor(int32)": "INT32",
    "tensor(uint8)": "UINT8",
    "tensor(int8)": "INT8",
    "tensor(bool)": "BOOL",
}
"""Of the protocol, by those of ONNX Runtime."""

_NUMPY = {
    "FP32": "<f4",
    "FP16": "<f2",
    "FP64": "<f8",
    "INT64": "<i8",
    "INT32": "<i4",
    "UINT8": "u1",
    "INT8": "i1",
    "BOOL": "?",
}
_CONTENTS = {
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "INT64": "int64_contents",
    "INT32": "int_contents",
    "INT8": "int_contents",
    "UINT8": "uint_contents",
    "BOOL": "bool_contents",
}
_RAW_INPUT = b"\x3a"
"""The key of `raw_input_contents`: field 7, of a length."""


class BadTensor(ValueError):
    """An answer that does not hold the outputs of the model."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a tensor is in a region of shared memory.

    Attributes:
        region: its registered name.
        offset: its first byte.
        size: bytes that are reserved for it.
    """

    region: str
    offset: int
    size: int

    @property
    def parameters(self) -> dict[str, pb.InferParameter]:
        """What a request says of it."""
        return {
            "shared_memory_region": pb.InferParameter(string_param=self.region),
            "shared_memory_offset": pb.InferParameter(int64_param=self.offset),
            "shared_memory_byte_size": pb.InferParameter(int64_param=self.size),
        }


def values_of(tensor: Tensor, batch: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The values of an input, row by row, in the protocol's order of bytes."""
    return np.ascontiguousarray(batch, _NUMPY[DATATYPES[tensor.kind]])


def encode(model: str, tensor: Tensor, batch: npt.NDArray[Any]) -> bytes:
    """Serialize a `ModelInferRequest` with one input.

    The values are appended to the rest of the message, which copies them once: protobuf would
    copy megabytes twice.
    """
    values = values_of(tensor, batch)
    head = _request(model, tensor, values).SerializeToString()
    return b"".join((head, _RAW_INPUT, _varint(values.nbytes), memoryview(values.data).cast("B")))


def encode_shared(
    model: str,
    tensor: Tensor,
    values: npt.NDArray[Any],
    place: Place,
    outputs: Mapping[str, Place | None],
) -> bytes:
    """Serialize a `ModelInferRequest` whose input is in shared memory.

    Args:
        model: its name.
        tensor: the input.
        values: see `values_of`.
        place: where they are.
        outputs: all that are wanted, and where each shall be put; None: into the answer.
    """
    request = _request(model, tensor, values)
    request.inputs[0].parameters.MergeFrom(
        pb.ModelInferRequest.InferInputTensor(parameters=place.parameters).parameters
    )
    for name, wanted_place in outputs.items():
        request.outputs.add(
            name=name, parameters=wanted_place.parameters if wanted_place is not None else {}
        )
    return request.SerializeToString()


def _request(model: str, tensor: Tensor, values: npt.NDArray[Any]) -> pb.ModelInferRequest:
    return pb.ModelInferRequest(
        model_name=model,
        inputs=[
            pb.ModelInferRequest.InferInputTensor(
                name=tensor.name, datatype=DATATYPES[tensor.kind], shape=values.shape
            )
        ],
    )


def decode(
    data: bytes,
    outputs: Sequence[Tensor],
    rows: int,
    shared: Mapping[str, memoryview] = MappingProxyType({}),
) -> tuple[list[npt.NDArray[Any]], str]:
    """Read a serialized `ModelInferResponse`.

    Args:
        data: of the response.
        outputs: what the model gives.
        rows: of the input; free first axes of the outputs must be as long.
        shared: the memory of outputs that the server was asked to put there.

    Returns:
        The outputs in the model's order, which must not be written to; and the version of the
        model that gave them.

    Raises:
        BadTensor: an output is missing, or is not what the model gives.
    """
    try:
        answer = pb.ModelInferResponse.FromString(data)
    except DecodeError:
        raise BadTensor("it is no message of the protocol") from None
    given = {
        tensor.name: (tensor, values)
        for tensor, values in zip(answer.outputs, _contents(answer, shared), strict=True)
    }
    arrays = []
    for output in outputs:
        if output.name not in given:
            names = ", ".join(shown(name) for name in sorted(given)[:5]) or "none"
            raise BadTensor(f"it lacks the output {output.name} (it has {names})")
        arrays.append(_array(*given[output.name], output, rows))
    return arrays, answer.model_version


def _contents(
    answer: pb.ModelInferResponse, shared: Mapping[str, memoryview]
) -> list[bytes | memoryview | None]:
    """Find the raw bytes of each output; None where they are typed.

    Servers differ in whether an output in shared memory has an empty entry among the raw ones.
    """
    raw = list(answer.raw_output_contents)
    names = [tensor.name for tensor in answer.outputs]
    if len(raw) == len(names):
        return [values or shared.get(name, values) for name, values in zip(names, raw, strict=True)]
    carried = [name for name in names if name not in shared]
    if raw and len(raw) != len(carried):
        raise BadTensor(f"it has {len(names)} outputs and the values of {len(raw)}")
    rest = iter(raw)
    return [shared[name] if name in shared else next(rest, None) for name in names]


def _array(
    given: Any, raw: bytes | memoryview | None, output: Tensor, rows: int
) -> npt.NDArray[Any]:
    """Make an array of one output, and check it; what is in shared memory is copied."""
    datatype = DATATYPES.get(output.kind, output.kind)
    if given.datatype != datatype:
        raise BadTensor(f"{output.name} is {shown(given.datatype)}, not {datatype}")
    shape = tuple(given.shape)
    if not shape_fits(shape, output.shape) or (output.shape[:1] == (None,) and shape[0] != rows):
        raise BadTensor(f"{output.name} has the shape {shown(shape)}, not {wanted(output, rows)}")
    kind = np.dtype(_NUMPY[datatype])
    count = int(np.prod(shape, dtype=object))
    if raw is None:
        field = _CONTENTS.get(datatype)
        values = getattr(given.contents, field) if field else ()
        if len(values) != count:
            raise BadTensor(f"{output.name} has {len(values)} values, not {count}")
        array = np.array(values, kind).reshape(shape)
    elif isinstance(raw, memoryview):
        if len(raw) < count * kind.itemsize:
            raise BadTensor(f"{output.name} has more than the {len(raw)} bytes reserved for it")
        array = np.frombuffer(raw, kind, count).reshape(shape).copy()
    elif len(raw) != count * kind.itemsize:
        raise BadTensor(f"{output.name} has {len(raw)} bytes, not {count * kind.itemsize}")
    else:
        array = np.frombuffer(raw, kind).reshape(shape)
    # one pass over megabytes: what is not finite stays so in a sum
    with np.errstate(invalid="ignore", over="ignore"):
        finite = kind.kind != "f" or np.isfinite(array.sum())
    if not finite:
        raise BadTensor(f"{output.name} has values that are not finite")
    return array


def shape_fits(shape: Sequence[int], expected: Sequence[int | None]) -> bool:
    """Say whether sizes, none below 0, are those expected; None stands for any."""
    return len(shape) == len(expected) and all(
        size >= 0 and wanted in (None, size) for size, wanted in zip(shape, expected, strict=True)
    )


def wanted(output: Tensor, rows: int) -> str:
    """Write the expected shape, with `?` for any size."""
    sizes = [rows if axis == 0 else None for axis in range(len(output.shape))]
    sizes = [size or given for size, given in zip(output.shape, sizes, strict=True)]
    return "(" + ", ".join("?" if size is None else str(size) for size in sizes) + ")"


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
