"""The plot of serve.py: throughput and latency by the number of concurrent calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from common.plots import as_svg, figure


@dataclass(frozen=True)
class Point:
    """One closed loop: concurrent calls, pictures a second, percentiles of the latency in s."""

    calls: int
    throughput: float
    p50: float
    p95: float
    p99: float


def svg(points: Sequence[Point], in_process: float) -> str:
    """Plot throughput with and without a server, and latency on a log scale."""
    calls = [point.calls for point in points]
    drawn = figure(9, 3.5)
    throughput, latency = drawn.subplots(1, 2)
    throughput.plot(calls, [point.throughput for point in points], "o-", label="server")
    throughput.axhline(in_process, color="grey", linestyle="--", label="in process")
    throughput.set(title="Pictures a second", ylim=(0, None))
    for name in ("p50", "p95", "p99"):
        latency.plot(calls, [1000 * getattr(point, name) for point in points], "o-", label=name)
    latency.set(title="Latency in ms", yscale="log")
    for axes in (throughput, latency):
        axes.set_xscale("log", base=2)
        axes.set_xticks(calls, [str(count) for count in calls])
        axes.set_xlabel("calls at a time")
        axes.grid(alpha=0.3)
        axes.legend()
    return as_svg(drawn)
