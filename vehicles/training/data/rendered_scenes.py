"""Rendered pictures: scenes without vehicles or plates, and streets with drawn vehicles.

`empty_scenes` has streets with signs, walls, boards, arrows. They also show texts that look like
registrations but are not: telephone numbers, gate numbers, heights above sea level, the timestamp
of a camera.

`drawn_streets` balances them: its vehicles have plates, and all are labelled. Lorries, buses and
two-wheelers have plates of two rows, of which real pictures have hardly any boxes.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from lipiyana.arrays import RgbArray
from lipiyana.rendering.contents import numbers
from lipiyana.rendering.contents.boards import Vocabulary, load_vocabularies
from lipiyana.rendering.effects import backgrounds
from lipiyana.rendering.effects.palettes import sign_palette
from lipiyana.rendering.fonts.families import FontLibrary
from lipiyana.rendering.streets.scenes import ScenePlan, SignPlan, VehiclePlan, render_scene
from lipiyana.rendering.streets.signs import SignKind, SignLine, paint_sign
from lipiyana.rendering.streets.stage import Stage
from lipiyana.rendering.streets.vehicles import DrawnVehicle, draw_vehicle
from lipiyana.vehicles.detection.detector import PLATE
from lipiyana.vehicles.training.data.labels import CLASSES
from lipiyana.vehicles.training.data.street_pictures import StreetPicture, without_any

_EMPTY, _DRAWN = "rendered", "drawn"
"""Sources of the pictures."""

_SIZES = ((960, 720), (960, 540), (720, 960), (800, 800))
_SIGNS: tuple[SignKind, ...] = ("shop", "green", "blue", "milestone", "banner")
# languages whose scripts most machines have fonts for
_LANGUAGES: Mapping[str, str] = {
    "hi": "Deva", "mr": "Deva", "ne": "Deva", "bn": "Beng", "as": "Beng", "en": "Latn",
}  # fmt: skip
_PLACES = ((0.04, 0.08, 0.48, 0.4), (0.54, 0.1, 0.97, 0.36), (0.3, 0.42, 0.7, 0.66))
_NAMES: Mapping[DrawnVehicle, str] = {
    "car": "car", "auto_rickshaw": "auto_rickshaw", "motorcycle": "two_wheeler",
    "truck": "truck", "bus": "bus",
}  # fmt: skip
_WIDTHS: Mapping[DrawnVehicle, tuple[float, float]] = {
    "car": (0.15, 0.45), "auto_rickshaw": (0.12, 0.35), "motorcycle": (0.08, 0.25),
    "truck": (0.15, 0.4), "bus": (0.15, 0.4),
}  # fmt: skip
_GAP = 1.1


def empty_scenes(folder: Path, count: int, seed: int = 0) -> list[StreetPicture]:
    """Render pictures into a folder; existing ones are reused.

    Args:
        folder: folder of the files `0000.jpg` and so on.
        count: number of pictures.
        seed: random seed.

    Raises:
        LookupError: no installed font has the characters of a sign.
    """
    folder.mkdir(parents=True, exist_ok=True)
    library = FontLibrary.load()
    vocabularies = load_vocabularies()
    pictures = []
    for number in range(count):
        path = folder / f"{number:04d}.jpg"
        if not path.exists():
            rng = np.random.default_rng([seed, number])
            draw = _KINDS[number % len(_KINDS)]
            image = draw(rng, library, vocabularies)
            cv2.imwrite(str(path), np.ascontiguousarray(image[:, :, ::-1]))
        pictures.append(without_any(path, _EMPTY))
    return pictures


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
        pictures.append(StreetPicture(path, _DRAWN, boxes, classes, known))
    return pictures


def _street(
    rng: np.random.Generator, library: FontLibrary, words: Mapping[str, Vocabulary]
) -> RgbArray:
    """Render an empty street with some signs."""
    width, height = scene_size(rng)
    signs = sign_plans(rng, words)
    condition = rng.choice(["day", "shadow", "haze", "night", "noise"])
    plan = ScenePlan(width, height, condition, bool(rng.random() < 0.3), signs)
    return np.asarray(render_scene(rng, library, plan).image, np.uint8)


def sign_plans(rng: np.random.Generator, words: Mapping[str, Vocabulary]) -> tuple[SignPlan, ...]:
    """Plan one to three signs of a street."""
    places = [place for place in _PLACES if rng.random() < 0.7] or [_PLACES[0]]
    return tuple(SignPlan(_kind(rng), _lines(rng, words), place) for place in places)


def _wall(
    rng: np.random.Generator, library: FontLibrary, words: Mapping[str, Vocabulary]
) -> RgbArray:
    """Render a board, or letters alone, on a wall."""
    width, height = scene_size(rng)
    stage = _wall_stage(rng, width, height)
    wide, tall = width * rng.uniform(0.5, 1.1), height * rng.uniform(0.3, 1.0)
    kind: SignKind = "words" if rng.random() < 0.2 else _kind(rng)
    flat = paint_sign(rng, library, kind, _lines(rng, words), (round(wide), round(tall)))
    left, top = rng.uniform(-0.1, 0.5) * (width - wide), rng.uniform(0, 1) * (height - tall)
    corners = np.array([(0, 0), (wide, 0), (wide, tall), (0, tall)], np.float32)
    seen = corners + rng.normal(0, 0.03, (4, 2)) * (wide, tall) + (left, top)
    stage.paste(flat.image, flat.alpha, corners, seen.astype(np.float32))
    return stage.picture()


def _arrows(rng: np.random.Generator, _: FontLibrary, __: Mapping[str, Vocabulary]) -> RgbArray:
    """Render panels with arrows, bars and rings."""
    width, height = scene_size(rng)
    stage = _wall_stage(rng, width, height)
    for _panel in range(int(rng.integers(1, 5))):
        palette = sign_palette(rng)
        wide, tall = rng.uniform(0.15, 0.8) * width, rng.uniform(0.15, 0.8) * height
        x, y = rng.uniform(0, width - wide), rng.uniform(0, height - tall)
        ground, ink = palette.ground.tolist(), palette.text.tolist()
        stage.box(x, y, x + wide, y + tall, ground)
        middle, unit = np.array([x + wide / 2, y + tall / 2]), min(wide, tall)
        turn = rng.uniform(0, 2 * np.pi)
        turned = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        shapes = _SHAPES[int(rng.integers(len(_SHAPES)))]
        for shape in shapes:
            points = np.array(shape, np.float32) * unit * 0.8 @ turned.T + middle
            stage.polygon(points.astype(np.float32), ink)
        if rng.random() < 0.4:
            x, y = middle.tolist()
            stage.ellipse(x, y, unit * 0.42, unit * 0.42, ink, opacity=0.6)
    return stage.picture()


# polygons of each symbol, in a centred square of side 1
_SHAPES: tuple[tuple[tuple[tuple[float, float], ...], ...], ...] = (
    (((-0.5, -0.1), (0.1, -0.1), (0.1, -0.4), (0.5, 0), (0.1, 0.4), (0.1, 0.1), (-0.5, 0.1)),),
    (((-0.45, -0.4), (0.05, 0), (-0.45, 0.4), (-0.2, 0.4), (0.35, 0), (-0.2, -0.4)),),
    (((-0.5, 0.45), (0, -0.45), (0.5, 0.45)),),
    (((-0.5, -0.1), (0.5, -0.1), (0.5, 0.1), (-0.5, 0.1)),),
    (((-0.3, -0.5), (0.3, -0.5), (0.3, -0.2), (-0.3, -0.2)), ((-0.3, 0), (0.3, 0), (0, 0.5))),
)  # fmt: skip

_KINDS: tuple[
    Callable[[np.random.Generator, FontLibrary, Mapping[str, Vocabulary]], RgbArray], ...
] = (
    _street,
    _wall,
    _arrows,
    _wall,
)


def _wall_stage(rng: np.random.Generator, width: int, height: int) -> Stage:
    palette = sign_palette(rng)
    wall = backgrounds.ground(
        rng, height, width, colour=palette.ground, text=palette.text, line=rng.uniform(40, 200)
    )
    stage = Stage(width, height)
    whole = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    image = wall.clip(0, 255).astype(np.uint8)
    stage.paste(image, np.full((height, width), 255, np.uint8), whole, whole)
    return stage


def scene_size(rng: np.random.Generator) -> tuple[int, int]:
    """Draw the width and height of a rendered picture."""
    return _SIZES[int(rng.integers(len(_SIZES)))]


def _kind(rng: np.random.Generator) -> SignKind:
    return _SIGNS[int(rng.integers(len(_SIGNS)))]


def _lines(rng: np.random.Generator, words: Mapping[str, Vocabulary]) -> tuple[SignLine, ...]:
    """Draw the text of a sign: places and phrases of one language, and numbers in Latin digits."""
    text_rng = random.Random(int(rng.integers(1 << 30)))
    language = text_rng.choice(tuple(_LANGUAGES))
    # some phrases are templates
    texts = [t for t in (*words[language].phrases, *words[language].places) if "{" not in t]
    lines = [
        SignLine(text_rng.choice(texts), _LANGUAGES[language], text_rng.uniform(0.8, 1.6))
        for _ in range(text_rng.randint(1, 3))
    ]
    if text_rng.random() < 0.6:
        lines.append(SignLine(_number(text_rng), "Latn", text_rng.uniform(0.6, 1.4)))
    return tuple(lines)


def _number(text_rng: random.Random) -> str:
    """Draw a text with digits that is not a registration."""
    hour, minute, second = text_rng.randrange(24), text_rng.randrange(60), text_rng.randrange(60)
    day, month, year = (
        text_rng.randint(1, 28),
        text_rng.randint(1, 12),
        text_rng.randint(2012, 2030),
    )
    return text_rng.choice(
        (
            numbers.phone(text_rng),
            f"PH {numbers.phone(text_rng)}",
            f"GATE No.{text_rng.randint(1, 40)}",
            f"PLATFORM {text_rng.randint(1, 16)}",
            f"{day:02d}-{month:02d}-{year} {hour:02d}:{minute:02d}:{second:02d}",
            f"{hour:02d}:{minute:02d}",
            f"MSL {text_rng.randint(2, 2400)}.{text_rng.randint(0, 99):02d} M",
            f"SHOP No {text_rng.randint(1, 300)}",
            f"{text_rng.randint(1, 999)} KM",
            f"HOUSE {text_rng.randint(1, 99)}/{text_rng.randint(1, 400)}",
        )
    )


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
