"""Writes the features of each registration that was read, for fitting the confidence of plates.

`python -m lipiyana.ocr.training.plates.fit_confidence` reads the file.

    python benchmarks/plates/plate_signs.py --out FILE [--data ../shared/data] [--rendered 300]

Real plates are those of the part `selection`. Rendered plates are made hard to read: small,
blurred, moved, cut at an edge, partly hidden, upside down.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from plate_sets import squeeze
from plate_validity import pictures

from lipiyana.arrays import RgbArray
from lipiyana.images.loading import load
from lipiyana.ocr.plates.choice import measures
from lipiyana.ocr.plates.crop_reader import PlateCropReader
from lipiyana.ocr.recognition.text_reader import installed_reader
from lipiyana.rendering.contents.plate_texts import random_registration
from lipiyana.rendering.fonts.families import FontLibrary
from lipiyana.rendering.plates.pictures import render_plate
from lipiyana.runtime.store import ModelStore
from lipiyana.types import RegistrationFormat
from lipiyana.vehicles.detection.detector import PLATE, VehicleDetector

_KINDS = (
    None, None, None, RegistrationFormat.NEPAL, RegistrationFormat.NEPAL,
    RegistrationFormat.BANGLADESH, RegistrationFormat.TRADE, RegistrationFormat.MILITARY,
)  # fmt: skip
_WAYS = ("none", "small", "small", "blurred", "moved", "cut", "hidden", "turned")
_LEAST_DETECTION = 0.1
_MARGIN = 0.2
_RENDERED_WEIGHT = 0.5


def spoil(image: RgbArray, rows: int, way: str, rng: np.random.Generator) -> RgbArray:
    """Make a plate hard to read; it often stays legible."""
    height, width = image.shape[:2]
    row = height / rows
    if way == "small":
        scale = float(rng.uniform(9, 16)) / row
        size = (max(4, round(width * scale)), max(4, round(height * scale)))
        return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    if way == "blurred":
        sigma = float(rng.uniform(0.04, 0.1)) * row
        return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.uint8)
    if way == "moved":
        length = max(2, round(float(rng.uniform(0.06, 0.2)) * row))
        return np.asarray(cv2.blur(image, (length, 1)), np.uint8)
    if way == "cut":
        lost = round(width * float(rng.uniform(0.03, 0.14)))
        return image[:, lost:] if rng.random() < 0.5 else image[:, : width - lost]
    if way == "hidden":
        out = image.copy()
        x, y = int(rng.integers(width)), int(rng.integers(height))
        wide, tall = (row * float(rng.uniform(*span)) / 2 for span in ((0.25, 0.6), (0.4, 1.0)))
        box = (
            slice(max(0, round(y - tall)), round(y + tall) + 1),
            slice(max(0, round(x - wide)), round(x + wide) + 1),
        )
        out[box] = rng.integers(0, 256, 3)
        return out
    return image[::-1, ::-1] if way == "turned" else image


def rendered(count: int, rng: np.random.Generator) -> Iterator[tuple[RgbArray, str]]:
    """Yield plates that are hard to read, with their texts."""
    library = FontLibrary.load()
    for index in range(count):
        kind = _KINDS[index % len(_KINDS)]
        text = random_registration(rng, kind)
        try:
            plate = render_plate(rng, library, text)
        except LookupError:  # no font has the characters
            continue
        way = _WAYS[index // len(_KINDS) % len(_WAYS)]
        yield spoil(plate.image, len(plate.rows), way, rng), plate.canonical


def real(data: Path, store: ModelStore) -> Iterator[tuple[str, RgbArray, tuple[str, ...]]]:
    """Yield (set, crop, labels of its picture) of the part `selection`."""
    detector = VehicleDetector(store)
    for picture in pictures(data, "selection"):
        image = load(picture.path)
        if len(picture.labels) == 1 and picture.path.parent.parent.name == "text":
            yield picture.set_name, image, picture.labels
            continue
        for found in detector.detect(image, _LEAST_DETECTION):
            box = found.box
            if found.label == PLATE and picture.complete:
                margin = _MARGIN * (box.y_max - box.y_min)
                top, left = max(0, round(box.y_min - margin)), max(0, round(box.x_min - margin))
                crop = image[top : round(box.y_max + margin), left : round(box.x_max + margin)]
                yield picture.set_name, crop, picture.labels


def main() -> None:
    """Read everything and write one line for each registration."""
    parser = argparse.ArgumentParser(description="signs of registrations that were read")
    shared = Path(__file__).parents[2] / ".." / "shared" / "data"
    parser.add_argument("--data", type=Path, default=shared)
    parser.add_argument("--rendered", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()

    store = ModelStore(threads=1)
    reader = PlateCropReader(store, installed_reader(store))
    rng = np.random.default_rng(args.seed)
    made = (("rendered", image, (text,)) for image, text in rendered(args.rendered, rng))
    with args.out.open("w", encoding="utf-8") as out:
        for name, crop, labels in (*real(args.data, store), *made):
            reading = reader.read(np.ascontiguousarray(crop))
            if reading.signs is None:
                continue
            right = squeeze(reading.registration.canonical) in labels
            weight = _RENDERED_WEIGHT if name == "rendered" else 1.0
            row = {
                "set": name,
                "right": right,
                "weight": weight,
                "measures": measures(reading.signs),
            }
            out.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
