"""The compute threads, and the bounded, fair queue in front of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from lipiyana.errors import LipiyanaError, Overloaded, Unavailable
from lipiyana.server.queue.admission import Admission
from lipiyana.server.queue.fair_queue import FairQueue
from lipiyana.server.queue.sources import ANYONE, WARM_UP, Source
from lipiyana.server.tuning import QUEUE

T = TypeVar("T")


DEFAULT_MAX_BYTES = 256 * 1024 * 1024


class PoolObserver(Protocol):
    """Gets the events of a pool; called while its lock is held, so it must be fast."""

    def queue_changed(self, waiting: int, running: int, size: int) -> None:
        """Report the numbers of waiting and running pictures, and the bytes of all of them."""
        ...

    def waited(self, seconds: float) -> None:
        """Report how long a picture waited before it was started."""
        ...


class ComputePool:
    """Runs functions on `threads` threads; at most `max_queue` more wait.

    `Admission` decides which are accepted, and `FairQueue` which is next.
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
        """Number of functions that run or wait, and of reserved places."""
        return self._admission.items

    @contextmanager
    def reserve(self, count: int, size: int, *, source: Source = ANYONE) -> Iterator[Reservation]:
        """Reserve places for `count` functions, and bytes, while the body runs.

        Args:
            count: number of functions; unused places are released at the end.
            size: bytes that the caller holds in memory until the end.
            source: the client and kind of call that take the turns.

        Raises:
            Overloaded: not all of them fit now.
        """
        with self._changed:
            self._check(source, count, size)
            self._admission.enter(source.client, size, items=count)
            self._notify_observer()
        reservation = Reservation(count)
        try:
            yield reservation
        finally:
            with self._changed:
                self._admission.leave(source.client, size, items=reservation.places)
                reservation.places = 0
                self._notify_observer()

    def submit(
        self,
        function: Callable[[], T],
        *,
        source: Source = ANYONE,
        size: int = 0,
        reservation: Reservation | None = None,
    ) -> Future[T]:
        """Queue a function. If its future is cancelled before it starts, it never runs.

        Args:
            function: called on one of the threads.
            source: the client and kind of call that take the turn.
            size: bytes that it holds in memory; ignored if a reserved place is used.
            reservation: places reserved for this and other functions of the same source.

        Raises:
            Overloaded: the queue is full; `retry_after` estimates when it will be empty.
            Unavailable: the pool is closed.
        """
        job = _Job(function, source, size)
        with self._changed:
            if self._closed:
                raise Unavailable("the server is shutting down", reason="DRAINING")
            if reservation is not None and reservation.take():
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
        """Number of running functions."""
        return self._running

    def close(self, timeout: float | None = None) -> None:
        """Drop waiting functions and wait for running ones, for at most `timeout` seconds."""
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
            # never 0, even if the last pictures were fast
            wait = max(QUEUE.shortest_wait, round(wait, 3))
            raise Overloaded(f"{refusal}; try again in {wait:.1f} s", retry_after=wait)

    def _start_thread_if_needed(self) -> None:
        idle = len(self._threads) - self._running
        if len(self._queue) > idle and len(self._threads) < self._max_threads:
            name = f"lipiyana-compute-{len(self._threads)}"
            # a daemon: a second signal must end the process while a picture is being computed
            thread = threading.Thread(target=self._work, name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def _work(self) -> None:
        while (job := self._next()) is not None:
            began = time.monotonic()
            set_result = job.run()
            with self._changed:
                self._running -= 1
                seconds = time.monotonic() - began
                self._mean_seconds += QUEUE.pool_smoothing * (seconds - self._mean_seconds)
                self._admission.leave(job.source.client, job.size)
                self._notify_observer()
            # last, so that a caller that has its result finds its place free
            set_result()
            del job, set_result  # free the picture while this thread waits

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
            if self._observer is not None and job.source is not WARM_UP:
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


class Reservation:
    """Places reserved for functions that are submitted one by one. Only the pool changes it."""

    def __init__(self, places: int) -> None:
        self.places = places

    def take(self) -> bool:
        """Use one place; return whether there was one."""
        if not self.places:
            return False
        self.places -= 1
        return True


class _Job(Generic[T]):
    """A function to run once, and its future. `release` frees the memory of the function."""

    def __init__(self, function: Callable[[], T], source: Source, size: int) -> None:
        self.future: Future[T] = Future()
        self.source = source
        self.size = size
        self.submitted = time.monotonic()
        self._function: Callable[[], T] | None = function

    def run(self) -> Callable[[], None]:
        """Run and release the function; return a callable that sets the future's result."""
        assert self._function is not None, "a released job does not run"  # noqa: S101
        try:
            result = self._function()
        except LipiyanaError as error:
            # its traceback refers to the picture and to this job, whose future refers to the
            # error: refused pictures would stay in memory until the garbage collection
            return partial(self.future.set_exception, error.with_traceback(None))
        except BaseException as error:
            return partial(self.future.set_exception, error)
        else:
            return partial(self.future.set_result, result)
        finally:
            self.release()

    def release(self) -> None:
        self._function = None
