"""Ten minutes of mixed load: memory must not grow and every call must be answered."""

from __future__ import annotations

import itertools
import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest

from lipiyana.client import Client
from lipiyana.errors import DeadlineExceeded, InvalidImage, Overloaded
from lipiyana.pipeline import LocalRecognizer
from lipiyana.runtime.store import ModelStore
from lipiyana.server import ServerSettings, running_server
from lipiyana.types import CachePolicy, Frame, RecognitionConfig

SECONDS = float(os.environ.get("LIPIYANA_SOAK_SECONDS", "600"))
GROWTH = 32 * 1024 * 1024
"""Allowed growth of the peak from the second to the last quarter of the time. The first quarter is
warm-up: caches fill, and models see every picture size on every thread."""

CLIENTS = 4
BYPASS = RecognitionConfig(cache_policy=CachePolicy.BYPASS)

EXPECTED = (InvalidImage, Overloaded, DeadlineExceeded)


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


@pytest.mark.soak
def test_memory_does_not_grow(
    store: ModelStore, scene: np.ndarray, encode: Callable[..., bytes]
) -> None:
    if not Path("/proc/self/statm").exists():
        pytest.skip("this system does not report the memory of a process")
    pictures = [
        encode(cv2.resize(scene, None, fx=scale, fy=scale), "JPEG") for scale in (0.6, 1.0, 1.5)
    ]
    # small, so that it is full well before the end of the first quarter
    settings = ServerSettings(
        port=0, threads=2, max_queue=8, max_batch=4, cache_bytes=100_000, repeated_frames=True
    )
    began = time.monotonic()
    resident: list[int] = []
    with (
        running_server(LocalRecognizer(store), settings) as server,
        Client(server.target) as client,
        ThreadPoolExecutor(CLIENTS) as threads,
    ):
        # peak memory: the largest picture on every thread at once
        for _ in range(10):
            list(threads.map(partial(client.recognize, config=BYPASS), [pictures[-1]] * 2))
        loads = [
            threads.submit(load, client, pictures, seed, began + SECONDS) for seed in range(CLIENTS)
        ]
        while time.monotonic() < began + SECONDS:
            time.sleep(1)  # sampling interval; the test waits for no event here
            resident.append(resident_bytes())
            assert not any(done.done() and done.exception() for done in loads)
        answered = sum(done.result(60) for done in loads)
        assert client.recognize(pictures[1]).plates
    quarter = len(resident) // 4
    before, after = max(resident[quarter : 2 * quarter]), max(resident[-quarter:])
    assert answered > 100
    assert after - before < GROWTH, f"{before / 2**20:.0f} MiB, then {after / 2**20:.0f}"


def load(client: Client, pictures: Sequence[bytes], seed: int, until: float) -> int:
    """Make valid and invalid calls in turn until the time is over; return the number of answers."""
    generator = random.Random(seed)
    answered = 0
    for number in itertools.count():
        if time.monotonic() > until:
            return answered
        picture = generator.choice(pictures)
        fresh = picture + b"%d %d" % (seed, number)  # same picture, other cache key
        kind = generator.randrange(6)
        try:
            if kind == 0:
                client.recognize_batch([fresh, picture, b"no picture"])
            elif kind == 1:
                list(client.recognize_stream(frames(fresh, generator.randrange(5))))
            elif kind == 2:
                client.recognize(fresh[: generator.randrange(len(picture))])
            elif kind == 3:
                client.recognize(fresh, timeout=generator.random() / 10)
            elif kind == 4:
                next(client.recognize_stream(frames(fresh, 3)))  # leaves after the first result
            else:
                client.recognize(picture)
            answered += 1
        except EXPECTED:
            continue
    raise AssertionError("the count never ends")


def frames(picture: bytes, count: int) -> Iterator[Frame]:
    return (Frame(number, picture + b"%d" % number) for number in range(count))
