"""Percentiles of latencies, measured and of an ideal queue; part of serve.py."""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterable, Sequence


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which this share of the values lies."""
    if not values:
        raise SystemExit("no call was answered during a load: raise --seconds")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def spread(values: Sequence[float]) -> float:
    """Return p99 divided by p50."""
    return percentile(values, 0.99) / percentile(values, 0.5)


def ideal_latencies(calls: Iterable[tuple[float, float]], cores: int) -> list[float]:
    """Simulate a first-in-first-out queue without overhead and return its latencies.

    Args:
        calls: time at which each call is due and its work on one core, in seconds.
        cores: number of cores, each of which serves one call at a time.
    """
    free = [0.0] * cores
    latencies = []
    for due, work in sorted(calls):
        end = max(due, heapq.heappop(free)) + work
        heapq.heappush(free, end)
        latencies.append(end - due)
    return latencies


def poisson_calls(
    work: Sequence[float], rate: float, count: int = 50_000
) -> list[tuple[float, float]]:
    """Draw many calls with Poisson arrivals; their work is drawn from `work`."""
    generator = random.Random(1)
    now, calls = 0.0, []
    for _ in range(count):
        now += generator.expovariate(rate)
        calls.append((now, generator.choice(work)))
    return calls
