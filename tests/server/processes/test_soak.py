"""Ten minutes of everything at once; memory stays flat and every call is answered."""

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
"""From the second quarter of the time to the last, highest against highest. In the first, caches
fill, models meet every size of picture on every thread, and allocators learn."""

CLIENTS = 4
BYPASS = RecognitionConfig(cache_policy=CachePolicy.BYPASS)

EXPECTED = (InvalidImage, Overloaded, DeadlineExceeded)


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


@pytest.mark.soak
def test_memory_is_flat(store: ModelStore, scene: np.ndarray, encode: Callable[..., bytes]) -> None:
    if not Path("/proc/self/statm").exists():
        pytest.skip("this system does not tell the memory of a process")
    pictures = [
        encode(cv2.resize(scene, None, fx=scale, fy=scale), "JPEG") for scale in (0.6, 1.0, 1.5)
    ]
    # small, so that it is full long before the first quarter is over
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
        # what takes most memory, on every thread at once
        for _ in range(10):
            list(threads.map(partial(client.recognize, config=BYPASS), [pictures[-1]] * 2))
        loads = [
            threads.submit(load, client, pictures, seed, began + SECONDS) for seed in range(CLIENTS)
        ]
        while time.monotonic() < began + SECONDS:
            time.sleep(1)  # of the ten minutes, not for anything to happen
            resident.append(resident_bytes())
            assert not any(done.done() and done.exception() for done in loads)
        answered = sum(done.result(60) for done in loads)
        assert client.recognize(pictures[1]).plates
    quarter = len(resident) // 4
    before, after = max(resident[quarter : 2 * quarter]), max(resident[-quarter:])
    assert answered > 100
    assert after - before < GROWTH, f"{before / 2**20:.0f} MiB, then {after / 2**20:.0f}"


def load(client: Client, pictures: Sequence[bytes], seed: int, until: float) -> int:
    """Do one thing after another, good ones and bad ones; count the answers."""
    chance = random.Random(seed)
    answered = 0
    for number in itertools.count():
        if time.monotonic() > until:
            return answered
        picture = chance.choice(pictures)
        fresh = picture + b"%d %d" % (seed, number)  # decodes the same, and is cached apart
        kind = chance.randrange(6)
        try:
            if kind == 0:
                client.recognize_batch([fresh, picture, b"no picture"])
            elif kind == 1:
                list(client.recognize_stream(frames(fresh, chance.randrange(5))))
            elif kind == 2:
                client.recognize(fresh[: chance.randrange(len(picture))])
            elif kind == 3:
                client.recognize(fresh, timeout=chance.random() / 10)
            elif kind == 4:
                next(client.recognize_stream(frames(fresh, 3)))  # and leaves
            else:
                client.recognize(picture)
            answered += 1
        except EXPECTED:
            continue
    raise AssertionError("the count never ends")


def frames(picture: bytes, count: int) -> Iterator[Frame]:
    return (Frame(number, picture + b"%d" % number) for number in range(count))
