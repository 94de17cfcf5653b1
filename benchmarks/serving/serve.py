"""A server under load, compared with the same pipeline in process on the same cores.

    python benchmarks/serving/serve.py [--quick] [--json FILE] [--plot FILE]
        [--price DOLLARS_AN_HOUR] [--layout scene] [--seed N] [PICTURE ...]

Without pictures it uses the scenes of samples/. Pictures are JPEGs; appended bytes make each one
unique. The server runs with its defaults in a separate process, and so does the load, on the same
cores with 8 channels.

    throughput_ratio  pictures a second with 16 concurrent calls, divided by those in process with
                      the best number of threads; measured in turns
    p99_over_p50      of an open loop with Poisson arrivals at 80 % of the pictures a second of 16
                      concurrent calls
    hit_ms            time of the server for a call that the cache answers
    miss_over_hit     its time for a single computed picture, divided by `hit_ms`
    miss_overhead     relative additional time of a unique picture with the cache, compared with
                      bypassing it; measured in pairs, `miss_overhead_error` is half of the 95 %
                      interval
    goodput_ratio     answers in time at twice the load, divided by the peak of all loops

`camera_p99_over_p50` is the same load from 16 cameras, each with a regular interval. `ideal_...` is
the figure of an ideal queue without overhead for exactly the same calls, `endless_ideal_...` its
limit for an endless run: with few cores, most of the figure comes from bursts of Poisson arrivals,
and one minute may have twice the figure of another. So ten minutes are measured, each with other
random arrivals; `--seed` repeats a run. `hash_ms` is the time to hash the bytes of the hit. "In
time" means within 10 times the latency of a single picture. Latencies of open loops count from the
scheduled time of a call, so waiting is not hidden. `lost` counts calls of closed loops without an
answer.
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

from lipiyana.runtime.container import available_threads
from lipiyana.types import Layout

SCENES = Path(__file__).parents[2] / "samples" / "scenes"
REFERENCE = 16
SWEEP = (1, 2, 4, 8, 16, 32, 64)
CHANNELS = 8
SHARE = 0.8
IN_TIME = 10
LEAST = 8
"""Pictures of a loop, whatever time that takes."""


@dataclass(frozen=True)
class Extent:
    """Lengths of the measurement, in seconds."""

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
    """Add up loops with the same number of concurrent calls."""
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
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pictures", nargs="*", type=Path)
    parser.add_argument("--quick", action="store_true", help="under a minute on a quiet machine")
    parser.add_argument("--layout", choices=[layout.value for layout in Layout], default="scene")
    parser.add_argument("--seconds", type=float, help="length of each loop; default 20, quick 2")
    parser.add_argument(
        "--price", type=float, default=0.08, help="price of the machine, dollars an hour"
    )
    parser.add_argument("--seed", type=int, help="of the open loops; random by default")
    parser.add_argument("--json", type=Path, help="write the figures there")
    parser.add_argument("--plot", type=Path, help="write an SVG there")
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
