"""The threads that compute, and the bounded queue before them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

from lipiyana.errors import Overloaded

T = TypeVar("T")

SMOOTHING = 0.1
"""Weight of the newest duration in the running mean."""


class WorkerPool:
    """Runs functions on `threads` threads; at most `max_queue` more wait."""

    def __init__(self, threads: int, max_queue: int) -> None:
        self._threads = threads
        self._capacity = threads + max_queue
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="lipiyana-worker")
        self._lock = threading.Lock()
        self._accepted = 0
        self._mean_seconds = 0.1

    @property
    def accepted(self) -> int:
        """How many run or wait."""
        return self._accepted

    def require_room(self, count: int) -> None:
        """Refuse what cannot be taken as a whole.

        Raises:
            Overloaded: fewer than `count` can be accepted now.
        """
        with self._lock:
            self._check(count)

    def submit(self, function: Callable[[], T]) -> Future[T]:
        """Queue a function; a future that is cancelled in time is never run.

        Raises:
            Overloaded: the queue is full; `retry_after` is when it should have been worked off.
        """
        with self._lock:
            self._check(1)
            self._accepted += 1
        job = _Job(function, self._took)
        future = self._executor.submit(job)
        future.add_done_callback(lambda _: self._leave(job))
        return future

    def close(self) -> None:
        """Finish what runs, drop what waits. Blocks."""
        self._executor.shutdown(wait=True, cancel_futures=True)

    def _check(self, count: int) -> None:
        if self._accepted + count > self._capacity:
            wait = self._mean_seconds * self._accepted / self._threads
            raise Overloaded(
                f"the queue is full; try again in {wait:.1f} s", retry_after=round(wait, 3)
            )

    def _leave(self, job: _Job[T]) -> None:
        job.release()
        with self._lock:
            self._accepted -= 1

    def _took(self, seconds: float) -> None:
        with self._lock:
            self._mean_seconds += SMOOTHING * (seconds - self._mean_seconds)


class _Job(Generic[T]):
    """A function to run once. `release` frees its picture though the executor holds the job."""

    def __init__(self, function: Callable[[], T], took: Callable[[float], None]) -> None:
        self._function: Callable[[], T] | None = function
        self._took = took

    def __call__(self) -> T:
        assert self._function is not None, "a released job does not run"  # noqa: S101
        begin = time.monotonic()
        try:
            return self._function()
        finally:
            self._took(time.monotonic() - begin)

    def release(self) -> None:
        self._function = None
