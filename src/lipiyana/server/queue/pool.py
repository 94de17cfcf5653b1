"""The threads that compute, and the bounded, fair queue in front of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from lipiyana.errors import Overloaded, Unavailable
from lipiyana.server.queue.admission import Admission
from lipiyana.server.queue.fair_queue import FairQueue
from lipiyana.server.queue.sources import ANYONE, Source
from lipiyana.server.tuning import QUEUE

T = TypeVar("T")


DEFAULT_MAX_BYTES = 256 * 1024 * 1024


class PoolObserver(Protocol):
    """Gets the events of a pool; called while its lock is held, so it must be quick."""

    def queue_changed(self, waiting: int, running: int, size: int) -> None:
        """Take how many pictures wait and run, and the bytes of all of them."""
        ...

    def waited(self, seconds: float) -> None:
        """Take how long a picture waited that is begun now."""
        ...


class ComputePool:
    """Runs functions on `threads` threads; at most `max_queue` more wait.

    `FairQueue` chooses the next one, and `Admission` decides who may come in.
    """

    def __init__(
        self,
        threads: int,
        max_queue: int,
        *,
        max_bytes: int = DEFAULT_MAX_BYTES,
        observer: PoolObserver | None = None,
    ) -> None:
        self._max_threads = threads
        self._observer = observer
        self._admission = Admission(threads + max_queue, max_bytes)
        self._queue: FairQueue[_Job[Any]] = FairQueue()
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._running = 0
        self._closed = False
        self._mean_seconds = QUEUE.first_mean_seconds

    @property
    def accepted(self) -> int:
        """How many run or wait, or have places reserved."""
        return self._admission.items

    @contextmanager
    def room(self, count: int, size: int, *, source: Source = ANYONE) -> Iterator[Room]:
        """Keep room for `count` functions, or for none of them, and for a caller's bytes.

        Args:
            count: of functions; places that are not used by the end are released.
            size: bytes that the caller holds in memory to the end.
            source: whose turn they take.

        Raises:
            Overloaded: they cannot all be accepted now.
        """
        with self._changed:
            self._check(source, count, size)
            self._admission.enter(source.client, size, items=count)
            self._notify_observer()
        room = Room(count)
        try:
            yield room
        finally:
            with self._changed:
                self._admission.leave(source.client, size, items=room.reserved)
                room.reserved = 0
                self._notify_observer()

    def submit(
        self,
        function: Callable[[], T],
        *,
        source: Source = ANYONE,
        size: int = 0,
        room: Room | None = None,
    ) -> Future[T]:
        """Queue a function; a future that is cancelled in time is never run.

        Args:
            function: called on one of the threads.
            source: whose turn it takes.
            size: bytes that it holds in memory; with room, the room's count.
            room: reserved for it, among others, for the same source.

        Raises:
            Overloaded: the queue is full; `retry_after` is when it should have been worked off.
            Unavailable: the pool is closed.
        """
        job = _Job(function, source, size)
        with self._changed:
            if self._closed:
                raise Unavailable("the server is shutting down", reason="DRAINING")
            if room is not None and room.taken():
                job.size = 0
            else:
                self._check(source, 1, size)
                self._admission.enter(source.client, size)
            self._queue.put(source, job)
            self._notify_observer()
            self._start_thread_if_needed()
            self._changed.notify()
        job.future.add_done_callback(lambda _: self._forget_cancelled(job))
        return job.future

    @property
    def running(self) -> int:
        """How many functions are run now."""
        return self._running

    def close(self, timeout: float | None = None) -> None:
        """Finish what runs, drop what waits. Blocks, for `timeout` seconds at most."""
        dropped = []
        with self._changed:
            self._closed = True
            while self._queue:
                dropped.append(self._queue.take())
            self._changed.notify_all()
            threads = tuple(self._threads)
        for job in dropped:
            job.future.cancel()
        deadline = None if timeout is None else time.monotonic() + timeout
        for thread in threads:
            thread.join(None if deadline is None else max(0.0, deadline - time.monotonic()))

    def _check(self, source: Source, count: int, size: int) -> None:
        refusal = self._admission.refusal(source.client, count, size)
        if refusal:
            wait = self._mean_seconds * self._admission.items / self._max_threads
            # never at once, however quick the last pictures were
            wait = max(QUEUE.shortest_wait, round(wait, 3))
            raise Overloaded(f"{refusal}; try again in {wait:.1f} s", retry_after=wait)

    def _start_thread_if_needed(self) -> None:
        idle = len(self._threads) - self._running
        if len(self._queue) > idle and len(self._threads) < self._max_threads:
            name = f"lipiyana-compute-{len(self._threads)}"
            # a daemon: a second signal must end the process though a picture is computed
            thread = threading.Thread(target=self._work, name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def _work(self) -> None:
        while (job := self._next()) is not None:
            began = time.monotonic()
            tell = job.run()
            with self._changed:
                self._running -= 1
                seconds = time.monotonic() - began
                self._mean_seconds += QUEUE.pool_smoothing * (seconds - self._mean_seconds)
                self._admission.leave(job.source.client, job.size)
                self._notify_observer()
            # last: whoever gets the result finds its place free
            tell()
            del job, tell  # its picture is not to stay while this thread waits

    def _next(self) -> _Job[Any] | None:
        with self._changed:
            while True:
                while not self._queue:
                    if self._closed:
                        return None
                    self._changed.wait()
                job = self._queue.take()
                if job.future.set_running_or_notify_cancel():
                    break
            self._running += 1
            if self._observer is not None:
                self._observer.waited(time.monotonic() - job.submitted)
            self._notify_observer()
            return job

    def _forget_cancelled(self, job: _Job[T]) -> None:
        if not job.future.cancelled():
            return
        job.release()
        with self._changed:
            self._admission.leave(job.source.client, job.size)
            self._queue.discard(job.source, job)
            self._notify_observer()

    def _notify_observer(self) -> None:
        if self._observer is not None:
            self._observer.queue_changed(len(self._queue), self._running, self._admission.size)


class Room:
    """Places reserved for functions that come one by one. Only the pool changes it."""

    def __init__(self, reserved: int) -> None:
        self.reserved = reserved

    def taken(self) -> bool:
        """Take the place of one function, if there is any."""
        if not self.reserved:
            return False
        self.reserved -= 1
        return True


class _Job(Generic[T]):
    """A function to run once, and its future. `release` frees what the function holds."""

    def __init__(self, function: Callable[[], T], source: Source, size: int) -> None:
        self.future: Future[T] = Future()
        self.source = source
        self.size = size
        self.submitted = time.monotonic()
        self._function: Callable[[], T] | None = function

    def run(self) -> Callable[[], None]:
        """Run and release the function; give a callable that sets the result of the future."""
        assert self._function is not None, "a released job does not run"  # noqa: S101
        try:
            result = self._function()
        except BaseException as error:
            return partial(self.future.set_exception, error)
        else:
            return partial(self.future.set_result, result)
        finally:
            self.release()

    def release(self) -> None:
        self._function = None
