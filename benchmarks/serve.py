"""A server under load, beside the same pipeline in process on the same cores.

    python benchmarks/serve.py [--quick] [--json FILE] [--plot FILE] [--price DOLLARS_AN_HOUR]
                               [--layout scene] [PICTURE ...]

Without pictures it takes the scenes of samples/. Pictures are JPEGs: bytes behind their end make
each unique. The server runs with its defaults in a process of its own, and so does the load, on
the same cores and 8 channels.

    throughput_ratio  pictures a second at 16 calls at a time, by those in process with as many
                      threads as are quickest there; measured in turns
    p99_over_p50      at 80 % of the pictures a second at 16, of an open loop whose calls come as
                      Poisson has it
    hit_ms            what the server takes for a call that the cache answers
    miss_over_hit     what it takes for one that it computes, alone, by that
    miss_overhead     what a unique picture costs more with the cache than past it, by what it costs
                      past it; measured in pairs, `miss_overhead_error` is half of the 95 % interval
    goodput_ratio     answers in time at twice the load, by the most pictures a second of all loops

Beside them: `camera_p99_over_p50` is the same load from 16 cameras, each in even steps of its own.
`ideal_p99_over_p50` is what a queue before so many cores has that costs nothing itself: with few
cores Poisson's crowds alone make more of it than a server can. `hash_ms` is a bare hash of the
bytes of the hit. "In time" is within 10 times the latency of one picture alone. Latencies of open
loops count from when a call was due, so waiting is not hidden. `lost` are calls of closed loops
that were not answered.
"""

from __future__ import annotations

import argparse
import json
import logging
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.table import Table
from serve_cache import hit_and_miss, overhead
from serve_load import Outcome, Plan
from serve_percentiles import ideal_spread, percentile, spread
from serve_plot import Point, svg
from serve_processes import InProcess, Load, Server, serving

from lipiyana.runtime import available_threads
from lipiyana.types import Layout

SCENES = Path(__file__).parents[1] / "samples" / "scenes"
REFERENCE = 16
SWEEP = (1, 2, 4, 8, 16, 32, 64)
CHANNELS = 8
CAMERAS = 16
SHARE = 0.8
IN_TIME = 10
LEAST = 12
"""Pictures of a loop, whatever time that takes."""


@dataclass(frozen=True)
class Extent:
    """How much is measured; times in seconds."""

    sweep: tuple[int, ...]
    loop: float
    steady: float
    trial: float
    turns: int
    misses: int
    pairs: float


FULL = Extent(SWEEP, loop=20, steady=60, trial=10, turns=3, misses=30, pairs=60)
QUICK = Extent((1, REFERENCE), loop=2, steady=4, trial=1, turns=2, misses=3, pairs=3)


@dataclass(frozen=True)
class Throughput:
    """Pictures a second, in turns of no server and a server; the threads that were quickest."""

    in_process: list[float]
    served: list[Outcome]
    threads: int

    @property
    def local(self) -> float:
        """In process."""
        return statistics.mean(self.in_process)

    @property
    def remote(self) -> float:
        """Of the server."""
        return statistics.mean(map(rate, self.served))


def rate(outcome: Outcome) -> float:
    """Answers a second."""
    return len(outcome.latencies) / outcome.seconds


def quickest(in_process: InProcess, seconds: float) -> tuple[int, float]:
    """Find the number of threads that are quickest in process, and their pictures a second."""
    cores = available_threads()
    tried: dict[int, float] = {}
    while not any(tried.values()):  # on a machine that is too slow for so short a trial
        for threads in sorted({1, cores, 2 * cores}):
            tried[threads] = in_process.pictures_a_second(threads, seconds)
        seconds *= 2
    return max(tried.items(), key=lambda item: item[1])


def compare(
    in_process: InProcess, load: Load, plan: Plan, extent: Extent, threads: int
) -> Throughput:
    """Measure both in turns."""
    loop = replace(plan, seconds=extent.loop, concurrency=REFERENCE, channels=CHANNELS)
    local, served = [], []
    for turn in range(extent.turns):
        local.append(in_process.pictures_a_second(threads, extent.loop))
        served.append(load.put(replace(loop, seed=2000 + turn)))
    return Throughput(local, served, threads)


def closed_loop(outcomes: Sequence[Outcome], calls: int) -> Point:
    """Sum loops of the same number of calls at a time up."""
    times = [latency for outcome in outcomes for latency in outcome.latencies]
    throughput = statistics.mean(map(rate, outcomes))
    return Point(calls, throughput, *(percentile(times, share) for share in (0.5, 0.95, 0.99)))


def measure(plan: Plan, extent: Extent, price: float) -> dict[str, object]:
    """Measure everything."""
    in_process, load = InProcess(plan.layout, plan.pictures), Load()
    try:
        with serving() as server:
            return _measure(
                server, in_process, load, replace(plan, target=server.target), extent, price
            )
    finally:
        in_process.close()
        load.close()


def _measure(
    server: Server,
    in_process: InProcess,
    load: Load,
    plan: Plan,
    extent: Extent,
    price: float,
) -> dict[str, object]:
    threads, reached = quickest(in_process, extent.trial)
    # of fewer pictures nothing could be said
    extent = replace(
        extent,
        loop=max(extent.loop, LEAST / reached),
        steady=max(extent.steady, 2 * LEAST / reached),
    )
    compared = compare(in_process, load, plan, extent, threads)
    loops = {REFERENCE: compared.served}
    for calls in set(extent.sweep) - {REFERENCE}:
        loop = replace(plan, seconds=extent.loop, concurrency=calls, channels=min(calls, CHANNELS))
        loops[calls] = [load.put(replace(loop, seed=calls))]
    points = [closed_loop(loops[calls], calls) for calls in extent.sweep]
    alone, peak = points[0].p50, max(point.throughput for point in points)
    repeats = replace(plan, unique=False, concurrency=REFERENCE, channels=CHANNELS)
    repeated = load.put(replace(repeats, seconds=extent.loop))

    steady = replace(
        plan, rate=SHARE * compared.remote, channels=CHANNELS, seconds=extent.steady, seed=1001
    )
    poisson, cameras = load.put(steady), load.put(replace(steady, cameras=CAMERAS, seed=1002))
    patience = max(IN_TIME * alone, 0.05)
    overloaded = load.put(
        replace(
            plan,
            rate=2 * compared.remote,
            channels=CHANNELS,
            timeout=patience,
            seconds=extent.loop,
            warm_up=max(plan.warm_up, patience),
            seed=1003,
        )
    )
    hit, miss, hashed = hit_and_miss(server, plan.pictures[0], plan.layout, extent.misses)
    cost = overhead(server, plan.pictures, plan.layout, extent.pairs)
    cores = available_threads()
    return {
        "throughput_ratio": compared.remote / compared.local,
        "p99_over_p50": spread(poisson.latencies),
        "hit_ms": 1000 * hit,
        "miss_over_hit": miss / hit,
        "miss_overhead": cost.share,
        "goodput_ratio": rate(overloaded) / peak,
        "camera_p99_over_p50": spread(cameras.latencies),
        "ideal_p99_over_p50": ideal_spread(loops[1][0].latencies, cores, SHARE),
        "miss_overhead_error": cost.error,
        "miss_overhead_pairs": cost.pairs,
        "in_process_pictures_per_second": compared.local,
        "in_process_threads": compared.threads,
        "in_process_turns": compared.in_process,
        "served_turns": [rate(outcome) for outcome in compared.served],
        "repeats_per_second": rate(repeated),
        "pictures_per_second_per_core": peak / cores,
        "pictures_per_dollar": 3600 * peak / price,
        "cores": cores,
        "miss_ms": 1000 * miss,
        "hash_ms": 1000 * hashed,
        "hit_over_hash": hit / hashed,
        "lost": sum(
            count
            for outcome in (*(one for loop in loops.values() for one in loop), repeated)
            for code, count in outcome.codes.items()
            if code != "OK"
        ),
        "steady_codes": poisson.codes,
        "camera_codes": cameras.codes,
        "overload_codes": overloaded.codes,
        "overload_patience_seconds": patience,
        "sweep": [asdict(point) for point in points],
    }


def show(figures: dict[str, object], points: Sequence[Point]) -> None:
    """Print the figures."""
    console = Console()
    table = Table("calls at a time", "pictures a second", "p50 ms", "p95 ms", "p99 ms")
    for point in points:
        table.add_row(
            str(point.calls),
            f"{point.throughput:.2f}",
            f"{1000 * point.p50:.0f}",
            f"{1000 * point.p95:.0f}",
            f"{1000 * point.p99:.0f}",
        )
    console.print(table)
    for name, value in figures.items():
        if isinstance(value, float | int):
            console.print(f"{name:32} {value:.4g}")


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pictures", nargs="*", type=Path)
    parser.add_argument("--quick", action="store_true", help="under a minute on a quiet machine")
    parser.add_argument("--layout", choices=[layout.value for layout in Layout], default="scene")
    parser.add_argument("--seconds", type=float, help="of each loop; default 20, quick 3")
    parser.add_argument("--price", type=float, default=0.08, help="dollars an hour of the machine")
    parser.add_argument("--json", type=Path, help="where the figures go")
    parser.add_argument("--plot", type=Path, help="where an SVG goes")
    args = parser.parse_args()
    logging.disable(logging.WARNING)
    extent = QUICK if args.quick else FULL
    if args.seconds:
        extent = replace(extent, loop=args.seconds)
    pictures = args.pictures or sorted(SCENES.glob("*.jpg"))
    plan = Plan("", [str(path) for path in pictures], args.layout, extent.loop)
    figures = measure(plan, extent, args.price)
    points = [Point(**point) for point in figures["sweep"]]  # type: ignore[attr-defined]
    show(figures, points)
    if args.json:
        args.json.write_text(json.dumps(figures, indent=1) + "\n")
    if args.plot:
        local = figures["in_process_pictures_per_second"]
        assert isinstance(local, float)
        args.plot.write_text(svg(points, local), "utf-8")


if __name__ == "__main__":
    main()
