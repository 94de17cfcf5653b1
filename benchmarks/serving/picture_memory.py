"""CPU time and memory of decoding pictures of each format, measured and estimated.

    python benchmarks/serving/picture_memory.py
    python benchmarks/serving/picture_memory.py --fit

Every picture is decoded as in the pipeline, in a separate process. Seconds are CPU time, the least
of three runs; memory is the difference between the peak (VmHWM) and the resident memory before. The
estimates are those with which a server accepts or refuses pictures. The table in
docs/guides/serving.md comes from here, and with `--fit` the times in `images/headers/costs.py`.
Linux only.
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
from decoding_cases import CASES, flat
from hostile_pictures import encoded

from lipiyana.errors import InvalidImage
from lipiyana.images.headers import read_header
from lipiyana.images.headers.costs import Part
from lipiyana.images.loading import ImageLimits, opened
from lipiyana.server.settings.model import ServerSettings

RUNS = 3
ROUNDS = 60  # of the fit
Floats = npt.NDArray[np.float64]


def status(name: str) -> int:
    """Give a figure of the process in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return 1024 * int(line.split()[1])
    raise KeyError(name)


def measure(data: bytes) -> dict[str, object]:
    """Decode in this process without limits; say whether a server would accept the picture."""
    with opened(encoded(flat("RGB", 64), "JPEG")):
        pass  # loads the libraries, which is not measured
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")
    before = status("VmRSS")
    seconds, peak, verdict = math.inf, 0, "yes"
    for _ in range(RUNS):
        began = time.process_time()
        with opened(data, ImageLimits(max_memory=1 << 40, max_seconds=math.inf)):
            seconds = min(seconds, time.process_time() - began)
        peak = peak or status("VmHWM") - before
    try:
        with opened(data, ServerSettings().image_limits):
            pass
    except InvalidImage as error:
        verdict = error.reason
    header = read_header(data)
    return {
        "seconds": seconds,
        "expected": header.seconds(shrunk=True),
        "work": {part.name: count for part, count in header.whole_work(shrunk=True).items()},
        "peak": peak,
        "estimate": header.memory(shrunk=True),
        "verdict": verdict,
    }


def fitted(works: list[dict[str, float]], measured: list[float]) -> dict[str, float]:
    """Fit nanoseconds to each part of the work, none below 0, and no sum below what was measured.

    Least squares of the relative errors, repeated: each time, the weights of pictures with too low
    an estimate grow. In the end all times are raised until no estimate is too low.
    """
    names = [part.name for part in Part]
    counts = np.array([[work.get(name, 0.0) for name in names] for work in works])
    relative = counts / (1e9 * np.array(measured)[:, None])
    weights = np.ones(len(measured))
    times = np.zeros(len(names))
    for _ in range(ROUNDS):
        times = _nonnegative(relative * weights[:, None], weights, times)
        weights[relative @ times < 1] *= 1.2
    lowest = float((relative @ times).min())
    print(f"raised by {1 / lowest - 1:.0%}", file=sys.stderr)
    return dict(zip(names, (times / lowest).tolist(), strict=True))


def rounded_up(value: float) -> float:
    """Round to two digits, never down."""
    if value <= 0:
        return 0.0
    step = 10.0 ** (math.floor(math.log10(value)) - 1)
    return math.ceil(value / step) * step


def _nonnegative(rows: Floats, wanted: Floats, times: Floats, sweeps: int = 300) -> Floats:
    """Solve non-negative least squares by coordinate descent, starting from `times`."""
    times = times.copy()
    squares, products = rows.T @ rows, rows.T @ wanted
    used = [index for index in range(len(times)) if squares[index, index] > 0]
    for _ in range(sweeps):
        for index in used:
            step = (products[index] - squares[index] @ times) / squares[index, index]
            times[index] = max(0.0, times[index] + step)
    return times


def main() -> None:
    """Run as a command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="cases whose names contain this")
    parser.add_argument(
        "--fit", action="store_true", help="also print the fitted times of the parts"
    )
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(measure(sys.stdin.buffer.read())))
        return
    print("| picture | bytes | CPU, s | estimate, s | peak, MB | estimate, MB | server |")
    print("|---|---|---|---|---|---|---|")
    works, seconds = [], []
    for name, make in CASES.items():
        if arguments.only not in name:
            continue
        data = make()
        child = subprocess.run(
            [sys.executable, __file__, "--child"], input=data, capture_output=True, check=True
        )
        found = json.loads(child.stdout)
        works.append(found["work"])
        seconds.append(found["seconds"])
        print(
            f"| {name} | {len(data):,} | {found['seconds']:.2f} | {found['expected']:.2f} | "
            f"{found['peak'] / 1e6:.0f} | {found['estimate'] / 1e6:.0f} | {found['verdict']} |",
            flush=True,
        )
    if arguments.fit:
        for part, time_ in fitted(works, seconds).items():
            print(f"    Part.{part}: {rounded_up(time_):g},")


if __name__ == "__main__":
    main()
