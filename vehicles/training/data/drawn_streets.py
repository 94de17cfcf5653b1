"""Rendered streets with drawn vehicles that have plates, to balance rendered scenes without any.

All vehicles and plates in them are labelled. Lorries, buses and two-wheelers have plates of two
rows, of which real pictures have hardly any boxes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from lipiyana.rendering.contents.boards import load_vocabularies
from lipiyana.rendering.fonts.families import FontLibrary
from lipiyana.rendering.streets.scenes import ScenePlan, VehiclePlan, render_scene
from lipiyana.rendering.streets.stage import Stage
from lipiyana.rendering.streets.vehicles import DrawnVehicle, draw_vehicle
from lipiyana.vehicles.detection.detector import PLATE
from lipiyana.vehicles.training.data.empty_scenes import scene_size, sign_plans
from lipiyana.vehicles.training.data.labels import CLASSES
from lipiyana.vehicles.training.data.street_pictures import StreetPicture

SOURCE = "drawn"

_NAMES: Mapping[DrawnVehicle, str] = {
    "car": "car", "auto_rickshaw": "auto_rickshaw", "motorcycle": "two_wheeler",
    "truck": "truck", "bus": "bus",
}  # fmt: skip
_WIDTHS: Mapping[DrawnVehicle, tuple[float, float]] = {
    "car": (0.15, 0.45), "auto_rickshaw": (0.12, 0.35), "motorcycle": (0.08, 0.25),
    "truck": (0.15, 0.4), "bus": (0.15, 0.4),
}  # fmt: skip
_GAP = 1.1


def drawn_streets(folder: Path, count: int, seed: int = 0) -> list[StreetPicture]:
    """Render pictures and labels into a folder; existing ones are reused.

    Args:
        folder: folder of the files `0000.jpg`, `0000.json` and so on.
        count: number of pictures.
        seed: random seed.

    Raises:
        LookupError: no installed font has the characters of a sign or a plate.
    """
    folder.mkdir(parents=True, exist_ok=True)
    known = np.ones(len(CLASSES), np.bool_)
    pictures = []
    for number in range(count):
        path = folder / f"{number:04d}.jpg"
        labels = path.with_suffix(".json")
        if not labels.exists():
            labels.write_text(json.dumps(_render(path, np.random.default_rng([seed, number]))))
        rows = json.loads(labels.read_text())
        boxes = np.array([box for _, box in rows], np.float32).reshape(-1, 4)
        classes = np.array([CLASSES.index(name) for name, _ in rows], np.int64)
        pictures.append(StreetPicture(path, SOURCE, boxes, classes, known))
    return pictures


def _render(path: Path, rng: np.random.Generator) -> list[tuple[str, list[float]]]:
    """Render a picture to a file; return names and boxes in pixels of its vehicles and plates."""
    width, height = scene_size(rng)
    vehicles = _vehicles(rng)
    plan = ScenePlan(
        width,
        height,
        rng.choice(["day", "day", "shadow", "haze", "night", "noise"]),
        bool(rng.random() < 0.4),
        sign_plans(rng, load_vocabularies()) if rng.random() < 0.6 else (),
        vehicles,
    )
    scene = render_scene(rng, FontLibrary.load(), plan)
    cv2.imwrite(str(path), np.ascontiguousarray(scene.image[:, :, ::-1]))
    labels = []
    for vehicle in vehicles:
        half, tall = vehicle.width * width / 2, vehicle.width * width * _height_of(vehicle.kind)
        x, ground = vehicle.x * width, vehicle.ground * height
        box = np.array([x - half, ground - tall, x + half, ground])
        labels.append((_NAMES[vehicle.kind], box.clip(0, [width, height] * 2).tolist()))
    for plate in scene.plates:
        corners = np.concatenate([plate.outline.min(0), plate.outline.max(0)])
        labels.append((PLATE, corners.astype(float).tolist()))
    return labels


def _vehicles(rng: np.random.Generator) -> tuple[VehiclePlan, ...]:
    """Plan vehicles side by side, so that none covers another."""
    plans: list[VehiclePlan] = []
    left = float(rng.uniform(0.02, 0.15))
    for _ in range(int(rng.integers(1, 4))):
        kind: DrawnVehicle = tuple(_NAMES)[int(rng.integers(len(_NAMES)))]
        width = float(rng.uniform(*_WIDTHS[kind]))
        if left + width > 0.98:
            break
        rows = int(rng.integers(1, 3))
        ground = float(rng.uniform(0.72, 0.97))
        plans.append(VehiclePlan(kind, left + width / 2, ground, width, rows=rows))
        left += width * _GAP + float(rng.uniform(0, 0.1))
    return tuple(plans)


@lru_cache(maxsize=8)
def _height_of(kind: DrawnVehicle) -> float:
    """Height of a drawn vehicle, relative to its width."""
    side, width, ground = 600, 200.0, 560.0
    blank, stage = Stage(side, side), Stage(side, side)
    draw_vehicle(stage, np.random.default_rng(0), kind, x=side / 2, ground=ground, width=width)
    changed = (stage.picture() != blank.picture()).any(axis=2)
    return float(ground - np.flatnonzero(changed.any(axis=1))[0]) / width
