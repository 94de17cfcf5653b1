"""Cost and gain of a server's cache; part of benchmarks/serving/serve.py."""

from __future__ import annotations

import itertools
import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import xxhash
from serve_processes import Server

from lipiyana.client import Client
from lipiyana.types import CacheOutcome, CachePolicy, Layout, RecognitionConfig

RESAMPLES = 1000


@dataclass(frozen=True)
class Overhead:
    """Extra time of a miss with the cache, compared with bypassing it.

    Attributes:
        share: median difference of the pairs, divided by the median time without the cache.
        error: half of the width of its 95 % interval.
        pairs: number of measured pairs.
    """

    share: float
    error: float
    pairs: int


def seconds_at_server(
    server: Server, client: Client, picture: bytes, config: RecognitionConfig, times: int
) -> float:
    """Return the mean time of a call at the server, from the server's own metrics."""
    before = server.seconds()
    for _ in range(times):
        client.recognize(picture, config)
    after = server.seconds()
    return (after[0] - before[0]) / (after[1] - before[1])


def hit_and_miss(server: Server, path: str, layout: str, rounds: int) -> tuple[float, float, float]:
    """Return the seconds at the server of a hit and a miss, and of hashing the picture."""
    picture = Path(path).read_bytes()
    config = RecognitionConfig(layout=Layout(layout))
    with Client(server.target) as client:
        client.recognize(picture, config)
        hit = seconds_at_server(server, client, picture, config, 50 * rounds)
        bypass = replace(config, cache_policy=CachePolicy.BYPASS)
        miss = seconds_at_server(server, client, picture, bypass, rounds)
    return hit, miss, bare_hash(picture)


def bare_hash(picture: bytes) -> float:
    """Return the median seconds of hashing a picture."""
    seconds = []
    for _ in range(2000):
        began = time.perf_counter()
        xxhash.xxh3_128(picture).digest()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def overhead(server: Server, paths: Sequence[str], layout: str, seconds: float) -> Overhead:
    """Read unique pictures with the cache and bypassing it, in pairs, for `seconds`.

    Both calls of a pair use the same picture, follow each other directly and come in either order,
    so that other load affects both alike. The fastest picture is used, because the relative
    overhead is largest there.
    """
    used = RecognitionConfig(layout=Layout(layout))
    bypass = replace(used, cache_policy=CachePolicy.BYPASS)
    generator = random.Random(1)
    with Client(server.target) as client:

        def timed(picture: bytes, config: RecognitionConfig, expected: CacheOutcome) -> float:
            began = time.perf_counter()
            outcome = client.recognize(picture, config).cache_outcome
            took = time.perf_counter() - began
            assert outcome is expected, f"the cache's outcome is {outcome}, expected {expected}"
            return took

        pictures = [Path(path).read_bytes() for path in paths]
        quickest = min(pictures, key=lambda one: timed(one, bypass, CacheOutcome.BYPASS))
        with_cache: list[float] = []
        without: list[float] = []
        until = time.monotonic() + seconds
        for number in itertools.count():
            if time.monotonic() > until and number >= 3:
                break
            fresh = quickest + b"overhead %d" % number  # appended after the end of the JPEG
            steps = [
                (with_cache, used, CacheOutcome.MISS),
                (without, bypass, CacheOutcome.BYPASS),
            ]
            generator.shuffle(steps)
            for times, config, expected in steps:
                times.append(timed(fresh, config, expected))
    pairs = list(zip(with_cache, without, strict=True))
    resampled = sorted(_share(generator.choices(pairs, k=len(pairs))) for _ in range(RESAMPLES))
    low, high = resampled[round(0.025 * RESAMPLES)], resampled[round(0.975 * RESAMPLES) - 1]
    return Overhead(_share(pairs), (high - low) / 2, len(pairs))


def _share(pairs: Sequence[tuple[float, float]]) -> float:
    difference = statistics.median(one - other for one, other in pairs)
    return difference / statistics.median(other for _, other in pairs)
