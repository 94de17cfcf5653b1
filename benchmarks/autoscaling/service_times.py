"""CPU seconds that pictures take, for autoscaler.py.

    python benchmarks/autoscaling/service_times.py PICTURE... > FILE.json

Each picture is read twice on one thread, and the shorter time counts.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from lipiyana.pipeline import LocalRecognizer
from lipiyana.runtime.store import ModelStore

STREETS = (
    0.088, 0.107, 0.119, 0.128, 0.129, 0.130, 0.132, 0.146, 0.156, 0.169, 0.179, 0.189,
    0.190, 0.201, 0.202, 0.204, 0.204, 0.210, 0.213, 0.214, 0.229, 0.232, 0.237, 0.241,
    0.244, 0.245, 0.249, 0.259, 0.259, 0.264, 0.264, 0.266, 0.272, 0.277, 0.279, 0.291,
    0.306, 0.322, 0.322, 0.328, 0.334, 0.335, 0.349, 0.372, 0.373, 0.388, 0.396, 0.404,
    0.417, 0.459, 0.497, 0.546, 0.623, 0.634, 0.653, 0.704, 0.771, 0.923, 1.052, 1.544,
)  # fmt: skip
"""60 street pictures of India and Bangladesh, chosen at random among the maintainers' pictures for
training, with all features. Measured on two busy cores of an EPYC, so rather too long than too
short. The mean is 0.34 s."""


def measure(pictures: Iterable[Path]) -> list[float]:
    """CPU seconds of each picture, in ascending order."""
    recognizer = LocalRecognizer(ModelStore(threads=1))
    times = []
    for picture in pictures:
        runs = []
        for _ in range(2):
            begun = time.process_time()
            recognizer.recognize(picture)
            runs.append(time.process_time() - begun)
        times.append(min(runs))
    return sorted(times)


if __name__ == "__main__":
    if not sys.argv[1:]:
        sys.exit(__doc__)
    print(json.dumps([round(seconds, 4) for seconds in measure(map(Path, sys.argv[1:]))]))
