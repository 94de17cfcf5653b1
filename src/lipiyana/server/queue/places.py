"""A semaphore for calls that is shared fairly between clients."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from lipiyana.errors import Overloaded
from lipiyana.server.queue.admission import Admission
from lipiyana.server.queue.fair_queue import FairQueue
from lipiyana.server.queue.sources import Kind, Source


class Places:
    """A semaphore of which one client gets at most seven eighths of the places, or all but one.

    See `Admission`. Belongs to one event loop.
    """

    def __init__(self, count: int, *, max_waiting: int = 1) -> None:
        """Create free places.

        Args:
            count: number of places.
            max_waiting: number of calls that may wait in `soon`; a client may use its share of it.
        """
        self._count = count
        # one client must not hold all places, even if there are fewer than eight
        self._held = Admission(count, 1, least_reserve=int(count > 2))
        self._line = Admission(max_waiting, 1)
        self._waiting: FairQueue[tuple[str, asyncio.Future[None]]] = FairQueue()

    @property
    def taken(self) -> int:
        """Number of held places."""
        return self._held.items

    @property
    def waiting(self) -> int:
        """Number of calls that wait for a place."""
        return len(self._waiting)

    def are_free_for(self, client: str) -> bool:
        """Whether a client would get a place without waiting."""
        return not self._waiting and self._open_to(client)

    @contextmanager
    def now(self, client: str, refusal: Overloaded) -> Iterator[None]:
        """Hold a place while the body runs.

        Raises:
            Overloaded: `refusal`, if no place is free for this client.
        """
        if not self.are_free_for(client):
            raise refusal
        self._held.enter(client, 0)
        try:
            yield
        finally:
            self._leave(client)

    @asynccontextmanager
    async def soon(self, client: str, refusal: Overloaded, seconds: float) -> AsyncIterator[None]:
        """Wait for a place, in turn with other clients, and hold it while the body runs.

        Raises:
            Overloaded: `refusal`, if too many calls wait, or no place was free within `seconds`.
        """
        if self.are_free_for(client):
            self._held.enter(client, 0)
        else:
            try:
                async with asyncio.timeout(seconds):
                    await self._wait(client, refusal)
            except TimeoutError:
                raise refusal from None
        try:
            yield
        finally:
            self._leave(client)

    def _open_to(self, client: str) -> bool:
        return not self._held.refusal(client, 1, 0)

    async def _wait(self, client: str, refusal: Overloaded) -> None:
        """Wait until this client gets a place."""
        if self._line.refusal(client, 1, 0):
            raise refusal
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        source, entry = Source(Kind.CALL, client), (client, turn)
        self._line.enter(client, 0)
        self._waiting.put(source, entry)
        self._pass_on()  # the others that wait may have used up their shares, unlike this client
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._waiting.discard(source, entry)
            else:  # cancelled just after it got a place
                self._leave(client)
            raise
        finally:
            self._line.leave(client, 0)

    def _leave(self, client: str) -> None:
        self._held.leave(client, 0)
        self._pass_on()

    def _pass_on(self) -> None:
        """Give free places to the next clients in turn that may hold more."""
        skipped = []
        while self._waiting and self.taken < self._count:
            client, turn = self._waiting.take()
            if turn.done():
                continue
            if self._open_to(client):
                self._held.enter(client, 0)
                turn.set_result(None)
            else:
                skipped.append((client, turn))
        for client, turn in skipped:
            self._waiting.put(Source(Kind.CALL, client), (client, turn))
