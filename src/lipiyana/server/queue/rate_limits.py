"""Rate limits: how many pictures per second a key may request."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from lipiyana.errors import Overloaded


class TokenBucket:
    """Refills at `rate` pictures per second up to `burst`. Safe to share between threads.

    A request larger than the burst passes once the bucket is full, and makes its level negative. So
    a limit delays large batches, but never rejects them for good.
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
        """Spend `pictures` from the bucket.

        Raises:
            Overloaded: the level is too low (RATE_LIMITED); `retry_after` says for how long.
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
            f"your key allows {self.rate:g} pictures per second; try again in {wait:.1f} s",
            retry_after=round(wait, 3),
            reason="RATE_LIMITED",
        )
