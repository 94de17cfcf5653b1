"""The status of a stream that ended, where grpc.aio itself loses the server's answer.

A server may end a stream while the client still sends. The message then fails, and grpc.aio
(1.85) gives the call the status "Internal error from Core" on the spot. The server's status comes a
little later and replaces that one, or came before and is replaced by it. Whoever reads the answers
gets the one that the call has at that moment.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass
from typing import Any

import grpc

SENDING_FAILED = "Internal error from Core"
"""What grpc.aio says in place of the status of a stream that ends while a message is sent."""

STATUS_SECONDS = 5.0
"""How long the server's status is waited for; it has arrived by then or is milliseconds away."""


@dataclass(frozen=True, slots=True)
class Status:
    """The status that a call ended with."""

    code: grpc.StatusCode
    details: str | None
    trailers: Iterable[Any]

    @classmethod
    def of(cls, error: grpc.aio.AioRpcError) -> Status:
        """Give the status that was raised."""
        return cls(error.code(), error.details(), error.trailing_metadata() or ())


class StreamEnd:
    """Keeps the first status of a call that is not `SENDING_FAILED`."""

    def __init__(self, call: Any) -> None:
        """Listen to a call of grpc.aio that was just started on the running loop."""
        self._status: asyncio.Future[Status] = asyncio.get_running_loop().create_future()
        call.add_done_callback(self._ended)

    async def status(self, seen: grpc.aio.AioRpcError) -> Status:
        """Give the status of the call; `seen` is the error that it raised."""
        if seen.details() == SENDING_FAILED:
            done, _ = await asyncio.wait({self._status}, timeout=STATUS_SECONDS)
            if done:
                return self._status.result()
        return Status.of(seen)

    def _ended(self, call: Any) -> None:
        """Take the current status of the call; called whenever it gets one."""
        details = _at_once(call.details())
        if details == SENDING_FAILED or self._status.done():
            return
        self._status.set_result(
            Status(_at_once(call.code()), details, _at_once(call.trailing_metadata()) or ())
        )


def _at_once(answer: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine that has nothing to wait for: the next status may replace this one."""
    try:
        answer.send(None)
    except StopIteration as stop:
        return stop.value
    answer.close()
    raise RuntimeError("a call that has ended has its status")
