"""Percentiles of latencies, and those that no server could better; part of benchmarks/serve.py."""

from __future__ import annotations

import heapq
import random
from collections.abc import Sequence


def percentile(values: Sequence[float], share: float) -> float:
    """Give the value below which this share lies."""
    if not values:
        raise SystemExit("no picture was answered in a whole load: raise --seconds")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def spread(values: Sequence[float]) -> float:
    """p99 by p50."""
    return percentile(values, 0.99) / percentile(values, 0.5)


def ideal_spread(services: Sequence[float], cores: int, load: float, calls: int = 50_000) -> float:
    """p99 by p50 of a queue without any cost of its own.

    Calls come as Poisson has it and are begun in their order, on `cores` servers that take the
    times of `services`, at a share `load` of what they can do (M/G/c).
    """
    chance = random.Random(1)
    rate = load * cores * len(services) / sum(services)
    free = [0.0] * cores
    now, latencies = 0.0, []
    for _ in range(calls):
        now += chance.expovariate(rate)
        end = max(now, heapq.heappop(free)) + chance.choice(services)
        heapq.heappush(free, end)
        latencies.append(end - now)
    return spread(latencies)
