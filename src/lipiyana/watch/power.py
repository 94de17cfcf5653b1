"""Profiles of power: how much of a machine watching may use."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Power(StrEnum):
    """Names of the profiles."""

    LOW = "low"
    BALANCED = "balanced"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class PowerProfile:
    """What a profile allows; `benchmarks/cameras/watch_cpu.py` measures each.

    Attributes:
        frames_per_second: of one source that are looked at; None for all.
        longest_side: pixels of a frame's longer side; None for as many as it has. Frames of up to
            1408 pixels are searched in one piece, larger ones in tiles as well.
        cpus: share of the CPUs that models may use; there is always one.
    """

    frames_per_second: float | None
    longest_side: int | None
    cpus: float

    def threads(self, available: int, sources: int) -> tuple[int, int]:
        """Divide the CPUs: threads of one model, and frames that are read at the same time."""
        allowed = max(1, int(available * self.cpus))
        each = max(1, allowed // sources)
        return each, allowed // each


PROFILES = {
    Power.LOW: PowerProfile(2.0, 960, 0.0),
    Power.BALANCED: PowerProfile(5.0, 1408, 0.5),
    Power.FULL: PowerProfile(None, None, 1.0),
}
