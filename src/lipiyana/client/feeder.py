"""What an ordinary iterator gives, for asyncio: a thread of its own takes it."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _End:
    failure: BaseException | None = None


class Feeder(AsyncIterator[T]):
    """Gives the items as they come; what the iterator raises is raised here, after them.

    One item waits here at most: the iterator is asked for the next when that one was taken. To
    be made and used on one running event loop, and closed in the end.
    """

    def __init__(self, items: Iterable[T]) -> None:
        self._loop = asyncio.get_running_loop()
        self._come: asyncio.Queue[T | _End] = asyncio.Queue()
        self._taken = threading.Semaphore(0)
        self._closed = False
        # a daemon, and no thread of the loop's, whose end `asyncio.run` awaits: a source that
        # never yields again must keep neither alive
        threading.Thread(
            target=self._feed, args=(items,), name="lipiyana-frames", daemon=True
        ).start()

    async def __anext__(self) -> T:
        item = await self._come.get()
        if isinstance(item, _End):
            if item.failure is not None:
                raise item.failure
            raise StopAsyncIteration
        self._taken.release()
        return item

    def close(self) -> None:
        """End the items; the thread ends when the iterator has given it what it waits for."""
        self._closed = True
        self._taken.release()
        self._come.put_nowait(_End())

    def _feed(self, items: Iterable[T]) -> None:
        failure: BaseException | None = None
        try:
            for item in items:
                self._loop.call_soon_threadsafe(self._come.put_nowait, item)
                self._taken.acquire()
                if self._closed:
                    return
        except BaseException as error:
            failure = error
        # a loop that is closed by now has nobody who waits
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._come.put_nowait, _End(failure))
