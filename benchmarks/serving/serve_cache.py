"""Cost and savings of a server's cache; part of benchmarks/serving/serve.py."""

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
    """Additional cost of a miss with the cache, compared with bypassing it.

    Attributes:
        share: of what it costs without: the median of the differences of pairs, by the median.
        error: half of the width of its 95 % interval.
        pairs: that were measured.
    """

    share: float
    error: float
    pairs: int


def seconds_at_server(
    server: Server, client: Client, picture: bytes, config: RecognitionConfig, times: int
) -> float:
    """Mean time of a call at the server, from its own metrics."""
    before = server.seconds()
    for _ in range(times):
        client.recognize(picture, config)
    after = server.seconds()
    return (after[0] - before[0]) / (after[1] - before[1])


def hit_and_miss(server: Server, path: str, layout: str, rounds: int) -> tuple[float, float, float]:
    """Seconds at the server of a hit and of a miss of one picture, and of a bare hash of it."""
    picture = Path(path).read_bytes()
    config = RecognitionConfig(layout=Layout(layout))
    with Client(server.target) as client:
        client.recognize(picture, config)
        hit = seconds_at_server(server, client, picture, config, 50 * rounds)
        bypass = replace(config, cache_policy=CachePolicy.BYPASS)
        miss = seconds_at_server(server, client, picture, bypass, rounds)
    return hit, miss, bare_hash(picture)


def bare_hash(picture: bytes) -> float:
    """Median seconds of hashing a picture and nothing else."""
    seconds = []
    for _ in range(2000):
        began = time.perf_counter()
        xxhash.xxh3_128(picture).digest()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def overhead(server: Server, paths: Sequence[str], layout: str, seconds: float) -> Overhead:
    """Send unique pictures in pairs, with the cache and bypassing it, for this time.

    Each pair is one picture, a moment apart and in either order, so that what else the machine
    does meets both alike. The quickest picture of all is taken: there the cache weighs most.
    """
    used = RecognitionConfig(layout=Layout(layout))
    bypass = replace(used, cache_policy=CachePolicy.BYPASS)
    chance = random.Random(1)
    with Client(server.target) as client:

        def timed(picture: bytes, config: RecognitionConfig, expected: CacheOutcome) -> float:
            began = time.perf_counter()
            outcome = client.recognize(picture, config).cache_outcome
            took = time.perf_counter() - began
            assert outcome is expected, "the cache did something else than is measured"
            return took

        pictures = [Path(path).read_bytes() for path in paths]
        quickest = min(pictures, key=lambda one: timed(one, bypass, CacheOutcome.BYPASS))
        with_cache: list[float] = []
        without: list[float] = []
        until = time.monotonic() + seconds
        for number in itertools.count():
            if time.monotonic() > until and number >= 3:
                break
            fresh = quickest + b"overhead %d" % number  # behind the end of a JPEG
            steps = [
                (with_cache, used, CacheOutcome.MISS),
                (without, bypass, CacheOutcome.BYPASS),
            ]
            chance.shuffle(steps)
            for kept, config, expected in steps:
                kept.append(timed(fresh, config, expected))
    pairs = list(zip(with_cache, without, strict=True))
    resampled = sorted(_share(chance.choices(pairs, k=len(pairs))) for _ in range(RESAMPLES))
    low, high = resampled[round(0.025 * RESAMPLES)], resampled[round(0.975 * RESAMPLES) - 1]
    return Overhead(_share(pairs), (high - low) / 2, len(pairs))


def _share(pairs: Sequence[tuple[float, float]]) -> float:
    difference = statistics.median(one - other for one, other in pairs)
    return difference / statistics.median(other for _, other in pairs)
