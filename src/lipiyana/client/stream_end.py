"""The server's status of a stream that ended, even where grpc.aio replaces it by its own.

A server may end a stream while the client is still sending. The message then fails, and grpc.aio
(1.85) at once sets the status "Internal error from Core" on the call. The server's status may come
before that and be overwritten, or come a little later. The exception has whichever status the call
has when it is read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass
from typing import Any

import grpc

SENDING_FAILED = "Internal error from Core"
"""Details that grpc.aio sets on a stream that ends while a message is being sent."""

STATUS_SECONDS = 5.0
"""Timeout for the server's status, which normally comes within milliseconds."""


@dataclass(frozen=True, slots=True)
class Status:
    """The status that a call ended with."""

    code: grpc.StatusCode
    details: str | None
    trailers: Iterable[Any]

    @classmethod
    def of(cls, error: grpc.aio.AioRpcError) -> Status:
        """Return the status of an exception."""
        return cls(error.code(), error.details(), error.trailing_metadata() or ())


class StreamEnd:
    """Keeps the first status of a call that is not `SENDING_FAILED`."""

    def __init__(self, call: Any) -> None:
        """Observe a grpc.aio call that was just started on the running loop."""
        self._status: asyncio.Future[Status] = asyncio.get_running_loop().create_future()
        call.add_done_callback(self._ended)

    async def status(self, error: grpc.aio.AioRpcError) -> Status:
        """Return the status of the call that raised `error`: the server's, if there is one."""
        if error.details() == SENDING_FAILED:
            done, _ = await asyncio.wait({self._status}, timeout=STATUS_SECONDS)
            if done:
                return self._status.result()
        return Status.of(error)

    def _ended(self, call: Any) -> None:
        """Remember the current status of the call; called whenever one is set."""
        details = _result_of(call.details())
        if details == SENDING_FAILED or self._status.done():
            return
        self._status.set_result(
            Status(_result_of(call.code()), details, _result_of(call.trailing_metadata()) or ())
        )


def _result_of(answer: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine that never waits, without awaiting: the next status may replace this one."""
    try:
        answer.send(None)
    except StopIteration as stop:
        return stop.value
    answer.close()
    raise RuntimeError("a call that has ended must have a status")
