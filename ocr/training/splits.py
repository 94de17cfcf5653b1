"""The fixed validation part of the real crops, which is never used for training.

`validation.tsv` lists contiguous blocks of file numbers for each folder of crops. Crops are
numbered in the order of their photos, so the crops of one photo are never in both parts.
`olx_plate` stands for the street pictures of that source: a registration that is in both
collections is in the same part of both. A folder with too few registrations for a third part has
three folds.
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
    """Tell whether an item, held out for validation or not, belongs to a part."""
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
    """Return the number of folds: 1, or 3 if each of three is used for validation in turn."""
    return len(_table()[folder])


def validation_numbers(folder: str, fold: int = 0) -> frozenset[int]:
    """Return the file numbers of the validation part.

    Raises:
        KeyError: the folder or the fold is not listed.
    """
    return _table()[folder][fold]


def load_crops(folder: Path, part: Part, fold: int = 0) -> Iterator[tuple[Path, str, str]]:
    """Yield (path, text, script) for each crop in one part of a folder with a `labels.tsv`.

    `text` is normalized, with `/` between the rows of a plate; `script` is its ISO 15924 code.
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
    """Return the part of a plate's picture.

    Args:
        folder: folder of crops, or source of a street picture.
        stem: file name without extension, ending in the number of the picture.
    """
    prefix, _, number = stem.rpartition("_")
    # the file names of street pictures begin with their source
    table = _plate_table().get((folder, "" if prefix == folder else prefix), {})
    return table.get(int(number), "train")
