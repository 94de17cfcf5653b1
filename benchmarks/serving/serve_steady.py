"""Latency at a load that the server can sustain; part of benchmarks/serving/serve.py.

Waiting times in a queue depend mostly on random arrivals. Therefore each measured figure comes with
that of a simulated ideal queue with as many cores: the very same calls, due at the same times, with
the work that the server reported, started in order without overhead. The difference between the two
is the server's overhead.
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
    """Run two open loops: one with Poisson arrivals, one with the calls of cameras.

    Args:
        load: the load generator.
        plan: with rate and seed.
        seconds: duration of the loop with Poisson arrivals.
        camera_seconds: duration of the loop with cameras.
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
