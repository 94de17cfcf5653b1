"""The labelled street pictures: boxes, and the classes that each picture labels exhaustively.

`cache_downscaled` makes smaller copies of large ones. Needs no torch.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any, Literal, cast

import cv2
import numpy as np
import numpy.typing as npt

from lipiyana.arrays import RgbArray
from lipiyana.files import replacing
from lipiyana.images.loading import environment_limits, load
from lipiyana.vehicles.training.data.labels import CLASSES, EXHAUSTIVE

Part = Literal["train", "selection", "report"]
"""Train is for training, selection chooses; report is evaluated once a version, chooses nothing."""

COLLECTIONS = ("train", "train2")
SIGNS = "hi_scenes"

MAX_SIDE = 1280
"""Maximum side of cached training pictures: two and a half times the detector's input."""

_READ_AS_THEY_ARE = frozenset({".jpg", ".jpeg", ".png"})
_QUALITY = 95

# sources that label only near objects: the minimum shorter side of their labels, in pixels
_SMALLEST: Mapping[str, float] = {"traffic7": 24.0}
# photos of signs that may show a vehicle or a train
_MAY_SHOW_ONE = (
    *("0069", "0109", "0139", "0186", "0262", "0319", "0336", "0359", "0376", "0383"),
    *("0123", "0241", "0295", "0352", "0361"),
)

UNDECIDED = -1
"""Class of a box whose object has an unknown class; it is excluded from training."""


@dataclass(frozen=True, slots=True, eq=False)
class StreetPicture:
    """A picture and its labels.

    Attributes:
        path: the picture file.
        source: its collection.
        boxes: (n, 4) float32 x_min, y_min, x_max, y_max in pixels.
        classes: (n,) int64, indices of `CLASSES` or `UNDECIDED`.
        known: (classes,) bool, the classes that are labelled exhaustively.
        smallest: pixels; objects with a shorter side may have no box.
    """

    path: Path
    source: str
    boxes: npt.NDArray[np.float32]
    classes: npt.NDArray[np.int64]
    known: npt.NDArray[np.bool_]
    smallest: float = 0.0

    def pixels(self) -> RgbArray:
        """Load the picture, (height, width, 3) RGB.

        Raises:
            ValueError: the file is not a picture.
        """
        image = cv2.imread(str(self.path), cv2.IMREAD_COLOR)
        if image is None:
            raise ValueError(f"cannot read a picture from {self.path}")
        return np.ascontiguousarray(image[:, :, ::-1], np.uint8)


@lru_cache(maxsize=1)
def parts() -> Mapping[tuple[str, str], Part]:
    """Part of each picture, by (collection, file name), from `parts.tsv`; see `build_parts`."""
    table = resources.files("lipiyana.vehicles.training.data").joinpath("parts.tsv")
    rows = (line.split("\t") for line in table.read_text("utf-8").splitlines()[1:])
    return {(collection, image): cast("Part", part) for collection, image, part in rows}


def load_pictures(folder: Path, part: Part | None) -> list[StreetPicture]:
    """Load the labels of one collection, in the order of `meta.json`.

    Args:
        folder: has `meta.json`, `images/` and `labels/`; `classes.txt` is beside it. Its name is
            that of the collection.
        part: the wanted part; None for all. A picture that is not in the table is in train.

    Raises:
        ValueError: a source or a class is unknown.
    """
    names = (folder.parent / "classes.txt").read_text("utf-8").split()
    pictures = []
    for entry in json.loads((folder / "meta.json").read_text("utf-8")):
        if part in {None, parts().get((folder.name, entry["image"]), "train")}:
            pictures.append(_picture(folder, entry, names))
    return pictures


def load_part(data: Path, part: Part) -> list[StreetPicture]:
    """Load the labels of one part of all collections of street pictures.

    A picture is left out if there is a larger copy of it.

    Args:
        data: has the folder `vehicles` with one folder a collection.
        part: the wanted part.

    Raises:
        ValueError: see `load_pictures`.
    """
    folders = [data / "vehicles" / name for name in COLLECTIONS]
    entries = (json.loads((folder / "meta.json").read_text("utf-8")) for folder in folders)
    replaced = {entry.get("replaces") for each in entries for entry in each}
    pictures = (picture for folder in folders for picture in load_pictures(folder, part))
    return [picture for picture in pictures if picture.path.name not in replaced]


def load_signs(data: Path, part: Part) -> list[StreetPicture]:
    """List the photos of signs and walls without vehicles or plates of one part.

    Args:
        data: has the folder `signs`.
        part: the wanted part.
    """
    return [
        without_any(data / "signs" / SIGNS / image, SIGNS)
        for (collection, image), of in parts().items()
        if collection == SIGNS and of == part and not image.startswith(_MAY_SHOW_ONE)
    ]


def without_any(path: Path, source: str) -> StreetPicture:
    """Make the labels of a picture that shows neither a vehicle nor a plate."""
    known = np.ones(len(CLASSES), np.bool_)
    return StreetPicture(path, source, np.zeros((0, 4), np.float32), np.zeros(0, np.int64), known)


def _picture(folder: Path, entry: Mapping[str, Any], names: list[str]) -> StreetPicture:
    source, file = str(entry["source"]), str(entry["image"])
    if source not in EXHAUSTIVE and "exhaustive" not in entry:
        raise ValueError(f"the classes that the source {source!r} of {file} labels are unknown")
    width, height = entry["size"]
    text = (folder / "labels" / file).with_suffix(".txt").read_text("utf-8")
    rows = np.array([line.split() for line in text.splitlines()], np.float32).reshape(-1, 5)
    half = rows[:, 3:] / 2
    relative = np.concatenate([rows[:, 1:3] - half, rows[:, 1:3] + half], axis=1)
    boxes = relative.clip(0, 1) * np.tile(np.array([width, height], np.float32), 2)
    index = [CLASSES.index(name) if name in CLASSES else UNDECIDED for name in names]
    classes = np.array([index[int(row)] for row in rows[:, 0]], np.int64)
    exhaustive = entry.get("exhaustive", EXHAUSTIVE.get(source, ()))
    known = np.array([name in exhaustive for name in CLASSES])
    ignored = np.array(entry.get("ignore") or (), np.float32).reshape(-1, 4)
    if len(ignored):
        half = ignored[:, 2:] / 2
        relative = np.concatenate([ignored[:, :2] - half, ignored[:, :2] + half], axis=1)
        size = np.tile(np.array([width, height], np.float32), 2)
        boxes = np.concatenate([boxes, relative.clip(0, 1) * size])
        classes = np.concatenate([classes, np.full(len(ignored), UNDECIDED)])
    smallest = _SMALLEST.get(source, 0.0)
    return StreetPicture(folder / "images" / file, source, boxes, classes, known, smallest)


def cache_downscaled(pictures: Sequence[StreetPicture], folder: Path) -> tuple[StreetPicture, ...]:
    """Cache smaller copies of large pictures, because training reads each one many times.

    Args:
        pictures: pictures with boxes in pixels.
        folder: folder of the copies, created if needed; existing copies are reused.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return tuple(
        _cache_downscaled(picture, folder / f"{n:06d}.jpg") for n, picture in enumerate(pictures)
    )


def _cache_downscaled(picture: StreetPicture, copy: Path) -> StreetPicture:
    pixels = load(picture.path, environment_limits())
    height, width = pixels.shape[:2]
    scale = MAX_SIDE / max(height, width)
    if scale >= 1 and picture.path.suffix.lower() in _READ_AS_THEY_ARE:
        return picture
    scale = min(1.0, scale)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    if not copy.is_file():
        small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
        encoded = cv2.imencode(".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1]
        with replacing(copy) as partial:
            partial.write_bytes(encoded.tobytes())
    factors = np.array([size[0] / width, size[1] / height], np.float32)
    return replace(picture, path=copy, boxes=picture.boxes * np.tile(factors, 2))
