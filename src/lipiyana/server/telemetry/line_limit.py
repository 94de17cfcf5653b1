"""Limits log lines that clients can cause: after a few of a kind, only their number is logged."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from lipiyana.server.tuning import LOGS

Later = Callable[[float, Callable[[], None]], object]


def _later(seconds: float, call: Callable[[], None]) -> None:
    timer = threading.Timer(seconds, call)
    timer.daemon = True
    timer.start()


class LineLimit:
    """Limits the lines of one kind. Safe to share between threads.

    Example:
        >>> limit = LineLimit(lambda left_out: print(f"{left_out} more"), later=lambda *_: None)
        >>> sum(limit.allows() for _ in range(50))
        20
    """

    def __init__(
        self,
        tell: Callable[[int], None],
        *,
        later: Later = _later,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start with no lines.

        Args:
            tell: called with the number of suppressed lines, `LOGS.seconds` after the first one.
            later: calls a function after a number of seconds, on any thread.
            timer: reads a clock, in seconds.
        """
        self._tell = tell
        self._later = later
        self._timer = timer
        self._lock = threading.Lock()
        self._began = timer()
        self._lines = 0

    def allows(self) -> bool:
        """Count a line; return whether to log it."""
        with self._lock:
            now = self._timer()
            if self._lines <= LOGS.lines and now - self._began >= LOGS.seconds:
                self._began, self._lines = now, 0
            self._lines += 1
            lines = self._lines
        if lines == LOGS.lines + 1:
            self._later(LOGS.seconds, self._restart)
        return lines <= LOGS.lines

    def _restart(self) -> None:
        with self._lock:
            left_out = self._lines - LOGS.lines
            self._began, self._lines = self._timer(), 0
        self._tell(left_out)
