"""Joins runs of one model that wait at the same time; drops runs that nobody waits for.

In: tensors of several threads for one model. Out: to each thread the outputs of its own. `Work`
says until when a thread's runs are wanted, and whether anybody still waits for them.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from lipiyana.errors import Cancelled, DeadlineExceeded, LipiyanaError
from lipiyana.runtime.devices import Compute
from lipiyana.runtime.manifest import ModelEntry
from lipiyana.runtime.session import Outputs, Session
from lipiyana.runtime.store import ModelSource


def _never() -> bool:
    return False


def _no_limit() -> float | None:
    return None


def _no_bound() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Work:
    """The work of one thread for its callers.

    Attributes:
        remaining: seconds until the last of them gives up; None: never. It may grow, since
            another caller may join.
        abandoned: whether all of them have gone.
        require_time: raises where it has taken more CPU time than a picture may; to be called on
            the thread that does it.
        counted: whether observers hear of it; the warm-up of a server is nobody's picture.
    """

    remaining: Callable[[], float | None] = _no_limit
    abandoned: Callable[[], bool] = _never
    require_time: Callable[[], None] = _no_bound
    counted: bool = True

    def require_wanted(self) -> None:
        """Raise if nobody waits for the work any more.

        Raises:
            DeadlineExceeded: the time is over.
            Cancelled: all callers went away.
        """
        if self.abandoned():
            raise Cancelled("everyone who waited for this went away before it was begun")
        remaining = self.remaining()
        if remaining is not None and remaining <= 0:
            raise DeadlineExceeded("the time was over before this was begun")


_ENDLESS = Work()
_current: ContextVar[Work] = ContextVar("lipiyana_work", default=_ENDLESS)


def current_work() -> Work:
    """Give the work of this thread; without one, work that is always wanted."""
    return _current.get()


@contextmanager
def working(work: Work) -> Iterator[None]:
    """Set the work of this thread while the body runs."""
    token = _current.set(work)
    try:
        yield
    finally:
        _current.reset(token)


Run = Callable[[npt.NDArray[np.float32]], Outputs]
Observe = Callable[[str, int], None]


@dataclass(slots=True, eq=False)
class _Request:
    """One caller's input, and later its outputs or its error."""

    model: str
    key: Hashable
    run: Run
    batch: npt.NDArray[np.float32]
    work: Work
    taken: bool = False
    outputs: Outputs | None = None
    failure: BaseException | None = None

    @property
    def answered(self) -> bool:
        return self.outputs is not None or self.failure is not None


@dataclass(slots=True)
class Batcher:
    """Allows at most `slots` runs at a time, and joins the runs that wait.

    It has no threads of its own: of the callers that wait, the one who came first runs its input
    together with all that fit to it: those of the same model and of the same shape, except for the
    first axis. Whoever finds a free slot runs at once, so nothing is delayed while there are
    no more callers than slots.

    Attributes:
        slots: runs at a time.
        max_rows: rows in a joined run; 1 joins nothing. A single input may have more.
        wait: seconds that the first caller gives others to join; 0 for none.
        observe: called with the model and the rows of each run.
    """

    slots: int
    max_rows: int = 1
    wait: float = 0.0
    observe: Observe | None = None
    _waiting: deque[_Request] = field(default_factory=deque, init=False)
    _running: int = field(default=0, init=False)
    _changed: threading.Condition = field(default_factory=threading.Condition, init=False)

    def run(self, model: str, run: Run, batch: npt.NDArray[np.float32], *, joins: bool) -> Outputs:
        """Compute the outputs of one input.

        Args:
            model: its name; `run` is the same for the same name.
            run: computes outputs whose first axis is that of the input.
            batch: (rows, ...).
            joins: whether the model takes any number of rows.

        Raises:
            DeadlineExceeded: the time of `current_work()` was over before the run began.
            Cancelled: nobody waits for it any more.
        """
        key: Hashable = (model, batch.shape[1:]) if joins else object()
        request = _Request(model, key, run, batch, current_work())
        with self._changed:
            self._waiting.append(request)
            self._changed.notify_all()  # to a caller who gives others time to join
            if not self._await_turn(request):
                return _result(request)
            self._running += 1
            group = self._take_group(request)
        try:
            self._compute(group)
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()
        return _result(request)

    def _await_turn(self, request: _Request) -> bool:
        """Wait until this request leads a run (True) or has its answer (False)."""
        join_until = time.monotonic() + self.wait
        while not request.answered:
            if request.taken:
                self._changed.wait()
                continue
            try:
                request.work.require_wanted()
            except LipiyanaError as error:
                request.failure = error
                self._waiting.remove(request)
                self._changed.notify_all()
                return False
            timeout = request.work.remaining()
            if self._running < self.slots and self._waiting[0] is request:
                left = join_until - time.monotonic()
                if left <= 0 or self._is_full(request):
                    return True
                timeout = left if timeout is None else min(left, timeout)
            self._changed.wait(timeout)
        return False

    def _is_full(self, request: _Request) -> bool:
        rows = sum(len(other.batch) for other in self._waiting if other.key == request.key)
        return rows >= self.max_rows

    def _take_group(self, leader: _Request) -> list[_Request]:
        """Take the leader and the requests that fit it out of the queue; drop unwanted ones."""
        group: list[_Request] = []
        others: deque[_Request] = deque()
        rows = len(leader.batch)
        for request in self._waiting:
            if request is leader:
                group.append(request)
                continue
            try:
                request.work.require_wanted()
            except LipiyanaError as error:
                request.failure = error
                continue
            if request.key == leader.key and rows + len(request.batch) <= self.max_rows:
                rows += len(request.batch)
                request.taken = True
                group.append(request)
            else:
                others.append(request)
        self._waiting = others
        self._changed.notify_all()
        return group

    def _compute(self, group: list[_Request]) -> None:
        leader = group[0]
        rows = [len(request.batch) for request in group]
        try:
            if len(group) == 1:
                answers = [leader.run(leader.batch)]
            else:
                with working(_work_of_all(group)):
                    joined = leader.run(np.concatenate([request.batch for request in group]))
                ends = np.cumsum(rows)[:-1]
                # copies, so that a caller does not keep the outputs of all alive
                parts = [np.split(output, ends) for output in joined]
                answers = [[part.copy() for part in own] for own in zip(*parts, strict=True)]
        except BaseException as error:
            for request in group:
                request.failure = error
            return
        counted = [len(request.batch) for request in group if request.work.counted]
        if self.observe is not None and counted:
            self.observe(leader.model, sum(counted))
        for request, outputs in zip(group, answers, strict=True):
            request.outputs = outputs


def _work_of_all(group: Sequence[_Request]) -> Work:
    """Give work that is wanted while any of a group wants its own."""

    def remaining() -> float | None:
        times = [request.work.remaining() for request in group]
        known = [time for time in times if time is not None]
        return max(known) if len(known) == len(times) else None

    return Work(
        remaining,
        lambda: all(request.work.abandoned() for request in group),
        counted=any(request.work.counted for request in group),
    )


def _result(request: _Request) -> Outputs:
    if request.failure is not None:
        raise request.failure
    assert request.outputs is not None, "an answered request has outputs"  # noqa: S101
    return request.outputs


class BatchedSession(Session):
    """A session whose runs are joined with others of the same shape at the same time.

    A crop is padded to the bucket of its own width, so inputs of one shape are joined without any
    new padding, and the outputs are those of a run alone, within rounding.
    """

    def __init__(self, inner: Session, batcher: Batcher) -> None:
        super().__init__(inner.entry, inner.header)
        self._inner, self._batcher = inner, batcher
        self._joins = self.input_shape[0] is None
        self.others = inner.others

    def run(self, batch: npt.NDArray[np.float32]) -> Outputs:
        """Feed the first input; see `Session.run`, `Batcher.run` and `Work.require_time`."""
        current_work().require_time()
        return self._join(batch)

    def _start(self, batch: npt.NDArray[np.float32], others: Executor) -> Future[Outputs]:
        # the time is that of the thread that asks
        current_work().require_time()
        return others.submit(copy_context().run, self._join, batch)

    def _join(self, batch: npt.NDArray[np.float32]) -> Outputs:
        return self._batcher.run(self.entry.name, self._inner.run, batch, joins=self._joins)


class BatchedModels(ModelSource):
    """Models whose runs are joined."""

    def __init__(self, batcher: Batcher, inner: ModelSource | None = None) -> None:
        """Join the runs of models.

        Args:
            batcher: joins them.
            inner: loads the models; by default this process.
        """
        super().__init__()
        # each model would keep what the largest picture of any caller took: 440 MiB a thread
        self._inner = inner or ModelSource(keeps_memory=False)
        self._batcher = batcher
        self.local, self.place = self._inner.local, self._inner.place

    def offered(self, entries: Sequence[ModelEntry]) -> Sequence[ModelEntry]:
        """Choose those that can be used; see `ModelSource.offered`."""
        return self._inner.offered(entries)

    @property
    def ready(self) -> bool:
        """Whether the models can be run now."""
        return self._inner.ready

    def close(self) -> None:
        """Close the models' own source."""
        self._inner.close()

    def open(self, entry: ModelEntry, threads: int, compute: Compute) -> Session:
        """Load a model."""
        return BatchedSession(self._inner.open(entry, threads, compute), self._batcher)
