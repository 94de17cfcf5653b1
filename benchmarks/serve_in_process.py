"""What benchmarks/serve.py compares a server with: the same pictures in one process, no server.

    python benchmarks/serve_in_process.py LAYOUT SECONDS PICTURE...

Tries a picture a CPU, and one picture on all CPUs; writes the better one's pictures a second.
"""

from __future__ import annotations

import itertools
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lipiyana.pipeline import LocalRecognizer
from lipiyana.runtime import available_threads
from lipiyana.types import Layout, RecognitionConfig


def pictures_a_second(
    pictures: list[bytes], config: RecognitionConfig, threads: int, seconds: float
) -> float:
    """Read on so many threads, each model using the CPUs that are left for it."""
    recognizer = LocalRecognizer(threads=max(1, available_threads() // threads))
    for picture in pictures:
        recognizer.recognize(picture, config)
    turns, lock = itertools.cycle(pictures), threading.Lock()
    began = time.monotonic()

    def read() -> int:
        done = 0
        while time.monotonic() < began + seconds:
            with lock:
                picture = next(turns)
            recognizer.recognize(picture, config)
            done += 1
        return done

    with ThreadPoolExecutor(threads) as pool:
        running = [pool.submit(read) for _ in range(threads)]
    # the last pictures end after the time is over, and count with what they took
    return sum(done.result() for done in running) / (time.monotonic() - began)


if __name__ == "__main__":
    layout, duration, *paths = sys.argv[1:]
    read_all = [Path(path).read_bytes() for path in paths]
    chosen = RecognitionConfig(layout=Layout(layout))
    print(
        max(
            pictures_a_second(read_all, chosen, threads, float(duration))
            for threads in {1, available_threads()}
        )
    )
