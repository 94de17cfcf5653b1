"""Real pictures of plates with their texts."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lipiyana.arrays import RgbArray
from lipiyana.images.loading import load
from lipiyana.ocr.training.plates.crops import photos_of_cars
from lipiyana.ocr.training.splits import Part, load_crops

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

    image: RgbArray
    labels: tuple[str, ...]
    rows: int

    def found_in(self, texts: Iterable[str]) -> bool:
        """Whether every plate is among what was read."""
        return set(self.labels) <= {squeeze(text) for text in texts}


def squeeze(text: str) -> str:
    """Letters, vowel signs and digits alone, upper case."""
    kept = (c for c in unicodedata.normalize("NFC", text) if unicodedata.category(c)[0] in "LMN")
    return "".join(kept).upper()


def load_set(data: Path, name: str, part: Part) -> list[Labelled]:
    """Read a part of one of `CROPS` or `PHOTOS`; the reader was not trained on "validation".

    Raises:
        FileNotFoundError: `data` does not have it.
    """
    if name == PHOTOS:
        return _photos(data / "vehicles" / "train", part)
    return _crops(data / "text" / name, part)


def _crops(folder: Path, part: Part) -> list[Labelled]:
    return [
        Labelled(load(path), (squeeze(text),), _ROWS.get(folder.name, text.count("/") + 1))
        for path, text, _ in load_crops(folder, part)
    ]


def _photos(folder: Path, part: Part) -> list[Labelled]:
    return [
        Labelled(load(path), tuple(map(squeeze, texts)), 1)
        for path, texts in photos_of_cars(folder, part)
    ]
