"""How often `valid` and `confidence` of a registration are right, by part of the real plates.

    python benchmarks/plates/plate_validity.py [--part selection] [--data DIR] [--json FILE]

Crops are read with the layout `plate`, photos with the layout `scene` and the default settings.
Thresholds are chosen on the part `selection` only; `report` is measured once a version. In photos
with unlabelled plates, only readings within three edits of a label count.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

from common.report_tables import terminal_table
from plate_sets import squeeze
from rapidfuzz.distance import Levenshtein
from rich.console import Console

from lipiyana.ocr.training.splits import PlatePart, plate_part
from lipiyana.pipeline import LocalRecognizer
from lipiyana.types import Feature, Layout, RecognitionConfig

CROPS = ("in_plates", "in_plates2", "auto_rickshaw_ka", "ne_plates", "bn_plates")
PHOTOS = {"olx_plate": "train", "traffic7": "train2", "riders": "train2", "odisha_plates": "train2"}
"""Sources of photos with typed plates, and the folder of each."""

_BINS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 1.01)
_A_MISREADING = 3  # edits


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture with what its plates say.

    Attributes:
        set_name: of the collection.
        labels: letters, vowel signs and digits of each plate.
        complete: whether every plate of it has a label.
    """

    set_name: str
    path: Path
    labels: tuple[str, ...]
    complete: bool
    layout: Layout


@dataclass(frozen=True, slots=True)
class Read:
    """One plate that was read: its text, whether it is right, whether it is valid."""

    set_name: str
    file: str
    text: str
    valid: bool
    confidence: float
    right: bool


def pictures(data: Path, part: PlatePart) -> Iterator[Picture]:
    """Yield all pictures of a part, crops first."""
    for name in CROPS:
        folder = data / "text" / name
        for line in (folder / "labels.tsv").read_text("utf-8").splitlines():
            file, label = line.split("\t")[:2]
            path = folder / file
            if plate_part(name, path.stem) == part:
                yield Picture(name, path, (squeeze(label),), True, Layout.PLATE)
    for source, name in PHOTOS.items():
        folder = data / "vehicles" / name
        for entry in json.loads((folder / "meta.json").read_text("utf-8")):
            path = folder / "images" / entry["image"]
            texts = entry.get("plates") or []
            labels = tuple(squeeze(text) for text in texts if text)
            if entry["source"] == source and labels and plate_part(source, path.stem) == part:
                yield Picture(source, path, labels, len(labels) == len(texts), Layout.SCENE)


def read(recognizer: LocalRecognizer, picture: Picture) -> tuple[list[Read], int]:
    """Read one picture.

    Returns:
        Its plates that can be judged, and how many labels are among their texts.
    """
    config = RecognitionConfig(frozenset({Feature.PLATES}), picture.layout)
    found = recognizer.recognize(picture.path.read_bytes(), config)
    plates = []
    for plate in found.plates:
        text = plate.registration.canonical or squeeze(plate.text)
        nearest = min(Levenshtein.distance(text, label) for label in picture.labels)
        if picture.complete or nearest <= _A_MISREADING:
            valid, right = plate.registration.valid, nearest == 0
            plates.append(
                Read(picture.set_name, picture.path.name, text, valid, plate.confidence, right)
            )
    return plates, len(set(picture.labels) & {plate.text for plate in plates})


def scores(name: str, labels: int, exact: int, plates: Sequence[Read]) -> tuple[str, ...]:
    """One row of the table: a set, or several together."""
    valid = [plate for plate in plates if plate.valid]
    right = [plate for plate in plates if plate.right]
    called = sum(plate.valid for plate in right)
    wrong = sum(not plate.right for plate in valid)
    return (
        name,
        str(labels),
        f"{100 * exact / max(1, labels):.1f}",
        f"{100 * called / max(1, len(right)):.1f}",
        f"{wrong}/{len(valid)}",
        f"{100 * wrong / max(1, len(valid)):.1f}",
    )


def calibration(plates: Sequence[Read]) -> list[tuple[str, ...]]:
    """Number of right ones among the valid ones, by confidence."""
    rows: list[tuple[str, ...]] = []
    for low, high in pairwise(_BINS):
        inside = [plate for plate in plates if plate.valid and low <= plate.confidence < high]
        if inside:
            mean = sum(plate.confidence for plate in inside) / len(inside)
            right = sum(plate.right for plate in inside) / len(inside)
            rows.append(
                (f"{low:g} to {min(high, 1):g}", str(len(inside)), f"{mean:.3f}", f"{right:.3f}")
            )
    return rows


def main() -> None:
    """Measure one part and print the tables."""
    parser = argparse.ArgumentParser(description="what `valid` and `confidence` are worth")
    shared = Path(__file__).parents[2] / ".." / "shared" / "data"
    parser.add_argument("--data", type=Path, default=shared)
    parser.add_argument("--part", choices=("train", "selection", "report"), default="selection")
    parser.add_argument("--only", nargs="*", help="sets to measure")
    parser.add_argument("--json", type=Path, help="write all readings there")
    args = parser.parse_args()

    recognizer = LocalRecognizer(threads=1)
    labels: dict[str, int] = {}
    exact: dict[str, int] = {}
    plates: list[Read] = []
    for picture in pictures(args.data, args.part):
        name = picture.set_name
        if args.only and name not in args.only:
            continue
        found, right = read(recognizer, picture)
        plates += found
        labels[name] = labels.get(name, 0) + len(set(picture.labels))
        exact[name] = exact.get(name, 0) + right
    groups = {name: {name} for name in labels}
    groups |= {"all crops": set(CROPS), "all photos": set(PHOTOS)}
    rows = []
    for title, names in groups.items():
        mine = [plate for plate in plates if plate.set_name in names]
        count, read_exactly = (
            sum(table.get(name, 0) for name in names) for table in (labels, exact)
        )
        rows.append(scores(title, count, read_exactly, mine))
    console = Console(width=110)
    headings = ("set", "plates", "exact %", "exact called valid %", "wrong / valid", "wrong %")
    console.print(terminal_table(f"plates, part {args.part}", headings, rows, {"set"}))
    bins = ("confidence", "valid", "mean", "right")
    for title, sets in (("crops", set(CROPS)), ("photos", set(PHOTOS))):
        mine = [plate for plate in plates if plate.set_name in sets]
        console.print(terminal_table(f"calibration, {title}", bins, calibration(mine), {"set"}))
    if args.json:
        args.json.write_text(json.dumps([asdict(plate) for plate in plates], ensure_ascii=False))


if __name__ == "__main__":
    main()
