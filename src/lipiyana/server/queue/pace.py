"""Slows down calls that cost a client nothing: rejected calls and health checks."""

from __future__ import annotations

import asyncio

from lipiyana.server.tuning import CONNECTIONS


class Pace:
    """Lets `burst` calls of a connection pass at once, and then `rate` per second.

    Further calls wait for their turn. A waiting call takes one of the calls that its connection may
    have open (`max_connection_calls`), even if its caller resets it. So gRPC itself rejects more
    calls of that connection before any Python code runs for them.

    Belongs to one event loop.
    """

    def __init__(self, rate: float, burst: int) -> None:
        self._interval = 1 / rate
        self._allowance = burst / rate
        self._paid_until: dict[str, float] = {}
        self._sweep_at = CONNECTIONS.pace_sweep_at
        self._waiting: set[asyncio.Future[None]] = set()
        self._ended = False

    @property
    def waiting(self) -> int:
        """Number of calls that wait for their turn."""
        return len(self._waiting)

    async def turn(self, connection: str) -> None:
        """Wait until a connection may get its next answer, even if the call is cancelled."""
        wait = self._spend(connection, asyncio.get_running_loop().time())
        if wait > 0 and not self._ended:
            await self._wait(wait)

    def end(self) -> None:
        """Let all calls pass from now on, so that waiting calls do not delay the shutdown."""
        self._ended = True
        for turn in self._waiting:
            _let_pass(turn)

    def _spend(self, connection: str, now: float) -> float:
        """Count an answer; return the seconds until it may be sent."""
        paid_until = max(self._paid_until.get(connection, now), now) + self._interval
        self._paid_until[connection] = paid_until
        if len(self._paid_until) > self._sweep_at:
            self._paid_until = {c: until for c, until in self._paid_until.items() if until > now}
            self._sweep_at = max(CONNECTIONS.pace_sweep_at, 2 * len(self._paid_until))
        return paid_until - now - self._allowance

    async def _wait(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[None] = loop.create_future()
        self._waiting.add(turn)
        timer = loop.call_later(seconds, _let_pass, turn)
        try:
            await asyncio.shield(turn)
        except asyncio.CancelledError:
            if not turn.done():
                await turn
            raise
        finally:
            timer.cancel()
            self._waiting.discard(turn)


def _let_pass(turn: asyncio.Future[None]) -> None:
    if not turn.done():
        turn.set_result(None)
