"""Rate limits: how many pictures per second a key may ask for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from lipiyana.errors import Overloaded


class TokenBucket:
    """Refills at `rate` pictures a second up to `burst`. Safe to share between threads.

    A request larger than the burst is let through once the bucket is full, and pays afterwards,
    so a limit delays large batches but forbids none.
    """

    def __init__(
        self, rate: float, burst: float, *, timer: Callable[[], float] = time.monotonic
    ) -> None:
        self.rate = rate
        self.burst = burst
        self._timer = timer
        self._level = burst
        self._filled = timer()
        self._lock = threading.Lock()

    def spend(self, pictures: int) -> None:
        """Take `pictures` out.

        Raises:
            Overloaded: they are not there yet; `retry_after` is when they are (RATE_LIMITED).
        """
        with self._lock:
            now = self._timer()
            self._level = min(self.burst, self._level + (now - self._filled) * self.rate)
            self._filled = now
            lacking = min(pictures, self.burst) - self._level
            if lacking <= 0:
                self._level -= pictures
                return
        wait = lacking / self.rate
        raise Overloaded(
            f"your key allows {self.rate:g} pictures a second; try again in {wait:.1f} s",
            retry_after=round(wait, 3),
            reason="RATE_LIMITED",
        )
