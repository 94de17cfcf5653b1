"""Concurrent equal requests are computed once, for all callers who still wait."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

from lipiyana.errors import Cancelled, DeadlineExceeded

T = TypeVar("T")


class Flight(Generic[T]):
    """One computation and the callers that wait for it."""

    def __init__(self, deadline: float | None) -> None:
        self.deadline = deadline
        self.waiters = 0
        self.future: Future[T]

    def remaining(self) -> float | None:
        """Seconds until the last caller gives up; None: never."""
        return None if self.deadline is None else self.deadline - time.monotonic()

    def extend(self, deadline: float | None) -> None:
        """Extend the computation to `deadline`."""
        if self.deadline is not None:
            self.deadline = None if deadline is None else max(self.deadline, deadline)


class SingleFlight(Generic[T]):
    """Runs computations on threads and lets equal ones share.

    A computation belongs to none of its callers: it goes on as long as one of them waits. When
    the last one leaves it is cancelled if it has not begun.
    """

    def __init__(self) -> None:
        self._flights: dict[bytes, Flight[T]] = {}
        self._lock = threading.Lock()  # flights end on worker threads

    def __contains__(self, key: bytes) -> bool:
        return key in self._flights

    async def run(
        self,
        key: bytes | None,
        deadline: float | None,
        start: Callable[[Flight[T]], Future[T]],
    ) -> tuple[T, bool]:
        """Wait for the result of `key`; `start` computes it unless it is being computed.

        Args:
            key: None shares with nobody.
            deadline: of this caller, by `time.monotonic()`.
            start: submits the computation; what it raises goes to this caller alone.

        Returns:
            The result, and whether this caller started the computation.
        """
        while True:
            flight, led = self._join(key, deadline, start)
            try:
                result = asyncio.wrap_future(flight.future)
                result.add_done_callback(_take_failure)
                return await asyncio.shield(result), led
            except (Cancelled, DeadlineExceeded):
                # the others may have left, or run out of time, an instant before this caller came
                if led or (deadline is not None and deadline <= time.monotonic()):
                    raise
            finally:
                flight.waiters -= 1
                if flight.waiters == 0:
                    flight.future.cancel()

    def _join(
        self,
        key: bytes | None,
        deadline: float | None,
        start: Callable[[Flight[T]], Future[T]],
    ) -> tuple[Flight[T], bool]:
        flight = None
        if key is not None:
            with self._lock:
                flight = self._flights.get(key)
        if flight is not None:
            flight.waiters += 1
            flight.extend(deadline)
            return flight, False
        flight = Flight[T](deadline)
        flight.waiters = 1
        flight.future = start(flight)
        if key is not None:
            with self._lock:
                self._flights[key] = flight
            flight.future.add_done_callback(lambda _: self._forget(key, flight))
        return flight, True

    def _forget(self, key: bytes, flight: Flight[T]) -> None:
        with self._lock:
            if self._flights.get(key) is flight:
                del self._flights[key]


def _take_failure(result: asyncio.Future[T]) -> None:
    """Retrieve the error after the caller left: asyncio would otherwise log and quote it."""
    if not result.cancelled():
        result.exception()
