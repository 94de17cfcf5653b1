"""Overhead of a call over in-process reading, and the time saved by the cache.

    python benchmarks/serving/latency.py [--pictures N] [--rounds N] [--data DIR] [--json FILE]

Each picture is read in process, by gRPC for the first time (a miss) and by gRPC again (a hit), in
turns, so that other load affects all three alike. For a miss, bytes appended to the JPEG change the
cache key but not the picture. Figures are medians. Client and server share one process here, unlike
in production.
"""

from __future__ import annotations

import argparse
import json
import secrets
import statistics
import time
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from rich.console import Console
from rich.table import Table

from lipiyana.client import Client
from lipiyana.recognizer import Recognizer
from lipiyana.server import ServerSettings, local_recognizer, running_server
from lipiyana.types import CacheOutcome


@dataclass
class Measured:
    """Times of each reading of one picture, in milliseconds."""

    name: str
    local: list[float] = field(default_factory=list)
    miss: list[float] = field(default_factory=list)
    hit: list[float] = field(default_factory=list)

    def medians(self) -> tuple[float, float, float]:
        """Return the medians in process, of misses and of hits."""
        return (
            statistics.median(self.local),
            statistics.median(self.miss),
            statistics.median(self.hit),
        )


def timed(recognizer: Recognizer, picture: bytes, expected: CacheOutcome) -> float:
    """Time a reading in milliseconds.

    Raises:
        RuntimeError: the cache's outcome is not the expected one.
    """
    begin = time.perf_counter()
    outcome = recognizer.recognize(picture).cache_outcome
    milliseconds = (time.perf_counter() - begin) * 1e3
    if outcome is not expected:
        raise RuntimeError(f"the cache's outcome is {outcome.value}, expected {expected.value}")
    return milliseconds


def rendered(count: int) -> dict[str, bytes]:
    """Render street scenes with a board and a plate, 800x600, as JPEG."""
    font = ImageFont.load_default(48)
    pictures = {}
    for number in range(count):
        picture = Image.new("RGB", (800, 600), (96, 104, 110))
        draw = ImageDraw.Draw(picture)
        for top, text in (
            (60, f"BAKERY {number}"),
            (420, f"KA 0{number % 9 + 1} AB {1234 + number}"),
        ):
            draw.rectangle((180, top, 640, top + 80), fill="white")
            draw.text((200, top + 12), text, fill="black", font=font)
        buffer = BytesIO()
        picture.save(buffer, "JPEG", quality=90)
        pictures[f"rendered {number}"] = buffer.getvalue()
    return pictures


def photos(data: Path, count: int) -> dict[str, bytes]:
    """Select car photos with plates and street pictures in equal parts, evenly spaced."""
    folder = data / "vehicles" / "train"
    entries = json.loads((folder / "meta.json").read_text("utf-8"))
    pictures = {}
    for source in ("olx_plate", "dhaka"):
        names = sorted(entry["image"] for entry in entries if entry["source"] == source)
        for name in names[:: max(1, 2 * len(names) // count)][: count // 2]:
            pictures[name] = (folder / "images" / name).read_bytes()
    return pictures


def measure(pictures: dict[str, bytes], rounds: int) -> list[Measured]:
    """Read every picture `rounds` times in each way."""
    settings = ServerSettings(port=0)
    recognizer = local_recognizer(settings)
    results = [Measured(name) for name in pictures]
    with running_server(recognizer, settings) as server, Client(server.target) as client:
        for _ in range(rounds):
            for result in results:
                picture = pictures[result.name] + secrets.token_bytes(16)
                result.local.append(timed(recognizer, picture, CacheOutcome.NONE))
                result.miss.append(timed(client, picture, CacheOutcome.MISS))
                result.hit.append(timed(client, picture, CacheOutcome.HIT))
    return results


def report(results: list[Measured], console: Console) -> dict[str, float]:
    """Print one row per picture; return the medians over the pictures."""
    table = Table(title="milliseconds a picture, medians", box=None)
    for heading in ("picture", "in process", "gRPC", "ratio", "hit", "miss / hit"):
        table.add_column(heading, justify="left" if heading == "picture" else "right")
    medians = [result.medians() for result in results]
    overheads = [miss / local for local, miss, _ in medians]
    savings = [miss / hit for _, miss, hit in medians]
    for result, (local, miss, hit), overhead, saving in zip(
        results, medians, overheads, savings, strict=True
    ):
        table.add_row(
            result.name,
            f"{local:.1f}",
            f"{miss:.1f}",
            f"{overhead:.3f}",
            f"{hit:.2f}",
            f"{saving:.0f}",
        )
    console.print(table)
    figures = {
        "in_process_ms": statistics.median(local for local, _, _ in medians),
        "miss_ms": statistics.median(miss for _, miss, _ in medians),
        "hit_ms": statistics.median(hit for _, _, hit in medians),
        "grpc_over_in_process": statistics.median(overheads),
        "miss_over_hit": statistics.median(savings),
    }
    console.print(
        f"gRPC takes {figures['grpc_over_in_process']:.3f} times as long as in process; "
        f"a hit is {figures['miss_over_hit']:.0f} times as fast as a miss"
    )
    return figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--pictures", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[3] / "shared" / "data")
    parser.add_argument("--json", type=Path, help="file for the medians")
    arguments = parser.parse_args()
    has_photos = arguments.data.is_dir()
    pictures = (
        photos(arguments.data, arguments.pictures) if has_photos else rendered(arguments.pictures)
    )
    figures = report(measure(pictures, arguments.rounds), Console())
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
