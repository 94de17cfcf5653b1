"""Draws labelled street pictures, for tests without real ones."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np

from lipiyana.vehicles.training.data.labels import CLASSES

COLOURS = {"car": (220, 30, 30), "bus": (30, 200, 40), "auto_rickshaw": (240, 220, 20)}


def draw_street(rng: np.random.Generator, width: int = 320, height: int = 240):
    """Draw a grey picture with a plain box of each colour: RGB pixels, rows of (class, box)."""
    image = np.full((height, width, 3), 128, np.uint8)
    objects = []
    for column, (label, colour) in enumerate(COLOURS.items()):
        x, y = 15 + column * 105 + int(rng.integers(0, 20)), int(rng.integers(20, 120))
        w, h = int(rng.integers(50, 70)), int(rng.integers(50, 90))
        cv2.rectangle(image, (x, y), (x + w - 1, y + h - 1), colour, -1)
        objects.append((label, (x, y, x + w, y + h)))
    return image, objects


def write_streets(root: Path, source: str, count: int, seed: int = 0) -> Path:
    """Write a folder like the real ones, with lossless pictures."""
    folder = root / "train"
    (folder / "images").mkdir(parents=True)
    (folder / "labels").mkdir()
    (root / "classes.txt").write_text("\n".join([*CLASSES[:-1], "three_wheeler", "plate"]))
    rng = np.random.default_rng(seed)
    names = (root / "classes.txt").read_text().split()
    meta = []
    for number in range(count):
        image, objects = draw_street(rng)
        height, width = image.shape[:2]
        cv2.imwrite(str(folder / "images" / f"drawn_{number}.png"), image[:, :, ::-1])
        rows = [
            f"{names.index(label)} {(x0 + x1) / 2 / width} {(y0 + y1) / 2 / height} "
            f"{(x1 - x0) / width} {(y1 - y0) / height}"
            for label, (x0, y0, x1, y1) in objects
        ]
        (folder / "labels" / f"drawn_{number}.txt").write_text("\n".join(rows) + "\n")
        meta.append({"image": f"drawn_{number}.png", "source": source, "size": [width, height]})
    (folder / "meta.json").write_text(json.dumps(meta))
    return folder
