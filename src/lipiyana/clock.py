"""Time of a request: how long each stage took, and how much is left."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from lipiyana.arguments import seconds_of
from lipiyana.errors import DeadlineExceeded


class Clock:
    """Measures stages and the time left; starts when it is made.

    Attributes:
        timings: seconds by stage, of the stages that have ended.
    """

    def __init__(self, timeout: float | None) -> None:
        """Allow `timeout` seconds; None is no limit.

        Raises:
            InvalidRequest: it is no number.
        """
        self.timings: dict[str, float] = {}
        self._timeout = seconds_of(timeout)
        self._end = None if self._timeout is None else time.monotonic() + self._timeout

    def left(self) -> float | None:
        """Seconds that are left, at least 0; None if there is no limit."""
        return None if self._end is None else max(0.0, self._end - time.monotonic())

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage, which may run more than once; raises before it if no time is left.

        Raises:
            DeadlineExceeded: the timeout has passed.
        """
        if self.left() == 0:
            raise DeadlineExceeded(f"no answer within {self._timeout:g} s; stopped before {name}")
        begin = time.perf_counter()
        yield
        self.timings[name] = self.timings.get(name, 0.0) + time.perf_counter() - begin


class CpuBudget:
    """CPU time of the thread that creates this, counted from then on."""

    def __init__(self, seconds: float) -> None:
        """Start to count `seconds`."""
        self.seconds = seconds
        self._ends = time.thread_time() + seconds

    @property
    def is_spent(self) -> bool:
        """Whether the thread has used more; to be asked on the same thread."""
        return time.thread_time() > self._ends
