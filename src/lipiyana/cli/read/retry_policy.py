"""How a picture is offered again to a server that is busy."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from lipiyana.errors import Overloaded

T = TypeVar("T")

_LONGEST_SPREAD = 5.0


@dataclass(frozen=True, slots=True)
class Patience:
    """For how long a call is made again.

    A key that is limited to so many pictures a second only slows a run down, so it is waited for
    as long as it takes; a queue that stays full is given up.

    Attributes:
        seconds: that a queue may stay full.
        spread: seconds, at most, that calls which were told the same time to wait come after it,
            each at random, or all of them would come at once and all but one in vain; it doubles
            with every attempt.
        sleep: waits so many seconds.
        now: seconds of a clock that never goes back.
    """

    seconds: float = 120.0
    spread: float = 0.05
    sleep: Callable[[float], object] = time.sleep
    now: Callable[[], float] = time.monotonic

    def offer(self, ask: Callable[[], T]) -> T:
        """Ask until there is an answer.

        Raises:
            Overloaded: the server's queue stayed full.
            LipiyanaError: whatever else `ask` raises.
        """
        until, spread = self.now() + self.seconds, self.spread
        while True:
            try:
                return ask()
            except Overloaded as busy:
                if busy.reason != "RATE_LIMITED" and self.now() >= until:
                    raise
                wait = busy.retry_after + random.uniform(0, spread)  # noqa: S311
                if busy.reason != "RATE_LIMITED":
                    wait = min(wait, max(0.0, until - self.now()))
                self.sleep(wait)
                spread = min(2 * spread, _LONGEST_SPREAD)
