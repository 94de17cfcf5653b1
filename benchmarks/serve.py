"""A server under load, beside the same pipeline in process on the same cores.

    python benchmarks/serve.py [--quick] [--json FILE] [--plot FILE] [--price DOLLARS_AN_HOUR]
                               [--layout scene] [PICTURE ...]

Without pictures it takes JPEGs of samples/: the scenes, with `--quick` the plates. The server runs
with its defaults in a process of its own, and so does the load (benchmarks/serve_load.py).

    throughput_ratio  pictures a second at 16 calls at a time, by those in process
    p99_over_p50      of an open loop (Poisson) at 80 % of the pictures a second at 16
    hit_ms            what the server takes for a call that the cache answers
    miss_over_hit     what it takes for one that it computes, alone, by that
    miss_overhead     hash, look-up and insertion of one picture, by that of a miss
    goodput_ratio     answers in time at twice the load, by the pictures a second at 16

`hash_ms` is a bare hash of the same bytes. "In time" is within 10 times the latency of one picture
alone. Latencies of open loops count from when a call was due, so waiting is not hidden.
"""

from __future__ import annotations

import argparse
import json
import logging
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import xxhash
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console
from rich.table import Table
from serve_load import Outcome, Plan
from serve_plot import Point, svg

from lipiyana.cache import KeyMaker, MemoryCache, cacheable
from lipiyana.client import Client
from lipiyana.runtime import available_threads
from lipiyana.types import CachePolicy, Layout, RecognitionConfig

HERE = Path(__file__).parent
SAMPLES = HERE.parent / "samples"
REFERENCE = 16
SWEEP = (1, 2, 4, 8, 16, 32, 64)
QUICK_SWEEP = (1, 16)
CHANNELS = 8
IN_TIME = 10


@dataclass(frozen=True)
class Server:
    """Where the server is."""

    target: str
    metrics: str

    def seconds(self) -> tuple[float, float]:
        """Sum and count of what its `Recognize` took so far."""
        with urllib.request.urlopen(self.metrics, timeout=10) as response:
            families = list(text_string_to_metric_families(response.read().decode()))
        samples = {
            sample.name: sample.value
            for family in families
            for sample in family.samples
            if sample.labels.get("rpc") == "Recognize" and "le" not in sample.labels
        }
        name = "lipiyana_request_seconds"
        return samples.get(f"{name}_sum", 0.0), samples.get(f"{name}_count", 0.0)


@contextmanager
def serving() -> Iterator[Server]:
    """Run `lipiyana serve` at free ports."""
    program = "from lipiyana.cli.main import main; main()"
    command = [sys.executable, "-c", program, "serve", "--port", "0", "--metrics-port", "0"]
    with subprocess.Popen(
        [*command, "--log-format", "json"], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        try:
            target = json.loads(process.stderr.readline())["message"].split()[-1]
            metrics = json.loads(process.stderr.readline())["message"].split()[-1]
            # its log is of no use here, but must not fill the pipe
            drain = subprocess.Popen(["cat"], stdin=process.stderr, stdout=subprocess.DEVNULL)
            yield Server(target, metrics)
        finally:
            process.terminate()
            process.wait(60)
            drain.wait(60)


def put_load(plan: Plan) -> Outcome:
    """Run a plan in a process of its own."""
    done = subprocess.run(
        [sys.executable, str(HERE / "serve_load.py")],
        input=json.dumps(asdict(plan)),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return Outcome(**json.loads(done.stdout))


def in_process(plan: Plan) -> float:
    """Pictures a second without a server."""
    program = [sys.executable, str(HERE / "serve_in_process.py"), plan.layout, str(plan.seconds)]
    done = subprocess.run([*program, *plan.pictures], stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout)


def percentile(values: Sequence[float], share: float) -> float:
    """Give the value below which this share lies."""
    if not values:
        raise SystemExit("no picture was answered in a whole load: raise --seconds")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def sweep(plan: Plan, levels: Sequence[int]) -> list[Point]:
    """Closed loops of more and more calls at a time."""
    points = []
    for calls in levels:
        chosen = replace(plan, concurrency=calls, channels=min(calls, CHANNELS), seed=calls)
        outcome = put_load(chosen)
        times = outcome.latencies
        points.append(
            Point(
                calls,
                len(outcome.latencies) / outcome.seconds,
                percentile(times, 0.5),
                percentile(times, 0.95),
                percentile(times, 0.99),
            )
        )
    return points


@dataclass(frozen=True)
class CacheCosts:
    """Seconds at the server, and of the parts of the cache in this process."""

    hit: float
    miss: float
    hash: float
    overhead: float


def cache_costs(server: Server, plan: Plan, rounds: int) -> CacheCosts:
    """Time a picture that is asked for again and again, beside ones that are computed."""
    picture = Path(plan.pictures[0]).read_bytes()
    config = RecognitionConfig(layout=Layout(plan.layout))
    bypass = replace(config, cache_policy=CachePolicy.BYPASS)
    with Client(server.target) as client:
        value = client.recognize(picture, config)

        def server_seconds(chosen: RecognitionConfig, times: int) -> float:
            before = server.seconds()
            for _ in range(times):
                client.recognize(picture, chosen)
            after = server.seconds()
            return (after[0] - before[0]) / (after[1] - before[1])

        hit = server_seconds(config, 50 * rounds)
        miss = server_seconds(bypass, rounds)
    keys, cache, kept = KeyMaker("plan"), MemoryCache(2**26, 600), cacheable(value)

    def overhead(number: int) -> None:
        key = keys.key(picture + b"%d" % number, config)
        cache.get(key)
        cache.put(key, kept)

    return CacheCosts(
        hit,
        miss,
        timed(lambda _: xxhash.xxh3_128(picture).digest()),
        timed(overhead) - timed(lambda number: picture + b"%d" % number),
    )


def timed(function: object, times: int = 2000) -> float:
    """Median seconds of a call with a number."""
    assert callable(function)
    seconds = []
    for number in range(times):
        began = time.perf_counter()
        function(number)
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def measure(plan: Plan, levels: Sequence[int], rounds: int, price: float) -> dict[str, object]:
    """Measure everything."""
    local = in_process(plan)
    with serving() as server:
        plan = replace(plan, target=server.target)
        points = sweep(plan, levels)
        reference = next(point for point in points if point.calls == REFERENCE)
        alone = points[0].p50
        steady = put_load(
            replace(plan, rate=0.8 * reference.throughput, channels=CHANNELS, seed=1001)
        )
        patience = max(IN_TIME * alone, 0.05)
        overloaded = put_load(
            replace(
                plan,
                rate=2 * reference.throughput,
                channels=CHANNELS,
                timeout=patience,
                warm_up=max(plan.warm_up, patience),
                seed=1002,
            )
        )
        costs = cache_costs(server, plan, rounds)
    cores = available_threads()
    peak = max(point.throughput for point in points)
    return {
        "throughput_ratio": reference.throughput / local,
        "p99_over_p50": percentile(steady.latencies, 0.99) / percentile(steady.latencies, 0.5),
        "hit_ms": 1000 * costs.hit,
        "miss_over_hit": costs.miss / costs.hit,
        "miss_overhead": costs.overhead / costs.miss,
        "goodput_ratio": len(overloaded.latencies) / overloaded.seconds / peak,
        "in_process_pictures_per_second": local,
        "pictures_per_second_per_core": peak / cores,
        "pictures_per_dollar": 3600 * peak / price,
        "cores": cores,
        "miss_ms": 1000 * costs.miss,
        "hash_ms": 1000 * costs.hash,
        "overhead_ms": 1000 * costs.overhead,
        "steady_codes": steady.codes,
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
        if isinstance(value, float):
            console.print(f"{name:32} {value:.4g}")


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pictures", nargs="*", type=Path)
    parser.add_argument("--quick", action="store_true", help="under a minute")
    parser.add_argument("--layout", choices=[layout.value for layout in Layout])
    parser.add_argument("--seconds", type=float, help="of each load; default 20, quick 3")
    parser.add_argument("--price", type=float, default=0.08, help="dollars an hour of the machine")
    parser.add_argument("--json", type=Path, help="where the figures go")
    parser.add_argument("--plot", type=Path, help="where an SVG goes")
    args = parser.parse_args()
    logging.disable(logging.WARNING)
    folder, layout = ("plates", "plate") if args.quick else ("scenes", "scene")
    pictures = args.pictures or sorted((SAMPLES / folder).glob("*.jpg"))
    plan = Plan(
        target="",
        pictures=[str(path) for path in pictures],
        layout=args.layout or layout,
        seconds=args.seconds or (3.0 if args.quick else 20.0),
    )
    levels = QUICK_SWEEP if args.quick else SWEEP
    figures = measure(plan, levels, 5 if args.quick else 30, args.price)
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
