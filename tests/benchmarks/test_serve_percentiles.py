from __future__ import annotations

import math
import random

import pytest
from serve_percentiles import ideal_latencies, poisson_calls, spread


def test_calls_wait_for_a_core_in_the_order_in_which_they_are_due() -> None:
    # given as they ended: the third, due last, must still wait for the one due before it
    calls = [(0.0, 4.0), (2.0, 1.0), (1.0, 5.0), (10.0, 1.0)]
    assert ideal_latencies(calls, 1) == pytest.approx([4.0, 8.0, 8.0, 1.0])
    assert ideal_latencies(calls, 2) == pytest.approx([4.0, 5.0, 3.0, 1.0])


def test_latencies_of_one_core_are_those_of_theory() -> None:
    """Of exponential work they are exponential (M/M/1): p99 by p50 is log 100 by log 2."""
    chance = random.Random(2)
    work = [chance.expovariate(1.0) for _ in range(20_000)]
    latencies = ideal_latencies(poisson_calls(work, 0.5 * len(work) / sum(work), 200_000), 1)
    assert spread(latencies) == pytest.approx(math.log(100) / math.log(2), rel=0.05)
    assert sum(latencies) / len(latencies) == pytest.approx(2.0, rel=0.05)


def test_crowds_make_the_slowest_slower_than_two_cores_can_help() -> None:
    """The figure of docs/guides/serving.md, of pictures that all take the same time."""
    for cores, expected in ((2, 3.9), (4, 3.0), (8, 2.1)):
        latencies = ideal_latencies(poisson_calls([1.0], 0.8 * cores, 200_000), cores)
        assert spread(latencies) == pytest.approx(expected, abs=0.15)
