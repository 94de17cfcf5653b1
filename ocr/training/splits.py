"""The fixed validation part of the real crops: never trained on.

`validation.tsv` lists, for each folder of crops, contiguous blocks of file numbers (crops are
numbered in the order of their photos, so that one photo is never in both parts). `olx_plate`
stands for the street pictures of that source: a registration that is in both collections is in
the same part of both. A folder with too few registrations for a third has three folds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Literal

from lipiyana.ocr.scripts.normalization import normalize
from lipiyana.ocr.scripts.table import script_of

Part = Literal["train", "validation", "all"]
PlatePart = Literal["train", "selection", "report"]


def belongs(part: Part, *, held_out: bool) -> bool:
    """Whether something that is held out for validation, or is not, is of a part."""
    return part == "all" or held_out == (part == "validation")


@lru_cache(maxsize=1)
def _table() -> dict[str, dict[int, frozenset[int]]]:
    text = resources.files("lipiyana.ocr.training").joinpath("validation.tsv").read_text("utf-8")
    numbers: defaultdict[str, defaultdict[int, set[int]]] = defaultdict(lambda: defaultdict(set))
    for line in text.splitlines()[1:]:
        folder, fold, first, last = line.split("\t")
        numbers[folder][int(fold)].update(range(int(first), int(last) + 1))
    return {
        folder: {fold: frozenset(members) for fold, members in folds.items()}
        for folder, folds in numbers.items()
    }


def folders() -> tuple[str, ...]:
    """Return every folder that has a validation part."""
    return tuple(_table())


def folds(folder: str) -> int:
    """Return how many folds a folder has: 1, or 3 where each serves as validation in turn."""
    return len(_table()[folder])


def validation_numbers(folder: str, fold: int = 0) -> frozenset[int]:
    """Return the file numbers that validate.

    Raises:
        KeyError: the folder or the fold is not listed.
    """
    return _table()[folder][fold]


def load_crops(folder: Path, part: Part, fold: int = 0) -> Iterator[tuple[Path, str, str]]:
    """Yield (path, text, script) for each crop in one part of a folder with a `labels.tsv`.

    `text` is normalized; `/` separates the rows of a plate. `script` is its ISO 15924 code.
    """
    chosen = validation_numbers(folder.name, fold)
    for line in (folder / "labels.tsv").read_text("utf-8").splitlines():
        name, label = line.split("\t")
        if belongs(part, held_out=int(Path(name).stem) in chosen):
            text = normalize(label)
            yield folder / name, text, script_of(text)


@lru_cache(maxsize=1)
def _plate_table() -> dict[tuple[str, str], dict[int, PlatePart]]:
    text = resources.files("lipiyana.ocr.training").joinpath("plate_parts.tsv").read_text("utf-8")
    numbers: defaultdict[tuple[str, str], dict[int, PlatePart]] = defaultdict(dict)
    for line in text.splitlines()[1:]:
        folder, prefix, part, first, last = line.split("\t")
        held_out: PlatePart = "selection" if part == "selection" else "report"
        numbers[folder, prefix].update(dict.fromkeys(range(int(first), int(last) + 1), held_out))
    return numbers


def plate_part(folder: str, stem: str) -> PlatePart:
    """Return the part that a plate's picture is in.

    Args:
        folder: of crops, or the source of a street picture.
        stem: the file's name without its extension; it ends in the number of the picture.
    """
    prefix, _, number = stem.rpartition("_")
    # the street pictures are named after their source
    table = _plate_table().get((folder, "" if prefix == folder else prefix), {})
    return table.get(int(number), "train")
