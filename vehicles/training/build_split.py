"""Chooses the validation pictures, once: `validation.tsv` is committed and held fixed.

    python -m lipiyana.vehicles.training.build_split --pictures DIR --out validation.tsv

Dhaka: the photographer whose share is nearest to a quarter. `olx_plate`: the photos whose
registration the reader never trains on either. Other sources: 15 % of the pictures, after
grouping those that look alike, so that no scene is in both parts.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from lipiyana.ocr.training.splits import validation_numbers

SHARE = 0.15
_PHOTOGRAPHER_SHARE = 0.25
ALIKE_BITS = 14
"""Pictures whose difference hashes differ in at most so many of 128 bits show one scene."""

_Hash = npt.NDArray[np.bool_]
_Entry = Mapping[str, Any]


def difference_hash(image: npt.NDArray[np.uint8]) -> _Hash:
    """128 bits: whether brightness rises from one cell of a grid to the next, both ways.

    Args:
        image: (height, width, 3) or (height, width).
    """
    grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    grid = cv2.resize(grey, (9, 9), interpolation=cv2.INTER_AREA).astype(np.int16)
    across, down = np.diff(grid, axis=1)[:8] > 0, np.diff(grid, axis=0)[:, :8] > 0
    return np.concatenate([across.ravel(), down.ravel()])


def groups_alike(hashes: Sequence[_Hash]) -> list[list[int]]:
    """Indices in groups: two that are alike, directly or through others, are together."""
    parent = list(range(len(hashes)))

    def root(i: int) -> int:
        while parent[i] != i:
            i = parent[i]
        return i

    table = np.stack(hashes)
    for i in range(len(hashes)):
        for j in np.flatnonzero((table[i + 1 :] != table[i]).sum(1) <= ALIKE_BITS) + i + 1:
            parent[root(int(j))] = root(i)
    groups: defaultdict[int, list[int]] = defaultdict(list)
    for i in range(len(hashes)):
        groups[root(i)].append(i)
    return list(groups.values())


def choose(entries: Sequence[_Entry], images: Path, seed: int) -> Iterator[str]:
    """Yield the file names of the validation pictures."""
    by_source: defaultdict[str, list[_Entry]] = defaultdict(list)
    for entry in entries:
        by_source[entry["source"]].append(entry)
    yield from _one_photographer(by_source.pop("dhaka", []))
    numbers = validation_numbers("olx_plate")
    plates = by_source.pop("olx_plate", [])
    yield from (entry["image"] for entry in plates if _number(entry["image"]) in numbers)
    # one photo is in two collections: they are grouped together
    yield from _some_groups(
        [e for _, members in sorted(by_source.items()) for e in members],
        images,
        np.random.default_rng(seed),
    )


def _some_groups(
    members: Sequence[_Entry], images: Path, rng: np.random.Generator
) -> Iterator[str]:
    hashes = []
    for entry in members:
        image = cv2.imread(str(images / entry["image"]))
        if image is None:
            raise ValueError(f"{images / entry['image']} cannot be read as a picture")
        hashes.append(difference_hash(np.asarray(image, np.uint8)))
    room = {source: round(SHARE * n) for source, n in Counter(map(_source, members)).items()}
    groups = groups_alike(hashes)
    for index in rng.permutation(len(groups)):
        group = [members[i] for i in groups[index]]
        needed = Counter(map(_source, group))
        if all(room[source] >= count for source, count in needed.items()):
            for source, count in needed.items():
                room[source] -= count
            yield from (entry["image"] for entry in group)


def _source(entry: _Entry) -> str:
    return str(entry["source"])


def _one_photographer(members: Sequence[_Entry]) -> Iterator[str]:
    if not members:
        return
    counts = Counter(entry["group"] for entry in members)
    wanted = _PHOTOGRAPHER_SHARE * len(members)
    held_out = min(counts, key=lambda group: abs(counts[group] - wanted))
    yield from (entry["image"] for entry in members if entry["group"] == held_out)


def _number(name: str) -> int:
    return int(Path(name).stem.rsplit("_", 1)[1])


def main() -> None:
    """Read the command line and write the list."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=Path, required=True, help="folder with meta.json")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    entries = json.loads((args.pictures / "meta.json").read_text("utf-8"))
    names = sorted(choose(entries, args.pictures / "images", args.seed))
    args.out.write_text("\n".join(["image", *names]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
