"""Rows of real plates, cropped from folders of crops and from street pictures with boxes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from lipiyana.arrays import RgbArray
from lipiyana.ocr.plates.rows import split_two_rows
from lipiyana.ocr.scripts.normalization import normalize
from lipiyana.ocr.training.splits import Part, belongs, load_crops, validation_numbers

CARS = "olx_plate"
"""Source of the street pictures whose plates have boxes and texts."""

AUTOS = "auto_rickshaw_ka"
"""Folder of two-row crops whose texts do not mark where the second row begins."""

_FOLDERS = ("in_plates", AUTOS, "ne_plates", "bn_plates")
# in Karnataka the upper row has state and district, the lower row series and number
_STATE_AND_DISTRICT = re.compile(r"(KA\d\d)(\w+)")
_BOX_MARGIN = 0.08


def real_rows(crops: Path, street: Path | None, part: Part) -> Iterator[tuple[str, RgbArray, str]]:
    """Yield (source, (H, W, 3) RGB, labelled text) for rows of real plates.

    Args:
        crops: folder with one folder of crops for each source; those without plates are skipped.
        street: folder of street pictures with `meta.json`; only cars with one boxed plate.
        part: part of the fixed split; of a source with three folds, the first is for validation.
    """
    for folder in _FOLDERS:
        for path, text, _ in load_crops(crops / folder, part):
            image = _loaded(path)
            rows = _rows(folder, text)
            pieces = (image,) if len(rows) == 1 else split_two_rows(image)
            for piece, row in zip(pieces, rows, strict=True):
                yield folder, piece, row
    if street is not None:
        for image, text in plates_of_cars(street, part):
            yield CARS, image, text


def plates_of_cars(street: Path, part: Part) -> Iterator[tuple[RgbArray, str]]:
    """Yield ((H, W, 3) RGB, text) for cars with one plate, cropped with a small margin.

    Args:
        street: folder of street pictures with `meta.json`.
        part: part of the fixed split.
    """
    plate = (street.parent / "classes.txt").read_text("utf-8").split().index("plate")
    for path, texts in photos_of_cars(street, part):
        if len(texts) != 1:
            continue
        image = _loaded(path)
        boxes = _boxes(street / "labels" / f"{path.stem}.txt", plate, image)
        if len(boxes) == 1:
            x_min, y_min, x_max, y_max = boxes[0]
            yield image[y_min:y_max, x_min:x_max], normalize(texts[0])


def photos_of_cars(street: Path, part: Part) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """Yield (file, labelled texts) for each photo of a car with plates.

    Args:
        street: folder of street pictures with `meta.json`.
        part: part of the fixed split.
    """
    chosen = validation_numbers(CARS)
    for entry in json.loads((street / "meta.json").read_text("utf-8")):
        if entry["source"] != CARS or not entry["plates"]:
            continue
        path = street / "images" / entry["image"]
        number = int(path.stem.rsplit("_", 1)[-1])
        if belongs(part, held_out=number in chosen):
            yield path, tuple(entry["plates"])


def _rows(folder: str, text: str) -> tuple[str, ...]:
    if folder != AUTOS:
        return tuple(text.split("/"))
    match = _STATE_AND_DISTRICT.fullmatch(text)
    if match is None:
        raise ValueError(f"a plate of {folder} is not KA, two digits and the rest")
    return match[1], match[2]


def _boxes(labels: Path, kind: int, image: RgbArray) -> list[tuple[int, int, int, int]]:
    """Boxes of one class in a YOLO label file, with a margin relative to their height.

    Returns:
        x_min, y_min, x_max, y_max in pixels, clipped to the picture.
    """
    height, width = image.shape[:2]
    boxes = []
    for line in labels.read_text("ascii").splitlines():
        found, *relative = line.split()
        if int(found) != kind:
            continue
        x, y, w, h = np.array(relative, float) * (width, height, width, height)
        reach = _BOX_MARGIN * h
        low = np.maximum(0, np.floor([x - w / 2 - reach, y - h / 2 - reach])).astype(int)
        high = np.ceil([x + w / 2 + reach, y + h / 2 + reach]).astype(int)
        boxes.append(
            (int(low[0]), int(low[1]), min(width, int(high[0])), min(height, int(high[1])))
        )
    return boxes


def _loaded(path: Path) -> RgbArray:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise FileNotFoundError(f"cannot read a picture from {path}")
    return np.ascontiguousarray(image[:, :, ::-1], np.uint8)
