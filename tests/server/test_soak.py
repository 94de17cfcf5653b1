"""Ten minutes of everything at once; memory stays flat and every call is answered."""

from __future__ import annotations

import gc
import itertools
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from lipiyana.client import Client
from lipiyana.errors import DeadlineExceeded, InvalidImage, Overloaded
from lipiyana.pipeline import LocalRecognizer
from lipiyana.server import ServerSettings, running_server
from lipiyana.types import Frame

SECONDS = 600
WARM_UP = 120
"""Until then caches fill and allocators learn."""

GROWTH = 32 * 1024 * 1024
CLIENTS = 4

EXPECTED = (InvalidImage, Overloaded, DeadlineExceeded)


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


@pytest.mark.soak
def test_memory_is_flat(
    recognizer: LocalRecognizer, scene: np.ndarray, encode: Callable[..., bytes]
) -> None:
    if not Path("/proc/self/statm").exists():
        pytest.skip("this system does not tell the memory of a process")
    picture = encode(scene, "JPEG")
    # small, so that it is full long before the warm-up is over
    settings = ServerSettings(port=0, threads=2, max_queue=8, max_batch=4, cache_bytes=100_000)
    began = time.monotonic()
    marks: list[int] = []
    with (
        running_server(recognizer, settings) as server,
        Client(server.target) as client,
        ThreadPoolExecutor(CLIENTS) as threads,
    ):
        loads = [
            threads.submit(load, client, picture, seed, began + SECONDS) for seed in range(CLIENTS)
        ]
        for mark in (WARM_UP, SECONDS):
            while time.monotonic() < began + mark:
                time.sleep(1)  # of the ten minutes, not for anything to happen
                assert not any(done.done() and done.exception() for done in loads)
            gc.collect()
            marks.append(resident_bytes())
        answered = sum(done.result(60) for done in loads)
        assert client.recognize(picture).plates
    assert answered > 100
    assert marks[1] - marks[0] < GROWTH


def load(client: Client, picture: bytes, seed: int, until: float) -> int:
    """Do one thing after another, good ones and bad ones; count the answers."""
    chance = random.Random(seed)
    answered = 0
    for number in itertools.count():
        if time.monotonic() > until:
            return answered
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
