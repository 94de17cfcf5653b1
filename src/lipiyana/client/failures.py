"""What gRPC says went wrong, as this project's errors."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from google.rpc.status_pb2 import Status

from lipiyana.client.channel import Endpoint
from lipiyana.client.diagnosis import refused_token, unreachable
from lipiyana.client.stream_end import SENDING_FAILED
from lipiyana.errors import (
    Cancelled,
    DeadlineExceeded,
    InvalidRequest,
    LipiyanaError,
    MessageTooLarge,
    Unauthenticated,
    Unavailable,
)
from lipiyana.wire.status import DETAILS_KEY, from_status

_CANCELLED_HERE = ("Locally cancelled by application!", "Channel closed!")
_METADATA_TOO_LARGE = "metadata size exceeds"
"""What gRPC says at either end; it names keys and sizes, and no value."""

_TOO_LARGE = re.compile(r"(Sent|Received) message larger than max \((\d+) vs\. (\d+)\)")


def closed() -> Cancelled:
    """Make the error of a call that its client, which was closed, cannot make or end."""
    return Cancelled("the client was closed")


def to_error(
    code: grpc.StatusCode,
    details: str | None,
    trailers: Iterable[Any] | None,
    endpoint: Endpoint,
) -> LipiyanaError:
    """Give the error that the server raised, or the one that fits where gRPC itself speaks.

    It may take seconds, where a server cannot be reached: see `unreachable`.
    """
    for key, value in trailers or ():
        if key == DETAILS_KEY and isinstance(value, bytes):
            try:
                error = from_status(Status.FromString(value))
            except DecodeError:
                break
            return refused_token(error, endpoint) if isinstance(error, Unauthenticated) else error
    text = details or ""
    if large := _too_large(text, endpoint):
        return large
    if away := _server_away(code, text, endpoint):
        return away
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return DeadlineExceeded(f"no answer from {endpoint.target} within the time allowed")
    if code is grpc.StatusCode.UNIMPLEMENTED:
        return Unavailable(
            f"{endpoint.target} answers, but it is no lipiyana server, or an older one",
            reason="NOT_LIPIYANA",
        )
    number: int = code.value[0]
    return from_status(Status(code=number, message=text or f"{endpoint.target}: {code.name}"))


def _server_away(code: grpc.StatusCode, text: str, endpoint: Endpoint) -> Unavailable | None:
    if code is grpc.StatusCode.UNAVAILABLE:
        return unreachable(text, endpoint)
    if code is grpc.StatusCode.CANCELLED and text not in _CANCELLED_HERE:
        # gRPC does so to a call that reaches a server while it stops; it was not begun
        return Unavailable(f"{endpoint.target} is shutting down", reason="DRAINING")
    if text == SENDING_FAILED:
        return Unavailable(
            f"{endpoint.target} ended the stream before it took the frames; a single call says why",
            reason="STREAM_REFUSED",
        )
    return None


def _too_large(text: str, endpoint: Endpoint) -> LipiyanaError | None:
    if _METADATA_TOO_LARGE in text:
        return InvalidRequest(
            "the token, with what else goes before the message of a call, is larger than "
            f"{endpoint.target} takes ({text})",
            field="token",
            reason="METADATA_TOO_LARGE",
        )
    found = _TOO_LARGE.search(text)
    if found is None:
        return None
    verb, size, limit = found.groups()
    message = f"a message of {size} bytes is over the limit of {limit}"
    if int(limit) == endpoint.max_message_bytes:
        return MessageTooLarge(f"{message}; raise max_message_bytes of the client and the server")
    where = "server" if verb == "Received" else "client"
    return MessageTooLarge(f"{message}; raise max_message_bytes of the {where}")
