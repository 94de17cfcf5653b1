"""Calls of gRPC: their context as `Incoming`, their handlers, and the status that ends them."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import grpc

from lipiyana.errors import LipiyanaError
from lipiyana.server.calls.calls import REQUEST_ID_KEY, own_task
from lipiyana.server.queue.endings import Endings, current_ending
from lipiyana.server.security.callers import address_of
from lipiyana.wire.status import DETAILS_KEY, to_status

Context = grpc.aio.ServicerContext[Any, Any]

Method = Callable[[Any], Awaitable[Any]]
"""Takes the context of a call, whose `read` gives the requests and then `grpc.aio.EOF`. Returns
an answer, or writes answers and returns None."""


class GrpcCall:
    """One call of gRPC as `Calls` sees it."""

    def __init__(self, context: Context) -> None:
        """Read the metadata."""
        self._context = context
        self._metadata = text_metadata(context.invocation_metadata())

    @property
    def metadata(self) -> Mapping[str, str]:
        """The metadata with text values."""
        return self._metadata

    @property
    def address(self) -> str:
        """The address of the peer without its port."""
        return address_of(self._context.peer())

    @property
    def deadline(self) -> float | None:
        """The deadline by `time.monotonic()`; None if the caller set none."""
        remaining: float | None = self._context.time_remaining()
        return None if remaining is None else time.monotonic() + remaining

    def begin(self, request_id: str) -> None:
        """Send the id with the status."""
        self._context.set_trailing_metadata(((REQUEST_ID_KEY, request_id),))

    async def fail(self, error: LipiyanaError, request_id: str) -> None:
        """End the call with the status of an error."""
        await abort(self._context, error, request_id)


def answering(
    method: Method, endings: Endings | None = None
) -> Callable[[Any, Any], Awaitable[Any]]:
    """Create a gRPC handler for streams without reference cycles that contain the call.

    Otherwise the call, and its place among those of its connection, would be freed only by the
    garbage collector. There are two cycles: gRPC's iterator of requests refers to itself, and the
    call refers to the exception that ends it, whose traceback refers to the call. So the iterator
    is not used, and the exception is raised without its traceback.
    """

    async def call(_requests: Any, context: Any) -> Any:
        ending = None if endings is None else endings.of(context.peer(), own_task())
        current_ending.set(ending)
        try:
            answer = await method(context)
            if ending is not None:
                await ending.turn()
            return answer
        except grpc.aio.AbortError as aborted:
            del _requests, context
            aborted.__context__ = None
            raise aborted.with_traceback(None) from None

    return call


async def abort(context: Context, error: LipiyanaError, request_id: str) -> None:
    """End a call with the status of an error."""
    status = to_status(error, request_id=request_id)
    if (ending := current_ending.get()) is not None:
        await ending.turn()
    trailers = ((DETAILS_KEY, status.SerializeToString()), (REQUEST_ID_KEY, request_id))
    await context.abort(grpc.StatusCode[error.code], status.message, trailers)


def text_metadata(metadata: Any) -> dict[str, str]:
    """The metadata with text values; of several values of one key the last."""
    return {key: value for key, value in metadata or () if isinstance(value, str)}
