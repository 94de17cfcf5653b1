"""A server under load, compared with the same pipeline in process on the same cores.

    python benchmarks/serving/serve.py [--quick] [--json FILE] [--plot FILE]
        [--price DOLLARS_AN_HOUR] [--layout scene] [--seed N] [PICTURE ...]

Without pictures the scenes of samples/ are used. Pictures are JPEGs; bytes appended to them make
each unique. The server runs with its defaults in a separate process, and so does the load
generator, on the same cores, with 8 channels.

    throughput_ratio  pictures per second at a concurrency of 16, divided by those in process with
                      the best number of threads; measured in turns
    p99_over_p50      of the latency in an open loop with Poisson arrivals, at 80 % of the pictures
                      per second at a concurrency of 16
    hit_ms            time at the server of a call answered from the cache
    miss_over_hit     time at the server of a call that is computed, alone, divided by `hit_ms`
    miss_overhead     extra time of a unique picture with the cache, divided by its time without the
                      cache; measured in pairs, `miss_overhead_error` is half of the 95 % interval
    goodput_ratio     answers in time per second at twice the load, divided by the highest pictures
                      per second of all loops

Further figures: `camera_p99_over_p50` is for the same load from 16 cameras, each with a constant
interval. `ideal_...` is for the very same calls in a simulated queue without overhead, and
`endless_ideal_...` for the same queue over a very long time: with few cores, bursts of Poisson
arrivals alone dominate the spread, and one minute may show twice the spread of another. Therefore
ten minutes are measured, with another seed each time; `--seed` repeats a run. `hash_ms` is the time
of hashing the bytes of the hit. "In time" is within 10 times the latency of one picture alone.
Latencies of open loops count from the time when a call was due, so waiting is included. `lost` are
calls of closed loops that were not answered.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.table import Table
from serve_cache import hit_and_miss, overhead
from serve_load import Outcome, Plan
from serve_percentiles import percentile
from serve_plot import Point, svg
from serve_processes import InProcess, Load, Server, serving
from serve_steady import measure_steady
from serve_throughput import compare, quickest, rate

from lipiyana.runtime.store import available_threads
from lipiyana.types import Layout

SCENES = Path(__file__).parents[2] / "samples" / "scenes"
REFERENCE = 16
SWEEP = (1, 2, 4, 8, 16, 32, 64)
CHANNELS = 8
SHARE = 0.8
IN_TIME = 10
LEAST = 8
"""Minimum number of pictures of a loop, regardless of its duration."""


@dataclass(frozen=True)
class Extent:
    """Durations (seconds) and counts of the measurements."""

    sweep: tuple[int, ...]
    loop: float
    steady: float
    cameras: float
    trial: float
    turns: int
    misses: int
    pairs: float


FULL = Extent(SWEEP, loop=20, steady=600, cameras=60, trial=10, turns=3, misses=30, pairs=60)
QUICK = Extent((1, REFERENCE), loop=2, steady=3, cameras=3, trial=1, turns=1, misses=3, pairs=2)
QUICK_PICTURES = 4


def closed_loop(outcomes: Sequence[Outcome], calls: int) -> Point:
    """Combine loops with the same concurrency."""
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
    # fewer pictures would give no meaningful percentiles
    extent = replace(
        extent,
        loop=max(extent.loop, LEAST / reached),
        steady=max(extent.steady, 2 * LEAST / reached),
        cameras=max(extent.cameras, 2 * LEAST / reached),
    )
    reference = replace(plan, seconds=extent.loop, concurrency=REFERENCE, channels=CHANNELS)
    compared = compare(in_process, load, reference, threads, extent.turns)
    loops = {REFERENCE: compared.served}
    for calls in set(extent.sweep) - {REFERENCE}:
        loop = replace(plan, seconds=extent.loop, concurrency=calls, channels=min(calls, CHANNELS))
        loops[calls] = [load.put(loop)]
    points = [closed_loop(loops[calls], calls) for calls in extent.sweep]
    alone, peak = points[0].p50, max(point.throughput for point in points)
    repeated = load.put(replace(reference, unique=False))

    cores = available_threads()
    steady = measure_steady(
        load,
        replace(plan, rate=SHARE * compared.remote, channels=CHANNELS),
        seconds=extent.steady,
        camera_seconds=extent.cameras,
        cores=cores,
    )
    patience = max(IN_TIME * alone, 0.05)
    overloaded = load.put(
        replace(
            plan,
            rate=2 * compared.remote,
            channels=CHANNELS,
            timeout=patience,
            seconds=extent.loop,
            warm_up=max(plan.warm_up, patience),
        )
    )
    hit, miss, hashed = hit_and_miss(server, plan.pictures[0], plan.layout, extent.misses)
    cost = overhead(server, plan.pictures, plan.layout, extent.pairs)
    return {
        "throughput_ratio": compared.remote / compared.local,
        "hit_ms": 1000 * hit,
        "miss_over_hit": miss / hit,
        "miss_overhead": cost.share,
        "goodput_ratio": rate(overloaded) / peak,
        **steady,
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
    """Measure, print and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pictures", nargs="*", type=Path)
    parser.add_argument(
        "--quick", action="store_true", help="less than a minute on an idle machine"
    )
    parser.add_argument("--layout", choices=[layout.value for layout in Layout], default="scene")
    parser.add_argument("--seconds", type=float, help="seconds of each loop; default 20, quick 2")
    parser.add_argument(
        "--price", type=float, default=0.08, help="price of the machine in dollars per hour"
    )
    parser.add_argument("--seed", type=int, help="seed of the open loops; default random")
    parser.add_argument("--json", type=Path, help="file for the figures")
    parser.add_argument("--plot", type=Path, help="file for an SVG plot")
    args = parser.parse_args()
    logging.disable(logging.WARNING)
    extent = QUICK if args.quick else FULL
    if args.seconds:
        extent = replace(extent, loop=args.seconds)
    pictures = args.pictures or sorted(SCENES.glob("*.jpg"))
    pictures = pictures[:QUICK_PICTURES] if args.quick else pictures
    seed = args.seed if args.seed is not None else random.randrange(1_000_000)
    plan = Plan("", [str(path) for path in pictures], args.layout, extent.loop, seed=seed)
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
