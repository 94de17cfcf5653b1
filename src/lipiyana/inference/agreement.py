"""Whether a server has the model that is meant, by what it says of it."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import DecodeError

from lipiyana.errors import ModelUnavailable, Unavailable
from lipiyana.inference.connection import Connection
from lipiyana.inference.tensors import DATATYPES
from lipiyana.inference.v2 import open_inference_pb2 as pb
from lipiyana.runtime.manifest import ModelEntry
from lipiyana.runtime.session import ModelHeader, Tensor
from lipiyana.words import shown

DIGEST = "lipiyana_sha256"
"""The key under which a server may tell the sha256 of the manifest: a parameter of Triton's
`config.pbtxt`, or a property of the metadata."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a server has.

    Attributes:
        versions: of the model, as the server counts them.
        digest: of the model's file, "" if the server does not tell.
        max_batch: rows that one run may have; None if the server does not tell.
    """

    versions: tuple[str, ...] = ()
    digest: str = ""
    max_batch: int | None = None


def agree(connection: Connection, entry: ModelEntry, header: ModelHeader, timeout: float) -> Offer:
    """Ask what a server has under the name of a model, and compare.

    Args:
        connection: to the server.
        entry: of the model.
        header: what its file says here.
        timeout: seconds of each question.

    Raises:
        ModelUnavailable: the server has no such model (MODEL_NOT_INSTALLED), or another one of its
            name (MODEL_CORRUPT).
        LipiyanaError: the server does not answer.
    """
    where = connection.options.address
    if not connection.ready(entry.name, timeout):
        raise ModelUnavailable(
            f"the server of models {where} has no model {entry.name} that is ready; "
            "`lipiyana models export-triton` writes a repository with it"
        )
    request = pb.ModelMetadataRequest(name=entry.name)
    told = connection.ask("ModelMetadata", request, pb.ModelMetadataResponse, timeout)
    problem = _difference("input", told.inputs, header.inputs) or _difference(
        "output", told.outputs, header.outputs
    )
    config = _config(connection, entry.name, timeout)
    digest = _text(told.properties.get(DIGEST, b"")) or config.parameters[DIGEST].string_value
    if digest and digest != entry.sha256:
        problem = f"its sha256 is {shown(digest[:12])}..., not {entry.sha256[:12]}..."
    if problem:
        raise ModelUnavailable(
            f"the server of models {where} has another model under the name {entry.name}: "
            f"{problem}; serve the files of the same release, as written by "
            "`lipiyana models export-triton`",
            reason="MODEL_CORRUPT",
        )
    return Offer(tuple(told.versions), digest, config.max_batch_size or None)


def _difference(kind: str, told: Sequence[Any], expected: Sequence[Tensor]) -> str:
    """Say how the inputs or outputs of a server differ from those of the file; "" if not."""
    by_name = {tensor.name: tensor for tensor in told}
    for tensor in expected:
        if tensor.name not in by_name:
            names = ", ".join(shown(name) for name in sorted(by_name)[:5]) or "none"
            return f"it has no {kind} {tensor.name}, but {names}"
        other = by_name[tensor.name]
        datatype = DATATYPES.get(tensor.kind, tensor.kind)
        if other.datatype != datatype:
            return f"its {kind} {tensor.name} is {shown(other.datatype)}, not {datatype}"
        shape = tuple(other.shape)
        if len(shape) != len(tensor.shape) or any(
            not _fits(there, here, exactly=kind == "input")
            for there, here in zip(shape, tensor.shape, strict=True)
        ):
            sizes = tuple(-1 if size is None else size for size in tensor.shape)
            return f"its {kind} {tensor.name} has the shape {shown(shape)}, not {sizes}"
    return ""


def _fits(there: int, here: int | None, *, exactly: bool) -> bool:
    """Compare a size. A server may know one that is free here; an input must stay free."""
    if here is None:
        return there == -1 or not exactly
    return there in (-1, here)


def _config(connection: Connection, name: str, timeout: float) -> Any:
    """Ask for the settings of a model; empty where the server is not Triton."""
    with contextlib.suppress(Unavailable, ModelUnavailable):
        request = pb.ModelConfigRequest(name=name)
        return connection.ask("ModelConfig", request, pb.ModelConfigResponse, timeout).config
    return pb.ModelConfig()


def _text(value: bytes) -> str:
    """Read a property: text, or a parameter that holds text."""
    with contextlib.suppress(DecodeError):
        if held := pb.InferParameter.FromString(value).string_param:
            return held
    return value.decode("utf-8", "replace")
