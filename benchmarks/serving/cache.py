"""Cost and savings of the caches.

    python benchmarks/serving/cache.py [--frames N] [--rounds N] [--json FILE]

1. Keys: the time to hash a JPEG of 400 KB, compared with reading a picture.
2. Look-ups: memory and Redis (if `redis-server` is installed), hit and miss; open circuit breaker.
3. Repeated frames: a drawn camera, five frames a second, with parked, passing and flickering
   vehicles. The hit rate by scene, compared with the share of frames that show nothing new; results
   that were reused for a frame with other text (there must be none); and the cost of a comparison,
   relative to reading the frame. Needs the extra `render`.

Other work on the machine changes all times alike: compare ratios.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import secrets
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
from rich.console import Console

from lipiyana.arrays import RgbArray
from lipiyana.cache import (
    CircuitBreaker,
    KeyMaker,
    MemoryCache,
    RepeatedFrames,
    SharedCache,
    SharedCacheOptions,
    SharedKeyMaker,
    cacheable,
)
from lipiyana.pipeline import LocalRecognizer
from lipiyana.rendering.fonts.families import FontLibrary
from lipiyana.rendering.streets.scenes import ScenePlan, VehiclePlan, render_scene
from lipiyana.types import RawImage, Recognition, RecognitionConfig

CONFIG = RecognitionConfig()
SIZE = (960, 720)
FRAMES_A_SECOND = 5
STREETS = 4
console = Console()


def milliseconds(work: Callable[[], object], rounds: int) -> float:
    """Median of `rounds` calls."""
    times = []
    for _ in range(rounds):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return statistics.median(times) * 1e3


def measure_keys(reading_ms: float, rounds: int) -> dict[str, float]:
    """Hash 400 KB by both keys."""
    data = secrets.token_bytes(400_000)
    shared = SharedKeyMaker("plan", namespace="n", secret=b"secret")
    own_ms = milliseconds(lambda: KeyMaker("plan").key(data, CONFIG), rounds)
    shared_ms = milliseconds(lambda: shared.key(data, CONFIG), rounds)
    return {
        "key_ms": own_ms,
        "shared_key_ms": shared_ms,
        "key_over_reading": own_ms / reading_ms,
        "shared_key_over_reading": shared_ms / reading_ms,
    }


@contextmanager
def redis_url() -> Iterator[str | None]:
    """Run a Redis; None if it is not installed."""
    binary = shutil.which("redis-server")
    if binary is None:
        yield None
        return
    with TemporaryDirectory() as folder:
        socket = Path(folder) / "redis.sock"
        command = [binary, "--port", "0", "--unixsocket", str(socket), "--save", ""]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        while "eady to accept connections" not in process.stdout.readline():
            pass
        try:
            yield f"unix://{socket}"
        finally:
            process.kill()
            process.communicate()


async def measure_look_ups(value: Recognition, reading_ms: float, rounds: int) -> dict[str, float]:
    """Time look-ups of a JPEG of 400 KB; none of them computes."""
    data = secrets.token_bytes(400_000)
    keys, memory = KeyMaker("plan"), MemoryCache(10**7, 60)
    memory.put(keys.key(data, CONFIG), value)
    figures = {
        "memory_hit_ms": milliseconds(lambda: memory.get(keys.key(data, CONFIG)), rounds),
        "memory_miss_ms": milliseconds(lambda: memory.get(keys.key(b"!" + data, CONFIG)), rounds),
    }
    with redis_url() as url:
        if url is None:
            console.print("redis-server is not installed: the shared cache is not measured")
            return figures
        cache = SharedCache("plan", SharedCacheOptions(url, b"secret", timeout=1))
        await cache.start()
        miss = [await _timed(cache, data) for _ in range(rounds)]
        key = (await cache.look_up(data, CONFIG)).key
        assert key is not None
        cache.keep(key, value)
        while (await cache.look_up(data, CONFIG)).value is None:
            pass
        hit = [await _timed(cache, data) for _ in range(rounds)]
        await cache.close()
    broken = CircuitBreaker(1, 1e6)
    away = SharedCache("plan", SharedCacheOptions("redis://127.0.0.1:1"), breaker=broken)
    await away.look_up(data, CONFIG)
    skipped = [await _timed(away, data) for _ in range(rounds)]
    figures |= {
        "shared_hit_ms": statistics.median(hit),
        "shared_miss_ms": statistics.median(miss),
        "shared_open_ms": statistics.median(skipped),
    }
    figures["miss_overhead"] = figures["memory_miss_ms"] / reading_ms
    figures["miss_overhead_shared"] = (
        figures["memory_miss_ms"] + figures["shared_miss_ms"]
    ) / reading_ms
    figures["miss_overhead_redis_down"] = (
        figures["memory_miss_ms"] + figures["shared_open_ms"]
    ) / reading_ms
    return figures


async def _timed(cache: SharedCache, data: bytes) -> float:
    begin = time.perf_counter()
    await cache.look_up(data, CONFIG)
    return (time.perf_counter() - begin) * 1e3


@dataclass(frozen=True, slots=True)
class Shown:
    """One frame of the camera; `still` is a number that changes with what there is to read."""

    pixels: RgbArray
    still: int


def street(library: FontLibrary, seed: int, vehicles: int) -> RgbArray:
    """Draw a street with vehicles that stand."""
    kinds = ("car", "auto_rickshaw", "truck")
    plan = ScenePlan(
        *SIZE,
        vehicles=tuple(
            VehiclePlan(kinds[place], 0.22 + 0.28 * place, 0.85, 0.24)  # type: ignore[arg-type]
            for place in range(vehicles)
        ),
    )
    return render_scene(np.random.default_rng(seed), library, plan).image


def through_camera(rng: np.random.Generator, picture: RgbArray, gain: float) -> RgbArray:
    """One frame: shaking by a quarter of a pixel, light, noise, JPEG."""
    shift = np.array([[1, 0, rng.normal(0, 0.25)], [0, 1, rng.normal(0, 0.25)]])
    moved = cv2.warpAffine(
        picture, shift, SIZE, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    noise = rng.standard_normal(moved.shape, np.float32) * np.float32(2.5)
    noisy = np.clip(moved * np.float32(gain) + noise, 0, 255).astype(np.uint8)
    data = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, 85])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def parked(library: FontLibrary, count: int) -> Iterator[Shown]:
    """Three vehicles stand; at each quarter of the time others take their places."""
    rng = np.random.default_rng(1)
    streets = [street(library, 10 + seed, 3) for seed in range(STREETS)]
    for number in range(count):
        still = number * STREETS // count
        yield Shown(through_camera(rng, streets[still], 1.0), still)


def flickering(library: FontLibrary, count: int) -> Iterator[Shown]:
    """The same under a lamp that flickers by a tenth, and clouds."""
    rng = np.random.default_rng(2)
    streets = [street(library, 20 + seed, 3) for seed in range(STREETS)]
    for number in range(count):
        still = number * STREETS // count
        gain = 1.0 + 0.1 * np.sin(number * 1.7) + 0.05 * np.sin(number / 30)
        yield Shown(through_camera(rng, streets[still], float(gain)), still)


def passing(library: FontLibrary, count: int) -> Iterator[Shown]:
    """One vehicle stands; for half of the time another drives through."""
    rng = np.random.default_rng(3)
    empty, busy = street(library, 4, 1), street(library, 5, 2)
    vehicle = busy[:, int(0.36 * SIZE[0]) : int(0.64 * SIZE[0])]
    for number in range(count):
        at = number % 40
        picture = empty.copy()
        if at < 20:
            x = round(0.4 * SIZE[0] + at * 12)
            width = min(vehicle.shape[1], SIZE[0] - x)
            picture[:, x : x + width] = vehicle[:, :width]
        yield Shown(through_camera(rng, picture, 1.0), 100 + number if at < 20 else 0)


def measure_frames(recognizer: LocalRecognizer, frames: int) -> dict[str, float]:
    """Read each scene as a stream, and count the reused results."""
    library = FontLibrary.load()
    figures: dict[str, float] = {}
    for scene in (parked, passing, flickering):
        for name, figure in watch(recognizer, scene(library, frames)).items():
            figures[f"{scene.__name__}_{name}"] = figure
    return figures


def watch(recognizer: LocalRecognizer, scene: Iterator[Shown]) -> dict[str, float]:
    """Read one scene as a stream with repeated frames does."""
    now = 0.0
    memory = RepeatedFrames(timer=lambda: now)
    frames = hits = wrong = same = 0
    before = remembered = None
    comparing, reading = [], []
    for shown in scene:
        frames, now = frames + 1, now + 1 / FRAMES_A_SECOND
        same += shown.still == before
        before = shown.still
        begin = time.perf_counter()
        reused = memory.lookup(shown.pixels)
        comparing.append(time.perf_counter() - begin)
        if reused is not None:
            hits += 1
            wrong += shown.still != remembered
            continue
        begin = time.perf_counter()
        value = recognizer.recognize(RawImage.from_array(shown.pixels, "rgb8"))
        reading.append(time.perf_counter() - begin)
        memory.remember(shown.pixels, value)
        remembered = shown.still
    return {
        "hit_rate": hits / frames,
        "same_as_before": same / frames,
        "false_reuse": wrong,
        "compare_over_reading": statistics.median(comparing[1:]) / statistics.median(reading),
    }


def main() -> None:
    """Measure and show."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--frames", type=int, default=120, help="of each scene")
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--json", type=Path, help="write the figures there")
    arguments = parser.parse_args()
    recognizer = LocalRecognizer()
    sample = street(FontLibrary.load(), 1, 3)
    picture = RawImage.from_array(sample, "rgb8")
    value = cacheable(recognizer.recognize(picture))
    reading_ms = milliseconds(lambda: recognizer.recognize(picture), 5)
    figures: dict[str, float] = {"reading_ms": reading_ms}
    figures |= measure_keys(reading_ms, arguments.rounds)
    figures |= asyncio.run(measure_look_ups(value, reading_ms, arguments.rounds))
    figures |= measure_frames(recognizer, arguments.frames)
    for name, figure in figures.items():
        console.print(f"{name:32} {figure:.5g}")
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
