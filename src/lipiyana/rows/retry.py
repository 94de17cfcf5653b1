"""How calls that a busy server rejects are repeated."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from lipiyana.errors import Overloaded

T = TypeVar("T")

_MAX_JITTER = 5.0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How a rejected call is repeated.

    A rate limit only slows a run down, so the call is repeated without a limit. A queue that stays
    full ends the run.

    Attributes:
        seconds: how long a queue may stay full.
        jitter: maximum of the random delay added to the back-off that the server asked for.
            Without it all calls would come back at once, and all but one would be rejected. It
            doubles with every attempt.
        sleep: waits for a number of seconds.
        now: reads a monotonic clock, in seconds.
    """

    seconds: float = 120.0
    jitter: float = 0.05
    sleep: Callable[[float], object] = time.sleep
    now: Callable[[], float] = time.monotonic

    def call(self, function: Callable[[], T]) -> T:
        """Call `function` until it is not rejected.

        Raises:
            Overloaded: the server's queue stayed full.
            LipiyanaError: any other error of `function`.
        """
        until, jitter = self.now() + self.seconds, self.jitter
        while True:
            try:
                return function()
            except Overloaded as busy:
                if busy.reason != "RATE_LIMITED" and self.now() >= until:
                    raise
                wait = busy.retry_after + random.uniform(0, jitter)  # noqa: S311
                if busy.reason != "RATE_LIMITED":
                    wait = min(wait, max(0.0, until - self.now()))
                self.sleep(wait)
                jitter = min(2 * jitter, _MAX_JITTER)


RETRY = RetryPolicy()
