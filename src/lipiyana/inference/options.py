"""Where the models run, and how long one waits for them. Imports neither gRPC nor numpy."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from lipiyana.addresses import check_target, host_of, is_loopback
from lipiyana.errors import InvalidRequest, NotFound
from lipiyana.files import MAX_SETTINGS_BYTES, read_file
from lipiyana.words import shown

_ADDRESS = re.compile(r"(?P<scheme>grpcs?)://(?P<target>[^/]+)/?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class InferenceOptions:
    """A server of models.

    Attributes:
        address: `grpc://HOST:PORT`, or `grpcs://HOST:PORT` for TLS.
        ca: PEM of the issuer of the server's certificate; None: those that gRPC knows.
        timeout: seconds of one run of a model, with its retries.
        retries: how often a run is tried again while the server cannot be reached.
        fallback: whether this process runs a model where the server does not.
        max_message_bytes: size of a request or an answer.
        kept: names of models that this process runs all the same.
        shared_memory: bytes of this machine's memory through which tensors go instead of over the
            network; 0 for none. The server must be on this machine.
    """

    address: str
    ca: bytes | None = None
    timeout: float = 5.0
    retries: int = 3
    fallback: bool = False
    max_message_bytes: int = 256 * 2**20
    kept: frozenset[str] = frozenset()
    shared_memory: int = 0

    def __post_init__(self) -> None:
        """Check the address.

        Raises:
            InvalidRequest: it is none, has a CA without TLS, or memory is to be shared with
            another machine.
        """
        parse_address(self.address)
        if self.ca is not None and not self.tls:
            raise _bad("a CA needs TLS: write grpcs:// instead of grpc://")
        if self.shared_memory and not is_local(self.address):
            raise _bad("shared memory needs a server on this machine: write grpc://localhost:PORT")

    @property
    def tls(self) -> bool:
        """Whether the connection is encrypted."""
        return parse_address(self.address)[0]

    @property
    def target(self) -> str:
        """The target of gRPC."""
        return parse_address(self.address)[1]


class Accelerator(StrEnum):
    """What Triton's ONNX Runtime uses besides its own code."""

    NONE = "none"
    TENSORRT_FP16 = "tensorrt-fp16"
    OPENVINO = "openvino"


def parse_address(address: object) -> tuple[bool, str]:
    """Split an address into whether it asks for TLS, and `HOST:PORT`.

    Raises:
        InvalidRequest: it has another form; the message says what to write.

    Example:
        >>> parse_address("grpcs://models.example:8001")
        (True, 'models.example:8001')
    """
    found = _ADDRESS.fullmatch(address) if isinstance(address, str) else None
    if found is None:
        raise _bad(f"it is {shown(address)}; write grpc://HOST:PORT, or grpcs://HOST:PORT for TLS")
    try:
        check_target(found["target"])
    except InvalidRequest as error:
        raise _bad(f"{error.message} after {found['scheme']}://") from None
    return found["scheme"].lower() == "grpcs", found["target"]


def is_local(address: str) -> bool:
    """Say whether the host of an address is a loopback address of this machine."""
    return is_loopback(host_of(parse_address(address)[1]))


def read_ca(path: Path) -> bytes:
    """Read the file of a CA.

    Raises:
        NotFound: it cannot be read.
    """
    try:
        return read_file(path, MAX_SETTINGS_BYTES)
    except OSError as error:
        raise NotFound(f"the CA of the server of models cannot be read: {error}") from None


class InferenceObserver(Protocol):
    """Is told of each run."""

    def inference_ended(
        self, model: str, code: str, seconds: float, sent: int, received: int
    ) -> None:
        """Note a run that ended with a status of gRPC, and its bytes."""
        ...

    def inference_fell_back(self, model: str) -> None:
        """Note a run that this process computed instead."""
        ...

    def inference_ready(self, ready: bool) -> None:
        """Note whether the server can run all models."""
        ...


class NoObserver:
    """Notes nothing."""

    def inference_ended(
        self, model: str, code: str, seconds: float, sent: int, received: int
    ) -> None:
        """Note nothing."""

    def inference_fell_back(self, model: str) -> None:
        """Note nothing."""

    def inference_ready(self, ready: bool) -> None:
        """Note nothing."""


def _bad(problem: str) -> InvalidRequest:
    return InvalidRequest(
        f"bad address of a server of models: {problem}",
        field="inference",
        reason="INVALID_SETTINGS",
    )
