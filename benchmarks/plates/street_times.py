"""How long the slowest street pictures take, beside half of them.

    python benchmarks/plates/street_times.py [--part selection] [--side 416] [--pictures 200]

Each picture is shrunk to `--side` pixels and read with all features on one thread, twice; the lower
CPU time counts. Times depend on the machine, their ratios to the median hardly do: doubtful plates,
which are read in several ways, make the slowest pictures.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from pathlib import Path

import cv2
import numpy as np
from common.report_tables import terminal_table
from rich.console import Console

from lipiyana.arrays import RgbArray
from lipiyana.pipeline import LocalRecognizer
from lipiyana.types import RawImage
from lipiyana.vehicles.training.data.street_pictures import load_part

_PERCENTILES = (50, 90, 95, 99)


def shrunk(pixels: RgbArray, side: int) -> RgbArray:
    """Give (height, width, 3) RGB of at most `side` pixels."""
    scale = side / max(pixels.shape[:2])
    if scale >= 1:
        return pixels
    return np.asarray(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))


def cpu_milliseconds(recognizer: LocalRecognizer, picture: RawImage) -> float:
    """CPU time of reading a picture, the lower of two."""
    times = []
    for _ in range(2):
        begin = time.process_time()
        recognizer.recognize(picture)
        times.append(1e3 * (time.process_time() - begin))
    return min(times)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", choices=("train", "selection", "report"), default="selection")
    parser.add_argument("--side", type=int, default=416)
    parser.add_argument("--pictures", type=int, default=200)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    pictures = list(load_part(args.data, args.part))
    random.Random(5).shuffle(pictures)
    recognizer = LocalRecognizer(threads=1)
    raw = [
        RawImage.from_array(shrunk(one.pixels(), args.side), "rgb8")
        for one in pictures[: args.pictures]
    ]
    recognizer.recognize(raw[0])  # loads the models
    times = [cpu_milliseconds(recognizer, one) for one in raw]
    values = np.percentile(times, _PERCENTILES).tolist()
    rows = [
        (f"p{percent}", f"{value:.0f}", f"{value / values[0]:.2f}")
        for percent, value in zip(_PERCENTILES, values, strict=True)
    ]
    print(f"{len(raw)} pictures of the part {args.part}, at most {args.side} pixels")
    Console().print(terminal_table("", ("", "CPU ms", "times p50"), rows, ("",)))
    if args.json:
        args.json.write_text(json.dumps(dict(zip(map(str, _PERCENTILES), values, strict=True))))


if __name__ == "__main__":
    main()
