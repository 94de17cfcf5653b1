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


class Running(Protocol):
    """The part of a call's task that is needed here."""

    def add_done_callback(self, callback: Callable[[Any], None], /) -> object:
        """Register a function that is called when the task has ended."""
        ...


class _Connection:
    """The endings of the calls of one connection."""

    def __init__(self) -> None:
        self.turn = asyncio.Lock()
        """Held by the call that ends."""
        self.unread = 0
        """Calls that were too slow: their client does not read their answers."""
        self.patience = CONNECTIONS.longest_ending_seconds

    def too_slow(self) -> None:
        """Count a call that has kept the turn too long, and be less patient with the next."""
        self.unread += 1
        self.patience /= 2

    def one_answered(self) -> None:
        """Become more patient again, slowly: a client must not delay others again and again."""
        most = CONNECTIONS.longest_ending_seconds
        self.patience = min(most, self.patience + most * CONNECTIONS.patience_regained)


class Endings:
    """The ends of the calls of all connections. Belongs to one event loop."""

    def __init__(self) -> None:
        self._connections: WeakValueDictionary[str, _Connection] = WeakValueDictionary()

    def of(self, name: str, task: Running) -> Ending:
        """Make the ending of a call that has just begun.

        Args:
            name: of its connection, as `peer` of its context gives it.
            task: ends when the call has its status. A callback of the context would have the
                context in it, and so keep the call until the next garbage collection.
        """
        connection = self._connections.get(name)
        if connection is None:
            connection = self._connections[name] = _Connection()
        ending = Ending(connection)
        task.add_done_callback(ending.answered)
        return ending


class Ending:
    """The end of one call."""

    def __init__(self, connection: _Connection) -> None:
        """Take the connection whose other calls this one waits for."""
        self._connection = connection
        self._has_turn = False
        self._is_unread = False
        self._is_answered = False

    async def turn(self) -> None:
        """Wait until the call may get its status. Further waits of the same call end at once.

        The connection may be that of a proxy, which carries the calls of many clients. While one of
        them does not read its answer, no call waits for others.
        """
        connection = self._connection
        if self._has_turn or self._waits_for_nobody():
            return
        await connection.turn.acquire()
        if self._waits_for_nobody():
            connection.turn.release()
            return
        self._has_turn = True
        loop = asyncio.get_running_loop()
        # if the loop was busy for so long, the call may be answered in this turn of it
        loop.call_later(connection.patience, loop.call_soon, loop.call_soon, self._too_slow)

    def answered(self, _: Any, /) -> None:
        """Let the next call end, once gRPC has cleared this one away."""
        self._is_answered = True
        self._connection.one_answered()
        if self._is_unread:
            self._connection.unread -= 1
        elif self._has_turn:
            loop = asyncio.get_running_loop()
            # in this turn of the loop the task of the call is still there, and the call with it
            loop.call_soon(loop.call_soon, self._leave)

    def _waits_for_nobody(self) -> bool:
        return self._is_answered or self._connection.unread > 0

    def _too_slow(self) -> None:
        if self._has_turn and not self._is_answered:
            self._is_unread = True
            self._connection.too_slow()
            self._leave()

    def _leave(self) -> None:
        self._has_turn = False
        self._connection.turn.release()


current_ending: ContextVar[Ending | None] = ContextVar("lipiyana_ending", default=None)
"""Of the call that is being handled; None if it does not wait for others."""
