"""Splits the pictures into three parts, once: `parts.tsv` is committed and stays fixed.

    python -m lipiyana.vehicles.training.data.build_parts --data DIR --out parts.tsv

Train is for training. Selection chooses epochs, sizes and thresholds. Report is evaluated once a
version and chooses nothing. A group is always in one part. Pictures that earlier detectors were
trained on stay in train, and those that they were chosen on in selection; neither may be in report.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from lipiyana.vehicles.training.data.street_pictures import COLLECTIONS, SIGNS, Part, parts

_Entry = Mapping[str, Any]
_Rng = np.random.Generator

_FIRST, _SECOND = COLLECTIONS

UNSEEN_PHOTOGRAPHER = "Numan"
"""The photographer in Dhaka whose pictures are never trained on; some chose earlier detectors."""

ALIKE_BITS = 14
"""Maximum Hamming distance between difference hashes (128 bits) of pictures of one scene."""

# shares of each collection's pictures for selection and report, in whole groups
_SHARES: Mapping[str, tuple[float, float]] = {
    "juvd": (0.12, 0.28),
    "traffic7": (0.12, 0.28),
    "bangla_plates": (0.10, 0.25),
    "odisha_plates": (0.12, 0.30),
    "riders": (0.12, 0.30),
    SIGNS: (0.18, 0.50),
}


def deal(data: Path, seed: int) -> Iterator[tuple[str, str, Part]]:
    """Yield (collection, file name, part) of every picture.

    Pictures of the first collection keep their part, because earlier detectors were trained on
    its train part and chosen on its selection part.

    Args:
        data: the folder with `vehicles` and `signs`.
        seed: random seed.
    """
    before = parts()
    for entry in _entries(data, _FIRST):
        yield _FIRST, entry["image"], before[_FIRST, entry["image"]]
    chose = {image for (of, image), part in before.items() if (of, part) == (_FIRST, "selection")}
    rng = np.random.default_rng(seed)
    by_source: defaultdict[str, list[_Entry]] = defaultdict(list)
    for entry in _entries(data, _SECOND):
        by_source[entry["source"]].append(entry)
    for source, entries in by_source.items():
        if source == "dhaka640":
            dealt = _dhaka(entries, data / "vehicles" / _SECOND / "images", chose)
        else:
            dealt = _by_group(entries, _SHARES[source], rng)
        for entry, part in zip(entries, dealt, strict=True):
            yield _SECOND, entry["image"], part
    lines = (data / "signs" / SIGNS / "boxes.jsonl").read_text("utf-8").splitlines()
    signs = [json.loads(line) for line in lines]
    for entry, part in zip(signs, _by_group(signs, _SHARES[SIGNS], rng), strict=True):
        yield SIGNS, entry["image"], part


def _entries(data: Path, collection: str) -> list[_Entry]:
    path = data / "vehicles" / collection / "meta.json"
    entries: list[_Entry] = json.loads(path.read_text("utf-8"))
    return entries


def _by_group(entries: Sequence[_Entry], shares: tuple[float, float], rng: _Rng) -> list[Part]:
    """Assign whole groups to parts, with about the given shares of each condition."""
    part_of: dict[str, Part] = {}
    by_condition: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for entry in entries:
        # the names of such groups begin with the condition
        condition = entry["group"].split("_")[0] if "condition" in entry else ""
        by_condition[condition][entry["group"]] += 1
    for sizes in by_condition.values():
        names = sorted(sizes)
        room: dict[Part, float] = {
            "report": shares[1] * sizes.total(),
            "selection": shares[0] * sizes.total(),
        }
        for index in rng.permutation(len(names)):
            name = names[index]
            part = next((p for p, left in room.items() if left >= sizes[name] / 2), None)
            part_of[name] = part or "train"
            if part:
                room[part] -= sizes[name]
    return [part_of[entry["group"]] for entry in entries]


def difference_hash(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """128 bits: whether brightness rises between neighbouring cells of a grid, in both directions.

    Args:
        image: (height, width, 3) BGR.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    grid = cv2.resize(grey, (9, 9), interpolation=cv2.INTER_AREA).astype(np.int16)
    across, down = np.diff(grid, axis=1)[:8] > 0, np.diff(grid, axis=0)[:, :8] > 0
    return np.concatenate([across.ravel(), down.ravel()])


def _dhaka(entries: Sequence[_Entry], images: Path, chose: Collection[str]) -> list[Part]:
    """Put the unseen photographer's pictures into report, except those for selection and near-
    duplicates of them.
    """
    dealt: list[Part] = []
    hashes: dict[int, npt.NDArray[np.bool_]] = {}
    for number, entry in enumerate(entries):
        if entry["group"] != UNSEEN_PHOTOGRAPHER:
            dealt.append("train")
            continue
        dealt.append("selection" if entry.get("replaces") in chose else "report")
        image = cv2.imread(str(images / entry["image"]))
        if image is None:
            raise ValueError(f"cannot read a picture from {images / entry['image']}")
        hashes[number] = difference_hash(np.asarray(image, np.uint8))
    known = np.stack([value for number, value in hashes.items() if dealt[number] == "selection"])
    for number, value in hashes.items():
        if (known != value).sum(1).min() <= ALIKE_BITS:
            dealt[number] = "selection"
    return dealt


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with vehicles and signs")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    rows = ["\t".join(row) for row in deal(args.data, args.seed)]
    args.out.write_text("\n".join(["collection\timage\tpart", *rows]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
