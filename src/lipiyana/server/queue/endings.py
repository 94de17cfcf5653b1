"""Ends the calls of a connection one after another.

gRPC counts a call as open until the server has cleared it away, a moment after its client has the
answer. A client with more calls to make than `max_connection_calls` opens the next one at once, and
gRPC refuses it (UNAVAILABLE, REFUSED_STREAM) if more than one call of the connection has ended and
is not cleared away. So a call gets its status only when the last one of its connection is gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Protocol
from weakref import WeakValueDictionary

from lipiyana.server.tuning import CONNECTIONS


class Context(Protocol):
    """The part of gRPC's context of a call that is needed here."""

    def peer(self) -> str:
        """Name of the connection."""
        ...

    def add_done_callback(self, callback: Callable[[Any], None], /) -> None:
        """Register a function that is called when the call has its status."""
        ...


class Endings:
    """The ends of the calls of all connections. Belongs to one event loop."""

    def __init__(self) -> None:
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def of(self, context: Context) -> Ending:
        """Make the ending of a call that has just begun."""
        connection = context.peer()
        turn = self._turns.get(connection)
        if turn is None:
            turn = self._turns[connection] = asyncio.Lock()
        ending = Ending(turn)
        context.add_done_callback(ending.answered)
        return ending


class Ending:
    """The end of one call."""

    def __init__(self, turn: asyncio.Lock) -> None:
        """Take the lock that a call of the connection holds while it ends."""
        self._turn = turn
        self._holds = False

    async def turn(self) -> None:
        """Wait until the call may get its status. Further waits of the same call end at once."""
        if self._holds:
            return
        await self._turn.acquire()
        self._holds = True
        # a client that does not read its answer must not delay those of others behind a proxy
        asyncio.get_running_loop().call_later(CONNECTIONS.longest_ending_seconds, self._release)

    def answered(self, _: Any, /) -> None:
        """Let the next call end, once gRPC has cleared this one away."""
        loop = asyncio.get_running_loop()
        # in this turn of the loop the task of the call is still there, and the call with it
        loop.call_soon(loop.call_soon, self._release)

    def _release(self) -> None:
        if self._holds:
            self._holds = False
            self._turn.release()


current_ending: ContextVar[Ending | None] = ContextVar("lipiyana_ending", default=None)
"""Of the call that is being handled; None if it does not wait for others."""
