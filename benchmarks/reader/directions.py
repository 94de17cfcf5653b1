"""Whether turned photos are read as the upright ones, and what that costs.

    python benchmarks/reader/directions.py [FOLDER] [--part selection] [--data DIR]

Without a folder, the labelled photos of Hindi signs in `../shared/data` are read: the share of
their words that come out exactly, by the direction in which the photo was given. Of a folder, the
share of the upright photo's words. Thresholds are chosen on the parts `train` and `selection`.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

from rich.console import Console

from lipiyana.images.loading import load
from lipiyana.ocr.scripts.normalization import normalize
from lipiyana.pipeline import LocalRecognizer
from lipiyana.runtime.store import ModelStore
from lipiyana.scene.direction import turned
from lipiyana.types import Recognition, RecognitionConfig

DIRECTIONS = (0, 90, 180, 270)
_SIGNS = "hi_scenes"


def labelled(data: Path, part: str) -> Iterator[tuple[Path, list[str]]]:
    """Yield the photos of a part with their words."""
    table = resources.files("lipiyana.vehicles.training.data").joinpath("parts.tsv")
    rows = (line.split("\t") for line in table.read_text("utf-8").splitlines())
    chosen = {row[1] for row in rows if (row[0], row[2]) == (_SIGNS, part)}
    folder = data / "signs" / _SIGNS
    for line in (folder / "boxes.jsonl").read_text("utf-8").splitlines():
        photo = json.loads(line)
        if photo["image"] in chosen:
            words = [normalize(one["text"]) for one in photo["lines"]]
            yield folder / photo["image"], words


def words_of(found: Recognition) -> list[str]:
    """Give the words of all lines."""
    return [word for line in found.text_lines for word in line.text.split()]


def main() -> None:
    """Read every photo in four directions and print the table."""
    parser = argparse.ArgumentParser(description="turned photos beside upright ones")
    parser.add_argument("folder", type=Path, nargs="?")
    shared = Path(__file__).parents[2] / ".." / "shared" / "data"
    parser.add_argument("--data", type=Path, default=shared)
    parser.add_argument("--part", choices=("train", "selection", "report"), default="selection")
    arguments = parser.parse_args()
    recognizer = LocalRecognizer(ModelStore(threads=1))
    photos: list[tuple[Path, list[str] | None]] = (
        [(path, None) for path in sorted(arguments.folder.iterdir())]
        if arguments.folder
        else list(labelled(arguments.data, arguments.part))
    )
    config = RecognitionConfig()
    words, read, right = 0, Counter[int](), Counter[int]()
    seconds, extra = dict.fromkeys(DIRECTIONS, 0.0), 0.0
    truth: list[str] = []
    for path, given in photos:
        pixels = load(path)
        for degrees in DIRECTIONS:
            begin = time.process_time()
            found = recognizer.recognize_pixels(turned(pixels, degrees), config)
            seconds[degrees] += time.process_time() - begin
            if degrees == 0:
                truth = words_of(found) if given is None else given
                words += len(truth)
                extra += found.timings.get("find_direction", 0.0)
            read[degrees] += (Counter(truth) & Counter(words_of(found))).total()
            right[degrees] += found.rotation_degrees == (360 - degrees) % 360
    console = Console()
    console.print(f"{len(photos)} photos, {words} words")
    for degrees in DIRECTIONS:
        console.print(
            f"turned by {degrees:3}: words read {100 * read[degrees] / max(1, words):.1f} %, "
            f"direction right {right[degrees]}, {1e3 * seconds[degrees] / len(photos):.0f} ms CPU"
        )
    console.print(f"finding the direction of upright ones: {1e3 * extra / len(photos):.1f} ms")


if __name__ == "__main__":
    main()
