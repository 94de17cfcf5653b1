"""Deals the pictures out to three parts, once: `parts.tsv` is committed and held fixed.

    python -m lipiyana.vehicles.training.build_parts --data DIR --shown validation.tsv --out parts.tsv

Train is learnt from. Selection chooses epochs, sizes and thresholds. Report is looked at once a
version and chooses nothing. Groups are never divided between parts. What detectors before learnt
from stays in train, and what they were chosen on, in selection: neither can report.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from lipiyana.vehicles.training.build_split import difference_hash

_Entry = Mapping[str, Any]

FIRST, SECOND, SIGNS = "train", "train2", "hi_scenes"
"""Names of the collections in the table."""

UNSEEN_PHOTOGRAPHER = "Numan"
"""Of Dhaka's, the one that no detector learnt from; some of his pictures chose them."""

_ALIKE_BITS = 14
# of the groups of a collection, how many select and how many report
_SHARES: Mapping[str, tuple[float, float]] = {
    "juvd": (0.12, 0.28),
    "traffic7": (0.12, 0.28),
    "bangla_plates": (0.10, 0.25),
    "odisha_plates": (0.12, 0.30),
    "riders": (0.12, 0.30),
    SIGNS: (0.18, 0.50),
}


def deal(data: Path, chosen_on: frozenset[str], seed: int) -> Iterator[tuple[str, str, str]]:
    """Yield collection, file name and part of every picture.

    Args:
        data: the folder with `vehicles` and `signs`.
        chosen_on: file names of the first collection that detectors before were chosen on.
        seed: of chance.
    """
    first = json.loads((data / "vehicles" / FIRST / "meta.json").read_text("utf-8"))
    for entry in first:
        chosen = entry["image"] in chosen_on
        yield FIRST, entry["image"], "selection" if chosen else "train"
    second = json.loads((data / "vehicles" / SECOND / "meta.json").read_text("utf-8"))
    rng = np.random.default_rng(seed)
    by_source: defaultdict[str, list[_Entry]] = defaultdict(list)
    for entry in second:
        by_source[entry["source"]].append(entry)
    for source, entries in by_source.items():
        if source == "dhaka640":
            parts = _dhaka(entries, data / "vehicles" / SECOND / "images", chosen_on)
        else:
            strata = [f"{e['group'].split('_')[0]}" if source == "juvd" else "" for e in entries]
            parts = _by_group([e["group"] for e in entries], strata, _SHARES[source], rng)
        for entry, part in zip(entries, parts, strict=True):
            yield SECOND, entry["image"], part
    lines = (data / "signs" / SIGNS / "boxes.jsonl").read_text("utf-8").splitlines()
    signs = [json.loads(line) for line in lines]
    groups = [entry["group"] for entry in signs]
    for entry, part in zip(signs, _by_group(groups, groups and [""] * len(groups), _SHARES[SIGNS], rng), strict=True):
        yield SIGNS, entry["image"], part


def _by_group(
    groups: Sequence[str], strata: Sequence[str], shares: tuple[float, float], rng: np.random.Generator
) -> list[str]:
    """Part of each picture, so that of every stratum the shares of its pictures are about right."""
    part_of: dict[str, str] = {}
    for stratum in dict.fromkeys(strata):
        sizes: defaultdict[str, int] = defaultdict(int)
        for group, of in zip(groups, strata, strict=True):
            if of == stratum:
                sizes[group] += 1
        names = sorted(sizes)
        room = {
            "report": shares[1] * sum(sizes.values()),
            "selection": shares[0] * sum(sizes.values()),
        }
        for index in rng.permutation(len(names)):
            name = names[index]
            part = next((p for p, left in room.items() if left >= sizes[name] / 2), "train")
            if part in room:
                room[part] -= sizes[name]
            part_of[name] = part
    return [part_of[group] for group in groups]


def _dhaka(entries: Sequence[_Entry], images: Path, chosen_on: frozenset[str]) -> list[str]:
    """Pictures of the unseen photographer report, but for those that chose or are like these."""
    parts, hashes = [], {}
    for entry in entries:
        if entry["group"] != UNSEEN_PHOTOGRAPHER:
            parts.append("train")
            continue
        parts.append("selection" if entry.get("replaces") in chosen_on else "report")
        image = cv2.imread(str(images / entry["image"]))
        if image is None:
            raise ValueError(f"{images / entry['image']} cannot be read as a picture")
        hashes[len(parts) - 1] = difference_hash(np.asarray(image, np.uint8))
    chose = np.stack([value for index, value in hashes.items() if parts[index] == "selection"])
    for index, value in hashes.items():
        if (chose != value).sum(1).min() <= _ALIKE_BITS:
            parts[index] = "selection"
    return parts


def main() -> None:
    """Read the command line and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="holds vehicles and signs")
    parser.add_argument("--chosen-on", type=Path, required=True, help="a list of file names")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    chosen_on = frozenset(args.chosen_on.read_text("utf-8").split()[1:])
    rows = ["\t".join(row) for row in deal(args.data, chosen_on, args.seed)]
    args.out.write_text("\n".join(["collection\timage\tpart", *rows]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
