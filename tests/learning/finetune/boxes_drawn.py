"""Draws labelled pictures with plain boxes, in one colour for each class."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np

from lipiyana.vehicles.training.data.labels import CLASSES
from lipiyana.vehicles.training.data.street_pictures import StreetPicture

COLOURS = {"Car": (220, 30, 30), "tractor": (30, 60, 230), "goat": (250, 250, 40)}
WIDTH, HEIGHT = 128, 96

Drawn = tuple[np.ndarray, list[tuple[str, tuple[int, int, int, int]]]]


def draw_boxes(seed: int, classes: tuple[str, ...] = ("Car", "tractor")) -> Drawn:
    """Draw a box of each class side by side: pixels (H, W, 3) RGB, and (class, corners)."""
    rng = np.random.default_rng(seed)
    ground = rng.integers(90, 150, (3, 4, 3)).astype(np.uint8)
    picture = np.asarray(cv2.resize(ground, (WIDTH, HEIGHT)), np.uint8)
    objects = []
    for column, label in enumerate(classes):
        x, y = 6 + column * 62 + int(rng.integers(0, 12)), int(rng.integers(4, 40))
        w, h = int(rng.integers(28, 42)), int(rng.integers(28, 50))
        cv2.rectangle(picture, (x, y), (x + w - 1, y + h - 1), COLOURS[label], -1)
        objects.append((label, (x, y, x + w, y + h)))
    return picture, objects


def write_yolo(folder: Path, count: int, classes: tuple[str, ...] = ("Car", "tractor")) -> Path:
    """Write a YOLO folder."""
    for name in ("images", "labels"):
        (folder / name).mkdir(parents=True)
    (folder / "classes.txt").write_text("\n".join(classes) + "\n")
    for number in range(count):
        picture, objects = draw_boxes(number, classes)
        cv2.imwrite(str(folder / "images" / f"{number:04d}.png"), picture[..., ::-1])
        rows = [
            f"{classes.index(label)} {(x0 + x1) / 2 / WIDTH} {(y0 + y1) / 2 / HEIGHT} "
            f"{(x1 - x0) / WIDTH} {(y1 - y0) / HEIGHT}"
            for label, (x0, y0, x1, y1) in objects
        ]
        (folder / "labels" / f"{number:04d}.txt").write_text("\n".join(rows) + "\n")
    return folder


def write_coco(folder: Path, count: int) -> Path:
    """Write COCO JSON beside a folder of pictures; return its path."""
    (folder / "images").mkdir(parents=True)
    classes = {"Car": 3, "tractor": 7}
    images, annotations = [], []
    for number in range(count):
        picture, objects = draw_boxes(number)
        name = f"images/{number:04d}.png"
        cv2.imwrite(str(folder / name), picture[..., ::-1])
        images.append({"id": number, "file_name": name, "width": WIDTH, "height": HEIGHT})
        for label, (x0, y0, x1, y1) in objects:
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": classes[label],
                    "bbox": [x0, y0, x1 - x0, y1 - y0],
                }
            )
    categories = [{"id": identity, "name": name} for name, identity in classes.items()]
    path = folder / "result.json"
    path.write_text(
        json.dumps({"images": images, "annotations": annotations, "categories": categories})
    )
    return path


def drawn_street(folder: Path, known: np.ndarray) -> StreetPicture:
    """Draw a picture whose only label is its car; `known` are the classes that it labels."""
    folder = write_yolo(folder, 1)
    boxes = np.array([draw_boxes(0)[1][0][1]], np.float32)
    return StreetPicture(
        folder / "images" / "0000.png", "user", boxes, np.array([CLASSES.index("car")]), known
    )
