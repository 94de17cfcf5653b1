"""Latency at a load below the server's limit; part of benchmarks/serving/serve.py.

Most waiting time in a queue comes from random arrivals. So each measured figure is compared with
that of an ideal queue for the same number of cores: exactly the same calls at the same times, each
with the work that the server reports, started in their order without overhead. Only the difference
is caused by the server.
"""

from __future__ import annotations

from dataclasses import replace

from serve_load import Outcome, Plan
from serve_percentiles import ideal_latencies, poisson_calls, spread
from serve_processes import Load

CAMERAS = 16


def measure_steady(
    load: Load, plan: Plan, *, seconds: float, camera_seconds: float, cores: int
) -> dict[str, object]:
    """Send an open loop of calls twice: with random arrivals, and as cameras do, at even intervals.

    Args:
        load: sends the calls.
        plan: has the rate and the seed.
        seconds: duration of the random calls.
        camera_seconds: duration of the calls of cameras.
        cores: number of cores of the server.
    """
    poisson = load.put(replace(plan, seconds=seconds))
    cameras = load.put(replace(plan, seconds=camera_seconds, cameras=CAMERAS, seed=plan.seed + 1))
    endless = ideal_latencies(poisson_calls(poisson.work, plan.rate), cores)
    return {
        "p99_over_p50": spread(poisson.latencies),
        "ideal_p99_over_p50": _ideal_spread(poisson, cores),
        "endless_ideal_p99_over_p50": spread(endless),
        "camera_p99_over_p50": spread(cameras.latencies),
        "ideal_camera_p99_over_p50": _ideal_spread(cameras, cores),
        "steady_rate": plan.rate,
        "steady_calls": len(poisson.latencies),
        "steady_seed": plan.seed,
        "steady_codes": poisson.codes,
        "camera_codes": cameras.codes,
    }


def _ideal_spread(outcome: Outcome, cores: int) -> float:
    return spread(ideal_latencies(zip(outcome.due, outcome.work, strict=True), cores))
