"""A day of calls: a street's rhythm with bursts, as Poisson arrivals; part of autoscaler.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

HOUR = 3600.0
_HOURLY = (
    0.14, 0.10, 0.08, 0.08, 0.12, 0.25, 0.45, 0.75, 1.00, 0.95, 0.80, 0.72,
    0.70, 0.70, 0.72, 0.78, 0.88, 1.00, 1.00, 0.92, 0.72, 0.50, 0.32, 0.20,
)  # fmt: skip
"""Share of the greatest rate at the start of each hour: two peaks of commuters."""


@dataclass(frozen=True, slots=True)
class Day:
    """What a day is like.

    Attributes:
        peak_rate: pictures a second in the busiest hour, without bursts.
        seconds: duration from midnight.
        bursts: a day, at random times between 07:00 and 23:00.
        burst_factor: by which a burst multiplies the rate.
        burst_seconds: duration of a burst; it begins within a minute.
        seed: of everything random.
    """

    peak_rate: float = 24.0
    seconds: float = 24 * HOUR
    bursts: int = 8
    burst_factor: float = 2.5
    burst_seconds: float = 600.0
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls in the order of their arrival.

    Attributes:
        at: arrival times in seconds.
        work: CPU seconds of each picture.
        client: number of the client that sends it.
    """

    at: Floats
    work: Floats
    client: NDArray[np.intp]


def rates(day: Day) -> Floats:
    """Pictures a second in each second of the day."""
    chance = np.random.default_rng(day.seed)
    second = np.arange(int(day.seconds))
    hourly = np.append(_HOURLY, _HOURLY[0])
    rate: Floats = day.peak_rate * np.interp(second / HOUR, np.arange(25), hourly)
    for start in chance.uniform(7 * HOUR, 23 * HOUR, day.bursts):
        since = second - start
        # a minute up, the burst, two minutes down
        shape = np.interp(since, [0, 60, day.burst_seconds, day.burst_seconds + 120], [0, 1, 1, 0])
        rate *= 1 + (day.burst_factor - 1) * shape
    return rate


def calls_of(day: Day, work: Any, clients: int) -> Calls:
    """Draw the calls of a day.

    Args:
        day: rates and seed.
        work: CPU seconds of measured pictures, from which each call's are drawn.
        clients: number of clients, which send equal shares.
    """
    chance = np.random.default_rng(day.seed + 1)
    counts = chance.poisson(rates(day))
    at = np.repeat(np.arange(counts.size, dtype=np.float64), counts)
    at += chance.random(at.size)
    at.sort()
    return Calls(at, chance.choice(np.asarray(work), at.size), chance.integers(0, clients, at.size))
