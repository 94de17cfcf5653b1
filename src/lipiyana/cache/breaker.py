"""A circuit breaker: a service that keeps failing is not called for a while, then tried once."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class BreakerState(StrEnum):
    """Whether calls are allowed: all of them, none, or one as a test."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Ended(StrEnum):
    """How a call that was let through ended; `ABANDONED` says nothing about the other side."""

    WELL = "well"
    BADLY = "badly"
    ABANDONED = "abandoned"


@dataclass(frozen=True, slots=True)
class Attempt:
    """Permission for one call; it counts only in the period in which it was given."""

    period: int


class CircuitBreaker:
    """Counts failures in a row. Belongs to one thread.

    Closed, it opens after `failures` of them. Open, it refuses until `cooldown` seconds have
    passed. Half open, it lets one call through at a time: if that ends well it closes, if badly
    it opens again. Calls that were begun before the last change of state change nothing.
    """

    def __init__(
        self,
        failures: int = 5,
        cooldown: float = 5.0,
        *,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit = failures
        self._cooldown = cooldown
        self._timer = timer
        self._failures = 0
        self._opened_at: float | None = None
        self._probing = False
        self._period = 0

    @property
    def state(self) -> BreakerState:
        """The state that the next call finds."""
        if self._opened_at is None:
            return BreakerState.CLOSED
        if self._timer() - self._opened_at < self._cooldown:
            return BreakerState.OPEN
        return BreakerState.HALF_OPEN

    def begin(self) -> Attempt | None:
        """Ask for permission for a call, which must then `end`; None refuses it."""
        state = self.state
        if state is BreakerState.OPEN or self._probing:
            return None
        if state is BreakerState.HALF_OPEN:
            self._probing = True
        return Attempt(self._period)

    def end(self, attempt: Attempt, how: Ended) -> None:
        """Count how a call ended."""
        if attempt.period != self._period:
            return
        self._probing = False
        if how is Ended.BADLY:
            self._failures += 1
            if self._opened_at is not None or self._failures >= self._limit:
                self._change(opened_at=self._timer())
        elif how is Ended.WELL:
            self._failures = 0
            if self._opened_at is not None:
                self._change(opened_at=None)

    def _change(self, opened_at: float | None) -> None:
        self._opened_at = opened_at
        self._failures = 0
        self._period += 1
