"""Real pictures of plates with what they say."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lipiyana.images import load

Image = npt.NDArray[np.uint8]

CROPS = ("in_plates", "auto_rickshaw_ka", "ne_plates", "bn_plates")
PHOTOS = "car_photos"
COUNTRIES = {
    "in_plates": "India", "auto_rickshaw_ka": "India", PHOTOS: "India", "ne_plates": "Nepal",
    "bn_plates": "Bangladesh",
}  # fmt: skip
"""By set."""

# of Karnataka's auto-rickshaw plates the labels do not say where the second row begins
_ROWS = {"auto_rickshaw_ka": 2}


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """A picture and what its plates say.

    Attributes:
        image: (height, width, 3) RGB.
        labels: letters, vowel signs and digits of each plate.
        rows: of the plate; 1 for whole photos.
    """

    image: Image
    labels: tuple[str, ...]
    rows: int

    def found_in(self, texts: Iterable[str]) -> bool:
        """Whether every plate is among what was read."""
        return set(self.labels) <= {squeeze(text) for text in texts}


def squeeze(text: str) -> str:
    """Letters, vowel signs and digits alone, upper case."""
    kept = (c for c in unicodedata.normalize("NFC", text) if unicodedata.category(c)[0] in "LMN")
    return "".join(kept).upper()


def load_set(data: Path, name: str) -> list[Labelled]:
    """Read one of `CROPS` or `PHOTOS`.

    Raises:
        FileNotFoundError: `data` does not have it.
    """
    return _photos(data / "vehicles" / "train") if name == PHOTOS else _crops(data / "text" / name)


def _crops(folder: Path) -> list[Labelled]:
    rows = (line.split("\t") for line in (folder / "labels.tsv").read_text("utf-8").splitlines())
    return [
        Labelled(load(folder / name), (squeeze(text),), _ROWS.get(folder.name, text.count("/") + 1))
        for name, text in rows
    ]


def _photos(folder: Path) -> list[Labelled]:
    entries = json.loads((folder / "meta.json").read_text("utf-8"))
    return [
        Labelled(load(folder / "images" / e["image"]), tuple(map(squeeze, e["plates"])), 1)
        for e in entries
        if e["plates"]
    ]
