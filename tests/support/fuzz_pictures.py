"""Fuzzes the decoders: each damaged picture is decoded or is a typed error, within the limits.

    python tests/support/fuzz_pictures.py --count 10000 --seed 0

Seed pictures of every format are truncated, changed and spliced, and get huge lengths and sizes;
sometimes a picture of a `hostile_*` module is used. Each is decoded within the limits of a server.
Prints the outcomes, the maximum CPU time of a picture and the memory before and after. Exits with 1
if an error other than `InvalidImage` occurs, a picture takes more than `MOST_SECONDS`, or the
memory grows.
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import hostile_deflate
import hostile_jpeg
import hostile_png
import hostile_tiff
import hostile_webp
import numpy as np
from hostile_pictures import bmp_rle, encoded, noise
from PIL import Image

from lipiyana.errors import InvalidImage
from lipiyana.images.decoders import quiet_decoders
from lipiyana.images.loading import decode
from lipiyana.server.settings.model import ServerSettings

LIMITS = ServerSettings().image_limits

MOST_SECONDS = 2.0
MOST_GROWTH = 64 * 2**20
"""Allowed growth of the process in bytes after the first tenth of the run (warm-up)."""


@dataclass(slots=True)
class Outcomes:
    """Counts of the outcomes so far."""

    counts: Counter[str] = field(default_factory=Counter)
    most_seconds: float = 0.0
    slowest: bytes = b""
    faults: list[tuple[str, bytes]] = field(default_factory=list)


def seeds() -> list[bytes]:
    """Make small pictures of every format and mode."""
    ramp = np.arange(48 * 64 * 3, dtype=np.uint8).reshape(48, 64, 3)
    rgb = Image.fromarray(ramp)
    rgba = rgb.copy()
    rgba.putalpha(rgb.convert("L"))
    exif = Image.Exif()
    exif[0x0112] = 6
    grey = rgb.convert("L")
    made = [
        encoded(rgb, "JPEG", exif=exif),
        encoded(rgb, "JPEG", progressive=True),
        encoded(grey, "JPEG", progressive=True),
        encoded(rgb.convert("CMYK"), "JPEG"),
        hostile_jpeg.mpo(2),
        hostile_jpeg.restarts(64, 64, 8),
        hostile_jpeg.app1(2, 200),
        encoded(rgb, "PNG", exif=exif),
        encoded(rgba, "PNG"),
        encoded(rgb.convert("P"), "PNG", transparency=3),
        encoded(rgb.convert("1"), "PNG"),
        hostile_png.zeros(40, 30, 16, 6, interlaced=True),
        encoded(rgb, "PNG", save_all=True, append_images=[rgba]),
        hostile_png.text_bomb(2, 4000),
        encoded(rgb, "WEBP", exif=exif),
        encoded(rgb, "WEBP", lossless=True),
        encoded(rgba, "WEBP"),
        hostile_webp.animation(3),
        hostile_webp.chunks(3, 9),
        encoded(rgb, "BMP"),
        encoded(grey, "BMP"),
        encoded(rgb.convert("1"), "BMP"),
        bmp_rle(64, 48, b"\x40\x07\0\0" * 48 + b"\0\1"),
        hostile_tiff.strips(40, 30),
        hostile_tiff.tiles(40, 30),
        hostile_tiff.directories(3),
        hostile_tiff.loop(),
        hostile_tiff.tags(4, 100),
        hostile_tiff.one_strip(64, 48, 7, encoded(grey, "JPEG")),
    ]
    compressions = {
        "RGB": ("raw", "tiff_lzw", "tiff_deflate", "jpeg", "packbits"),
        "1": ("group3", "group4"),
        "CMYK": ("raw", "tiff_deflate"),
        "F": ("raw", "tiff_lzw"),
        "I;16": ("raw", "tiff_lzw"),
    }
    for mode, names in compressions.items():
        wide = Image.fromarray(ramp[..., 0].astype(np.uint16) * 256)
        image = wide if mode == "I;16" else rgb.convert(mode)
        made += [encoded(image, "TIFF", compression=one, exif=exif) for one in names]
    return made


BOMBS: tuple[Callable[[], bytes], ...] = (
    lambda: hostile_jpeg.scans(1000, 750, 2500),
    lambda: hostile_jpeg.scans(64, 64, 400),
    lambda: hostile_jpeg.first_scans(4000, 3000, 1),
    lambda: hostile_jpeg.app1(40),
    lambda: hostile_jpeg.tiny_segments(20_000),
    lambda: hostile_jpeg.fill_bytes(1_000_000),
    lambda: hostile_jpeg.stuffed(500_000),
    lambda: hostile_jpeg.frame(encoded(noise(64, 64), "JPEG"), 0xC9),
    lambda: hostile_jpeg.without_height(64),
    lambda: hostile_jpeg.mpo(40),
    lambda: hostile_png.zeros(3000, 2000, 1, 0),
    lambda: hostile_png.zeros(33_000, 4),
    lambda: hostile_png.zeros(9000, 9000, 1, 0),
    lambda: hostile_png.zeros(2000, 2000, 16, 6, filter_type=4),
    lambda: hostile_png.text_bomb(20, 1_000_000),
    lambda: hostile_png.profile_bomb(10_000_000),
    lambda: hostile_png.chunks(50_000),
    lambda: hostile_png.chunks(50_000, after=True),
    lambda: hostile_tiff.directories(30_000),
    lambda: hostile_tiff.tags(900, 100_000),
    lambda: hostile_tiff.number_array(1_000_000),
    lambda: hostile_tiff.strips(50, 60_000),
    lambda: hostile_tiff.tiles(4000, 3000),
    lambda: hostile_tiff.one_strip(1000, 750, 7, hostile_jpeg.scans(1000, 750, 400, "L")),
    lambda: hostile_webp.plain(16_383, 3000),
    lambda: hostile_png.literals(4000, 3000, interlaced=True, transparent=b"\0\1\0\1\0\1"),
    lambda: hostile_png.literals(4000, 3000, copies=True),
    lambda: hostile_deflate.png_of_tables(1200, 1000, 100_000),
    lambda: hostile_webp.groups(396),
    lambda: encoded(noise(4000, 3000), "WEBP", quality=60, method=0),
    lambda: hostile_webp.chunks(20_000),
    lambda: bmp_rle(3000, 3000, b"\x01\0" * 2_000_000),
    lambda: bmp_rle(3000, 3000, b"\x01\0" * 400_000),
)
"""Each is made once. Those that decode take at most a second, so that thousands can be run."""

_EXTREMES = (
    b"\0\0",
    b"\xff\xff",
    b"\x7f\xff",
    b"\xff\x7f",
    b"\0\0\0\0",
    b"\xff" * 4,
    b"\0\0\x40\0",
)


def mutated(random_: random.Random, data: bytes, other: bytes) -> bytes:
    """Damage a picture in a few random ways."""
    out = bytearray(data)
    for _ in range(random_.choice((1, 1, 1, 2, 8))):
        place = random_.randrange(len(out) or 1)
        # headers are mostly at the beginning
        near = min(place, random_.randrange(200))
        match random_.randrange(8):
            case 0:
                del out[place:]
            case 1 | 2:
                out[near : near + 1] = bytes([random_.randrange(256)])
            case 3:
                out[place : place + 1] = bytes(
                    [(out[place] if out else 0) ^ 1 << random_.randrange(8)]
                )
            case 4:
                extreme = random_.choice(_EXTREMES)
                out[near : near + len(extreme)] = extreme
            case 5:
                start, end = sorted(random_.randrange(len(other) or 1) for _ in range(2))
                out[place:place] = other[start:end]
            case 6:
                start, end = sorted((place, near))
                out[start:end] = out[start:end] * random_.choice((2, 2, 3, 50))
            case _:
                start, end = sorted((place, near))
                del out[start:end]
        del out[4_000_000:]
    return bytes(out)


def pictures(count: int, seed: int, *, bombs_every: int = 100) -> Iterator[bytes]:
    """Yield damaged pictures; the same seed gives the same pictures."""
    random_ = random.Random(seed)
    whole = seeds()
    bombs: dict[int, bytes] = {}
    for index in range(count):
        if index % bombs_every == bombs_every - 1:
            which = (index // bombs_every) % len(BOMBS)
            if which not in bombs:
                bombs[which] = BOMBS[which]()
            yield bombs[which]
        else:
            yield mutated(random_, random_.choice(whole), random_.choice(whole))


def run(given: Iterator[bytes], outcomes: Outcomes) -> None:
    """Decode pictures; warnings and errors other than `InvalidImage` are faults."""
    for data in given:
        began = time.process_time()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                pixels = decode(data, LIMITS)
            known = pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3
            outcome = "picture" if known else "fault: no picture"
            del pixels
        except InvalidImage as error:
            outcome = error.reason
            if isinstance(error.__cause__, Warning):
                outcome = f"fault: {error.__cause__}"
        except BaseException as error:
            outcome = f"fault: {type(error).__name__}: {error}"
        seconds = time.process_time() - began
        if seconds > outcomes.most_seconds:
            outcomes.most_seconds, outcomes.slowest = seconds, data
        if outcome.startswith("fault"):
            outcomes.faults.append((outcome, data))
        outcomes.counts[outcome] += 1


def resident() -> int:
    """Return the resident memory of the process in bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def main() -> int:
    """Run the fuzzer as a command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--keep", type=Path, help="folder for the pictures with faults and the slowest one"
    )
    arguments = parser.parse_args()
    quiet_decoders()
    outcomes = Outcomes()
    given = pictures(arguments.count, arguments.seed)
    first = max(1, arguments.count // 10)
    run((next(given) for _ in range(first)), outcomes)
    start = resident()
    print(f"{first} pictures: {start / 2**20:.0f} MiB resident")
    run(given, outcomes)
    end = resident()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{arguments.count} pictures: {end / 2**20:.0f} MiB resident, peak {peak:.0f} MiB")
    print(f"maximum CPU time of a picture: {outcomes.most_seconds:.2f} s")
    for outcome, count in outcomes.counts.most_common():
        print(f"{count:7d}  {outcome}")
    if arguments.keep:
        arguments.keep.mkdir(parents=True, exist_ok=True)
        (arguments.keep / "slowest").write_bytes(outcomes.slowest)
        for index, (_, data) in enumerate(outcomes.faults):
            (arguments.keep / f"fault-{index}").write_bytes(data)
    grown = end - start > MOST_GROWTH
    return int(bool(outcomes.faults) or outcomes.most_seconds > MOST_SECONDS or grown)


if __name__ == "__main__":
    sys.exit(main())
