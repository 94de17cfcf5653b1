"""The baseline of serve.py: the same pictures in one process without a server.

    python benchmarks/serving/serve_in_process.py LAYOUT PICTURE...

Reads lines of `THREADS SECONDS` from standard input and answers each with the pictures a second of
this number of threads, which share the CPUs.
"""

from __future__ import annotations

import itertools
import sys
import threading
import time
from functools import lru_cache
from pathlib import Path

from lipiyana.pipeline import LocalRecognizer
from lipiyana.runtime.container import available_threads
from lipiyana.types import Layout, RecognitionConfig

WARM_UP = 0.5
"""Seconds in which the threads find their pace, as the loads of the server do."""


@lru_cache(maxsize=1)
def recognizer(cpus: int) -> LocalRecognizer:
    """Load the models; each uses that many CPUs."""
    return LocalRecognizer(threads=cpus)


def pictures_a_second(
    pictures: list[bytes], config: RecognitionConfig, threads: int, seconds: float
) -> float:
    """Count the pictures that are finished within `seconds`, while all threads go on reading."""
    chosen = recognizer(max(1, available_threads() // threads))
    chosen.recognize(pictures[0], config)
    turns, lock = itertools.cycle(pictures), threading.Lock()
    begin = time.monotonic() + WARM_UP
    finished: list[float] = []

    def read() -> None:
        while time.monotonic() < begin + seconds:
            with lock:
                picture = next(turns)
            chosen.recognize(picture, config)
            finished.append(time.monotonic())

    running = [threading.Thread(target=read) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return sum(begin <= at < begin + seconds for at in finished) / seconds


if __name__ == "__main__":
    layout, *paths = sys.argv[1:]
    read_all = [Path(path).read_bytes() for path in paths]
    asked = RecognitionConfig(layout=Layout(layout))
    for line in sys.stdin:
        threads, seconds = line.split()
        print(pictures_a_second(read_all, asked, int(threads), float(seconds)), flush=True)
