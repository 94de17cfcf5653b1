"""Clocks of a spool: how old a row is, whatever the time of day says."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_PLAUSIBLE = 1_700_000_000.0
"""Seconds since 1970. A machine without a battery begins in 1970 or with its image's date."""


class Clock(Protocol):
    """What a spool asks; tests give their own."""

    def elapsed(self) -> float:
        """Seconds since the machine was started; nobody can set this clock."""
        ...

    def wall(self) -> float:
        """Seconds since 1970, as the machine believes."""
        ...

    def boot(self) -> str:
        """What tells one start of the machine from another; "" if nothing does."""
        ...


class SystemClock:
    """The clocks of this machine."""

    def elapsed(self) -> float:
        """Seconds since the start; time asleep counts where the system can tell."""
        return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))

    def wall(self) -> float:
        """Seconds since 1970."""
        return time.time()

    def boot(self) -> str:
        """Identifier of the start of a Linux machine."""
        try:
            return _BOOT_ID.read_text("ascii").strip()
        except OSError:
            return ""


@dataclass(frozen=True, slots=True)
class ClockMark:
    """The clocks at one moment.

    Attributes:
        age: seconds on the spool's own clock.
        elapsed, wall, boot: as `Clock` gave them.
    """

    age: float
    elapsed: float
    wall: float
    boot: str


class AgeClock:
    """Seconds that a spool has existed; the age of a row is a difference of two of them.

    While the machine runs it follows `Clock.elapsed`, so that a clock that is set, even by years,
    changes no age. Over a restart of the machine it adds what the time of day says has passed,
    unless that was not set or went back.
    """

    def __init__(self, clock: Clock, earlier: ClockMark | None) -> None:
        """Continue from the mark of an earlier process, or begin."""
        self._clock = clock
        now = ClockMark(0.0, clock.elapsed(), clock.wall(), clock.boot())
        self._base = (0.0 if earlier is None else earlier.age + _passed(earlier, now)) - now.elapsed
        self._boot = now.boot

    def mark(self) -> ClockMark:
        """Return the clocks now."""
        elapsed = self._clock.elapsed()
        return ClockMark(self._base + elapsed, elapsed, self._clock.wall(), self._boot)


def _passed(earlier: ClockMark, now: ClockMark) -> float:
    if earlier.boot and earlier.boot == now.boot and now.elapsed >= earlier.elapsed:
        return now.elapsed - earlier.elapsed
    if min(earlier.wall, now.wall) < _PLAUSIBLE:
        return 0.0
    return max(0.0, now.wall - earlier.wall)
