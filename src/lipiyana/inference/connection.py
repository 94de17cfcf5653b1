"""Calls of a server of models: deadline, retries, and errors of this project."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

from google.protobuf.message import DecodeError, Message

from lipiyana.errors import (
    Cancelled,
    DeadlineExceeded,
    LipiyanaError,
    MessageTooLarge,
    ModelUnavailable,
    Overloaded,
    Unavailable,
)
from lipiyana.inference.options import InferenceOptions
from lipiyana.inference.v2 import open_inference_pb2 as pb

# otherwise gRPC logs failed handshakes to standard error; it reads this when it is imported
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
import grpc

SERVICE = "/inference.GRPCInferenceService/"

_Answer = TypeVar("_Answer", bound=Message)

_BACKOFF = 0.1
"""Seconds before the first retry, within a half; each further pause is twice as long."""

_SERVICE_CONFIG = '{"loadBalancingConfig": [{"round_robin": {}}]}'
"""Spreads runs over all addresses of a name; else one pod of a headless Service would get all."""

_LONGEST_DETAIL = 200

_LAST = "last error: "
"""What gRPC writes between its summary of all addresses and the cause."""


class Connection:
    """A channel to a server of models. Safe to share between threads."""

    def __init__(self, options: InferenceOptions) -> None:
        """Make the channel; it connects at the first call."""
        self.options = options
        settings: list[tuple[str, Any]] = [
            ("grpc.service_config", _SERVICE_CONFIG),
            ("grpc.max_send_message_length", options.max_message_bytes),
            ("grpc.max_receive_message_length", options.max_message_bytes),
            # the first window of a stream: 64 KiB would stop outputs of megabytes
            ("grpc.http2.lookahead_bytes", 16 * 2**20),
            ("grpc.enable_retries", 0),  # they are counted here
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.min_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 2000),
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.keepalive_time_ms", 20_000),
            ("grpc.keepalive_timeout_ms", 5_000),
        ]
        if options.tls:
            credentials = grpc.ssl_channel_credentials(options.ca)
            self._channel = grpc.secure_channel(options.target, credentials, settings)
        else:
            self._channel = grpc.insecure_channel(options.target, settings)
        self._closed = threading.Event()

    def close(self) -> None:
        """End the calls that run."""
        self._closed.set()
        self._channel.close()

    def live(self, timeout: float) -> bool:
        """Ask whether the server is alive.

        Raises:
            LipiyanaError: it does not answer.
        """
        answer = self.ask("ServerLive", pb.ServerLiveRequest(), pb.ServerLiveResponse, timeout)
        return answer.live

    def ready(self, model: str, timeout: float) -> bool:
        """Ask whether a model can be run; False also if the server has no such model.

        Raises:
            LipiyanaError: the server does not answer.
        """
        request = pb.ModelReadyRequest(name=model)
        try:
            return self.ask("ModelReady", request, pb.ModelReadyResponse, timeout).ready
        except ModelUnavailable:
            return False

    def ask(self, method: str, request: Message, answer: type[_Answer], timeout: float) -> _Answer:
        """Call a method that has small messages; see `call`."""
        data = self.call(method, request.SerializeToString(), timeout)
        try:
            return answer.FromString(data)
        except DecodeError:
            raise self.garbage(f"its answer to {method} is no message of the protocol") from None

    def call(
        self,
        method: str,
        request: bytes,
        timeout: float,
        *,
        retries: int | None = None,
        ended: Callable[[str, int], None] = lambda *_: None,
    ) -> bytes:
        """Send a request, and again while the server cannot be reached and time is left.

        Args:
            method: of the protocol.
            request: serialized.
            timeout: seconds, with all retries.
            retries: how often it may be sent again; by default as the options say.
            ended: told the status of each attempt, and the size of its answer.

        Returns:
            The serialized answer.

        Raises:
            LipiyanaError: there is none.
        """
        until = time.monotonic() + timeout
        send: Any = self._channel.unary_unary(SERVICE + method)
        left = self.options.retries if retries is None else retries
        pause = _BACKOFF
        while True:
            try:
                answer: bytes = send(request, timeout=max(0.001, until - time.monotonic()))
            except grpc.RpcError as error:
                ended(error.code().name, 0)
                wait = pause * (0.5 + random.random())  # noqa: S311 - spreads retries
                again = error.code() is grpc.StatusCode.UNAVAILABLE and left > 0
                if not again or time.monotonic() + wait >= until or self._closed.wait(wait):
                    self._fail(error, timeout)
                left, pause = left - 1, 2 * pause
            except ValueError:  # of a closed channel
                raise Cancelled("the connection to the server of models was closed") from None
            else:
                ended("OK", len(answer))
                return answer

    def garbage(self, what: str) -> ModelUnavailable:
        """Create the error for an answer that no server of the right model gives."""
        return ModelUnavailable(
            f"the server of models {self.options.address} gave an unusable answer: {what}",
            reason="MODEL_CORRUPT",
        )

    def _fail(self, error: Any, timeout: float) -> NoReturn:
        raise self._error(error.code().name, str(error.details() or ""), timeout) from None

    def _error(self, code: str, details: str, timeout: float) -> LipiyanaError:
        """Convert a status of gRPC."""
        server = f"the server of models {self.options.address}"
        said = repr(details.rpartition(_LAST)[2][:_LONGEST_DETAIL])
        if code == "CANCELLED" and self._closed.is_set():
            return Cancelled("the connection to the server of models was closed")
        if code == "RESOURCE_EXHAUSTED" and "larger than max" in details:
            return MessageTooLarge(
                f"a tensor is too large for {server} or for `inference_message_bytes`: {said}"
            )
        if code in {"INVALID_ARGUMENT", "UNKNOWN"} and "not found" in details:
            code = "NOT_FOUND"  # MLServer 1.7 has no status for it
        make = _ERRORS.get(code)
        if make is not None:
            return make(server, said, timeout)
        problem = _PROBLEMS.get(code, f"failed ({code})")
        return Unavailable(f"{server} {problem}: {said}", reason="INFERENCE_UNAVAILABLE")


def _slow(server: str, said: str, timeout: float) -> LipiyanaError:  # noqa: ARG001
    return DeadlineExceeded(
        f"{server} did not answer within {timeout:.3g} s", reason="INFERENCE_TIMEOUT"
    )


def _busy(server: str, said: str, timeout: float) -> LipiyanaError:  # noqa: ARG001
    return Overloaded(f"{server} is busy: {said}", reason="INFERENCE_BUSY")


def _absent(server: str, said: str, timeout: float) -> LipiyanaError:  # noqa: ARG001
    return ModelUnavailable(f"{server} does not have the model: {said}")


def _refused(server: str, said: str, timeout: float) -> LipiyanaError:  # noqa: ARG001
    return ModelUnavailable(
        f"{server} refuses the input of the model: {said}", reason="MODEL_CORRUPT"
    )


_ERRORS = {
    "DEADLINE_EXCEEDED": _slow,
    "RESOURCE_EXHAUSTED": _busy,
    "NOT_FOUND": _absent,
    "INVALID_ARGUMENT": _refused,
    "FAILED_PRECONDITION": _refused,
    "OUT_OF_RANGE": _refused,
}
"""Makes the error of a status; other statuses mean that the server is of no use now."""

_PROBLEMS = {
    "UNAVAILABLE": "cannot be reached",
    "UNIMPLEMENTED": "does not speak the Open Inference Protocol",
    "UNAUTHENTICATED": "wants credentials",
    "PERMISSION_DENIED": "refuses the call",
}
