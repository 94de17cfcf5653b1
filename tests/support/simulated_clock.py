"""A clock that tests set: for days that pass at once, and clocks that jump."""

from __future__ import annotations


class SimulatedClock:
    """The clocks of a machine; `pass_time` moves all, and `set_wall` is somebody who sets one."""

    def __init__(self) -> None:
        self._elapsed = 1000.0
        self._wall = 1_796_000_000.0
        self._boot = 1

    def elapsed(self) -> float:
        return self._elapsed

    def wall(self) -> float:
        return self._wall

    def boot(self) -> str:
        return str(self._boot)

    def pass_time(self, seconds: float) -> None:
        self._elapsed += seconds
        self._wall += seconds

    def set_wall(self, wall: float) -> None:
        self._wall = wall

    def restart(self, *, off: float) -> None:
        """Start the machine again after it was off for so many seconds."""
        self._elapsed = 5.0
        self._wall += off
        self._boot += 1
