"""The labelled street pictures: boxes, and which classes a picture has every box of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from lipiyana.ocr.training.splits import Part, belongs
from lipiyana.vehicles.training.labels import CLASSES, EXHAUSTIVE

Pixels = npt.NDArray[np.uint8]

UNDECIDED = -1
"""Class of a box whose object belongs to some class unknown: nothing is learnt there."""


@dataclass(frozen=True, slots=True, eq=False)
class StreetPicture:
    """A picture's labels.

    Attributes:
        path: its file.
        source: the collection that it comes from.
        boxes: (n, 4) float32 x_min, y_min, x_max, y_max in pixels.
        classes: (n,) int64, indices of `CLASSES` or `UNDECIDED`.
        known: (classes,) bool, those of which every object has a box.
    """

    path: Path
    source: str
    boxes: npt.NDArray[np.float32]
    classes: npt.NDArray[np.int64]
    known: npt.NDArray[np.bool_]

    def pixels(self) -> Pixels:
        """Read the picture, (height, width, 3) RGB.

        Raises:
            ValueError: the file is no picture.
        """
        image = cv2.imread(str(self.path), cv2.IMREAD_COLOR)
        if image is None:
            raise ValueError(f"{self.path} cannot be read as a picture")
        return np.ascontiguousarray(image[:, :, ::-1], np.uint8)


@lru_cache(maxsize=1)
def validation_names() -> frozenset[str]:
    """File names of the pictures that are never trained on (`validation.tsv`)."""
    table = resources.files("lipiyana.vehicles.training").joinpath("validation.tsv")
    return frozenset(table.read_text("utf-8").split()[1:])


def load_pictures(folder: Path, part: Part) -> list[StreetPicture]:
    """Labels of the pictures of one part, in the order of `meta.json`.

    Args:
        folder: holds `meta.json`, `images/` and `labels/`; `classes.txt` is beside it.
        part: train, validation or all.

    Raises:
        ValueError: a source or a class is not known.
    """
    names = (folder.parent / "classes.txt").read_text("utf-8").split()
    held_out = validation_names()
    pictures = []
    for entry in json.loads((folder / "meta.json").read_text("utf-8")):
        if belongs(part, held_out=entry["image"] in held_out):
            pictures.append(_picture(folder, entry, names))
    return pictures


def _picture(folder: Path, entry: Mapping[str, Any], names: list[str]) -> StreetPicture:
    source, file = str(entry["source"]), str(entry["image"])
    if source not in EXHAUSTIVE:
        raise ValueError(f"nothing says which classes the source {source!r} of {file} labels")
    width, height = entry["size"]
    text = (folder / "labels" / file).with_suffix(".txt").read_text("utf-8")
    rows = np.array([line.split() for line in text.splitlines()], np.float32).reshape(-1, 5)
    half = rows[:, 3:] / 2
    relative = np.concatenate([rows[:, 1:3] - half, rows[:, 1:3] + half], axis=1)
    boxes = relative.clip(0, 1) * np.tile(np.array([width, height], np.float32), 2)
    index = [CLASSES.index(name) if name in CLASSES else UNDECIDED for name in names]
    classes = np.array([index[int(row)] for row in rows[:, 0]], np.int64)
    known = np.array([name in EXHAUSTIVE[source] for name in CLASSES])
    return StreetPicture(folder / "images" / file, source, boxes, classes, known)
