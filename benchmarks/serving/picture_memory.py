"""CPU time and memory to decode pictures of each format, compared with the server's estimates.

    python benchmarks/serving/picture_memory.py
    python benchmarks/serving/picture_memory.py --fit

Every picture is decoded by the pipeline's decoder in a separate process. Time is the minimum CPU
time of three runs; memory is the peak (VmHWM) above the resident memory before. The estimates are
those that a server uses to admit and refuse pictures. This script makes the table in
docs/guides/serving.md and, with `--fit`, the times in `images/headers/costs.py`. Linux only.
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
    """Return an entry of /proc/self/status in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return 1024 * int(line.split()[1])
    raise KeyError(name)


def measure(data: bytes) -> dict[str, object]:
    """Decode in this process without limits; return the figures and the server's verdict."""
    with opened(encoded(flat("RGB", 64), "JPEG")):
        pass  # triggers what is loaded only once
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
    """Fit nanoseconds per unit of work, none negative, no estimate below a measurement.

    Iteratively reweighted least squares of the relative errors: pictures that are underestimated
    gain weight, and the remaining underestimate is removed by scaling all times.
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
    """Round up to two significant digits."""
    if value <= 0:
        return 0.0
    step = 10.0 ** (math.floor(math.log10(value)) - 1)
    return math.ceil(value / step) * step


def _nonnegative(rows: Floats, wanted: Floats, times: Floats, sweeps: int = 300) -> Floats:
    """Solve non-negative least squares by coordinate descent, starting at `times`."""
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
    parser.add_argument("--only", default="", help="only cases whose names contain this")
    parser.add_argument(
        "--fit", action="store_true", help="also print the fitted times per unit of work"
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
