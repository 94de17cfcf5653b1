"""Tensors as messages of the protocol, and back."""

from __future__ import annotations

from collections.abc import Sequence
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


def encode(model: str, tensor: Tensor, batch: npt.NDArray[Any]) -> bytes:
    """Serialize a `ModelInferRequest` with one input.

    The values are appended to the rest of the message, which copies them once: protobuf would
    copy megabytes twice.
    """
    datatype = DATATYPES[tensor.kind]
    head = pb.ModelInferRequest(
        model_name=model,
        inputs=[
            pb.ModelInferRequest.InferInputTensor(
                name=tensor.name, datatype=datatype, shape=batch.shape
            )
        ],
    ).SerializeToString()
    values = np.ascontiguousarray(batch, _NUMPY[datatype])
    return b"".join((head, _RAW_INPUT, _varint(values.nbytes), memoryview(values.data).cast("B")))


def decode(data: bytes, outputs: Sequence[Tensor], rows: int) -> tuple[list[npt.NDArray[Any]], str]:
    """Read a serialized `ModelInferResponse`.

    Args:
        data: of the response.
        outputs: what the model gives.
        rows: of the input; free first axes of the outputs must be as long.

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
    raw = answer.raw_output_contents
    if raw and len(raw) != len(answer.outputs):
        raise BadTensor(f"it has {len(answer.outputs)} outputs and the values of {len(raw)}")
    given = {
        tensor.name: (tensor, raw[index] if raw else None)
        for index, tensor in enumerate(answer.outputs)
    }
    arrays = []
    for output in outputs:
        if output.name not in given:
            names = ", ".join(shown(name) for name in sorted(given)[:5]) or "none"
            raise BadTensor(f"it lacks the output {output.name} (it has {names})")
        arrays.append(_array(*given[output.name], output, rows))
    return arrays, answer.model_version


def _array(given: Any, raw: bytes | None, output: Tensor, rows: int) -> npt.NDArray[Any]:
    """Make an array of one output, and check it."""
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
