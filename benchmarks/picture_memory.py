"""CPU time and memory that the largest pictures of each format take to decode.

    python benchmarks/picture_memory.py

Every picture is decoded as the pipeline does it, in a process of its own: the seconds are of CPU,
the memory is how far the peak (VmHWM) lies above what was resident before. `estimate` is what the
server counts. Flat pictures unpack fastest; those with `noise` are what data of their size cost.
The table in docs/serving.md comes from here. Linux only.
"""

from __future__ import annotations

import argparse
import gc
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from PIL import Image

sys.path.append(str(Path(__file__).parents[1] / "tests"))
import hostile_png
import hostile_tiff
import hostile_webp
from hostile_pictures import bmp_rle, encoded, noise
from lipiyana.errors import InvalidImage
from lipiyana.image_headers import read_header
from lipiyana.images import opened

SIDE = 7071
"""Of a square of 50 megapixels."""


def flat(mode: str, side: int = SIDE) -> Image.Image:
    """Make a picture of one colour."""
    return Image.new(mode, (side, side))


def textured(width: int, height: int) -> Image.Image:
    """Make a picture of noise that is repeated: as much to decode as a photo, made quickly."""
    tile = noise(512, 512).resize((1024, 1024))
    out = Image.new("RGB", (width, height))
    for y in range(0, height, 1024):
        for x in range(0, width, 1024):
            out.paste(tile, (x, y))
    return out


CASES: dict[str, Callable[[], bytes]] = {
    "JPEG 8000x6000, noise": lambda: encoded(textured(8000, 6000), "JPEG", quality=85),
    "JPEG 8000x6000, progressive, noise": lambda: encoded(
        textured(8000, 6000), "JPEG", quality=85, progressive=True
    ),
    "JPEG 6000x4000, noise": lambda: encoded(textured(6000, 4000), "JPEG", quality=85),
    "JPEG 50 MP, CMYK": lambda: encoded(flat("CMYK"), "JPEG"),
    "PNG 50 MP, 1 bit": lambda: hostile_png.zeros(SIDE, SIDE, 1, 0),
    "PNG 50 MP, RGB": lambda: hostile_png.zeros(SIDE, SIDE, 8, 2, filter_type=4),
    "PNG 31 MP, RGBA": lambda: hostile_png.zeros(5560, 5560, 8, 6, filter_type=4),
    "PNG 17 MP, RGBA 16 bits": lambda: hostile_png.zeros(4140, 4140, 16, 6, filter_type=4),
    "PNG 50 MP, grey 16 bits": lambda: hostile_png.zeros(SIDE, SIDE, 16, 0),
    "TIFF 50 MP, RGB, LZW": lambda: hostile_tiff.plain(SIDE, SIDE, "RGB", "tiff_lzw"),
    "TIFF 50 MP, RGB, JPEG": lambda: hostile_tiff.plain(SIDE, SIDE, "RGB", "jpeg"),
    "TIFF 50 MP, 1 bit, group 4": lambda: hostile_tiff.plain(SIDE, SIDE, "1", "group4"),
    "TIFF 9 MP, floats": lambda: hostile_tiff.plain(3000, 3000, "F", "tiff_deflate"),
    "WebP 16383x3000, lossless": lambda: hostile_webp.plain(16383, 3000),
    "WebP 16383x3000, lossy": lambda: hostile_webp.plain(16383, 3000, lossless=False),
    "WebP 14000x3000, alpha": lambda: hostile_webp.plain(14000, 3000, alpha=True),
    "BMP 33 MP, RGB": lambda: encoded(flat("RGB", 5700), "BMP"),
    "BMP 2 MP, run lengths": lambda: bmp_rle(
        1414, 1414, (b"\xff\0" * 6 + b"\0\0") * 1414 + b"\0\1"
    ),
    "WebP of 9,801 groups of codes": lambda: hostile_webp.groups(396),
}


def status(name: str) -> int:
    """Give a figure of the process in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return 1024 * int(line.split()[1])
    raise KeyError(name)


def measure(data: bytes) -> dict[str, object]:
    """Decode in this process."""
    with opened(encoded(flat("RGB", 64), "JPEG")):
        pass  # loads what is loaded once
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")
    before = status("VmRSS")
    began = time.process_time()
    try:
        with opened(data) as picture:
            outcome = f"{picture.pixels.shape[1]}x{picture.pixels.shape[0]}"
        estimate = read_header(data).memory(shrunk=True)
    except InvalidImage as error:
        outcome, estimate = error.reason, 0
    seconds = time.process_time() - began
    peak = status("VmHWM") - before
    return {"outcome": outcome, "seconds": seconds, "peak": peak, "estimate": estimate}


def main() -> None:
    """Run as a command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="cases whose names have this")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(measure(sys.stdin.buffer.read())))
        return
    print("| picture | bytes | decoded to | CPU, s | peak, MB | estimate, MB |")
    print("|---|---|---|---|---|---|")
    for name, make in CASES.items():
        if arguments.only not in name:
            continue
        data = make()
        child = subprocess.run(
            [sys.executable, __file__, "--child"], input=data, capture_output=True, check=True
        )
        found = json.loads(child.stdout)
        print(
            f"| {name} | {len(data):,} | {found['outcome']} | {found['seconds']:.2f} | "
            f"{found['peak'] / 1e6:.0f} | {found['estimate'] / 1e6:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
