"""Draws pictures of streets with signs and plates, with the position of every line of text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np

from lipiyana.arrays import RgbArray
from lipiyana.rendering.contents.plate_texts import PlateText, VehicleKind, random_registration
from lipiyana.rendering.effects import camera as effects
from lipiyana.rendering.fonts.families import FontLibrary
from lipiyana.rendering.plates.painting import Quad, paint_plate
from lipiyana.rendering.plates.pictures import project, random_view
from lipiyana.rendering.plates.styles import PlateStyle, random_style
from lipiyana.rendering.streets.signs import FlatSign, SignKind, SignLine, paint_sign
from lipiyana.rendering.streets.stage import Stage, draw_pole, draw_street
from lipiyana.rendering.streets.vehicles import WIDTHS_MM, DrawnVehicle, draw_vehicle
from lipiyana.types import PlateColour, RegistrationFormat

Condition = Literal["day", "shadow", "haze", "night", "motion", "noise"]

HORIZON = 0.56
_FLAT_SIGN_WIDTH = 1200
# plates of small vehicles are enlarged: at true scale they would be illegible at this resolution
_ENLARGED: Mapping[DrawnVehicle, float] = {
    "motorcycle": 1.9, "auto_rickshaw": 1.9, "truck": 1.5, "bus": 1.6,
}  # fmt: skip
_CARRIES: Mapping[DrawnVehicle, VehicleKind] = {
    "car": "car", "auto_rickshaw": "three_wheeler", "motorcycle": "two_wheeler", "truck": "heavy",
    "bus": "heavy",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class SignPlan:
    """A sign: kind, lines and box x_min, y_min, x_max, y_max, as fractions of the picture."""

    kind: SignKind
    lines: tuple[SignLine, ...]
    box: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class VehiclePlan:
    """A vehicle, its plate and its painted words.

    Attributes:
        kind: kind of vehicle.
        x: horizontal centre, as a fraction of the picture's width.
        ground: y of the road below its wheels, as a fraction of the picture's height.
        width: as a fraction of the picture's width.
        plate: registration format of its plate.
        rows: number of rows of the plate.
        script: Indic script of the plate, None for the format's own script.
        colour: colour of the plate, None for a random one.
        words: lines painted on the vehicle.
    """

    kind: DrawnVehicle
    x: float
    ground: float
    width: float
    plate: RegistrationFormat = RegistrationFormat.STANDARD
    rows: int = 1
    script: str | None = None
    colour: PlateColour | None = None
    words: tuple[SignLine, ...] = ()


@dataclass(frozen=True, slots=True)
class ScenePlan:
    """Content of a picture; `width` and `height` in pixels."""

    width: int
    height: int
    condition: Condition = "day"
    open_road: bool = False
    signs: tuple[SignPlan, ...] = ()
    vehicles: tuple[VehiclePlan, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class PlacedLine:
    """A line of text and its (4, 2) corners, clockwise from the top left."""

    text: str
    script: str
    quad: Quad


@dataclass(frozen=True, slots=True, eq=False)
class PlacedPlate:
    """A plate: its text, the corners of the plate (4, 2) and of its rows (rows, 4, 2)."""

    text: PlateText
    outline: Quad
    rows: Quad


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A finished picture, (height, width, 3) RGB, with its ground truth: lines and plates."""

    image: RgbArray
    plates: tuple[PlacedPlate, ...]
    lines: tuple[PlacedLine, ...]


def render_scene(rng: np.random.Generator, library: FontLibrary, plan: ScenePlan) -> Scene:
    """Draw a street; the same state of the generator gives the same picture.

    Raises:
        LookupError: no installed font has the characters of a sign or plate.
    """
    stage = Stage(plan.width, plan.height)
    draw_street(stage, rng, HORIZON * plan.height, open_road=plan.open_road)
    lines = [line for sign in plan.signs for line in _put_sign(stage, rng, library, plan, sign)]
    plates: list[PlacedPlate] = []
    for vehicle in sorted(plan.vehicles, key=lambda v: v.ground):
        plate, words = _put_vehicle(stage, rng, library, plan, vehicle)
        plates.append(plate)
        lines += words
    image = stage.picture()
    lit = [line.quad for line in lines] + [plate.outline for plate in plates]
    return Scene(_conditions(rng, image, plan.condition, lit), tuple(plates), tuple(lines))


def _put_sign(
    stage: Stage, rng: np.random.Generator, library: FontLibrary, plan: ScenePlan, sign: SignPlan
) -> list[PlacedLine]:
    scale = np.array([plan.width, plan.height, plan.width, plan.height])
    x0, y0, x1, y1 = (np.array(sign.box) * scale).tolist()
    width, height = x1 - x0, y1 - y0
    flat_height = round(_FLAT_SIGN_WIDTH * height / width)
    flat = paint_sign(rng, library, sign.kind, sign.lines, (_FLAT_SIGN_WIDTH, flat_height))
    target = random_view(rng, width, height, 0.55) + np.array([(x0 + x1) / 2, (y0 + y1) / 2])
    if sign.kind in ("green", "blue"):
        for u in (0.18, 0.82):
            draw_pole(stage, x0 + u * width, y0 + height * 0.3, HORIZON * plan.height + 26, 9)
    elif sign.kind in ("shop", "banner"):
        drop = target + np.array([3.0, 6.0])
        stage.polygon(drop.astype(np.float32), (20, 20, 20), opacity=0.5, soft=4)
    return _placed(stage, flat, target, sign.lines)


def _placed(
    stage: Stage, flat: FlatSign, target: Quad, lines: Sequence[SignLine]
) -> list[PlacedLine]:
    height, width = flat.alpha.shape
    source = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    matrix = stage.paste(flat.image, flat.alpha, source, target.astype(np.float32))
    quads = project(flat.lines, matrix)
    return [
        PlacedLine(line.text, line.script, quad) for line, quad in zip(lines, quads, strict=True)
    ]


def _put_vehicle(
    stage: Stage,
    rng: np.random.Generator,
    library: FontLibrary,
    plan: ScenePlan,
    vehicle: VehiclePlan,
) -> tuple[PlacedPlate, list[PlacedLine]]:
    x, ground = vehicle.x * plan.width, vehicle.ground * plan.height
    width = vehicle.width * plan.width
    places = draw_vehicle(stage, rng, vehicle.kind, x=x, ground=ground, width=width)
    words: list[PlacedLine] = []
    if vehicle.words and places.words:
        x0, y0, x1, y1 = places.words
        size = (_FLAT_SIGN_WIDTH, round(_FLAT_SIGN_WIDTH * (y1 - y0) / (x1 - x0)))
        flat = paint_sign(rng, library, "words", vehicle.words, size)
        target = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], np.float32)
        words = _placed(stage, flat, target, vehicle.words)
    text = random_registration(
        rng,
        vehicle.plate,
        rows=vehicle.rows,
        script=vehicle.script,
        vehicle=_CARRIES[vehicle.kind],
        colour=vehicle.colour,
    )
    style = _clean(random_style(rng, text, library, "all"))
    scale = width / WIDTHS_MM[vehicle.kind] * _ENLARGED.get(vehicle.kind, 1.25)
    fine = max(1.0, 3 * scale)
    flat_plate = paint_plate(rng, text, style, fine)
    wide, tall = style.width * scale, style.height * scale
    target = random_view(rng, wide, tall, 0.35) + np.array(places.plate)
    stage.polygon(
        (target + np.array([1.5, 3])).astype(np.float32), (10, 10, 10), opacity=0.5, soft=2
    )
    matrix = stage.paste(
        flat_plate.image, flat_plate.alpha, flat_plate.outline, target.astype(np.float32)
    )
    outline, rows = project(flat_plate.outline, matrix), project(flat_plate.rows, matrix)
    return PlacedPlate(text, outline, rows), words


def _clean(style: PlateStyle) -> PlateStyle:
    """Reduce what hides letters, because plates in scenes are small."""
    return replace(
        style, wear=style.wear * 0.3, dirt=style.dirt * 0.4, rust=0.0, bend=0.0, caption=""
    )


def _conditions(
    rng: np.random.Generator, image: RgbArray, condition: Condition, lit: Sequence[Quad]
) -> RgbArray:
    if condition == "shadow":
        image = effects.shadow_edge(image, rng, 0.9)
        image = effects.uneven_light(image, rng, 0.7)
    elif condition == "haze":
        veil = np.linspace(0.42, 0.14, image.shape[0], dtype=np.float32)[:, None, None]
        image = np.clip(image * (1 - veil) + 206 * veil, 0, 255).astype(np.uint8)
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), 0.8), np.uint8)
    elif condition == "night":
        image = _night(rng, image, lit)
    elif condition == "motion":
        kernel = np.zeros((7, 7), np.float32)
        kernel[3, 1:6] = 0.2
        image = np.asarray(cv2.filter2D(image, -1, kernel), np.uint8)
    elif condition == "noise":
        image = effects.sensor_noise(image, rng, 0.4)
    return np.asarray(cv2.GaussianBlur(image, (0, 0), 0.45), np.uint8)


def _night(rng: np.random.Generator, image: RgbArray, lit: Sequence[Quad]) -> RgbArray:
    """Darken the picture except around the lit areas."""
    height, width = image.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    light = np.full((height, width), 0.17, np.float32)
    for quad in lit:
        cx, cy = quad.mean(axis=0)
        rx, ry = (quad.max(axis=0) - quad.min(axis=0)) * np.array([0.9, 1.3]) + 46
        light += np.float32(0.8) * np.exp(-(((x - cx) / rx) ** 2) - ((y - cy) / ry) ** 2)
    tint = np.array([1.02, 0.92, 0.78], np.float32)
    picture = image * np.minimum(light, 1.0)[:, :, None] * tint
    picture += np.array([6, 9, 20], np.float32)
    for _ in range(4):
        cx, cy = rng.uniform(0, width), rng.uniform(0.05, 0.25) * height
        glow = np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / rng.uniform(200, 900))
        picture += glow[:, :, None] * np.array([230, 200, 130], np.float32)
    dark = np.clip(picture, 0, 255).astype(np.uint8)
    return effects.sensor_noise(dark, rng, 0.3)
