"""Draws vehicles from behind as simple shaded shapes that carry plates and painted words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from lipiyana.rendering.streets.stage import Stage

DrawnVehicle = Literal["car", "auto_rickshaw", "motorcycle", "truck", "bus"]
Box = tuple[float, float, float, float]

_TYRE, _DARK, _GLASS = (26, 26, 28), (38, 38, 42), (52, 66, 78)
_LAMP, _INDICATOR = (196, 26, 30), (236, 130, 30)
_CAR_PAINTS = ((228, 230, 232), (176, 180, 186), (150, 24, 34), (34, 62, 120), (58, 60, 64),
               (122, 88, 60), (206, 210, 204))  # fmt: skip
WIDTHS_MM: Mapping[DrawnVehicle, float] = {
    "car": 1700, "auto_rickshaw": 1300, "motorcycle": 720, "truck": 2450, "bus": 2500,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Places:
    """Positions on a drawn vehicle, in pixels.

    Attributes:
        plate: centre of the plate.
        words: box of the painted words x_min, y_min, x_max, y_max; None if it has no such area.
    """

    plate: tuple[float, float]
    words: Box | None = None


def draw_vehicle(
    stage: Stage,
    rng: np.random.Generator,
    kind: DrawnVehicle,
    *,
    x: float,
    ground: float,
    width: float,
) -> Places:
    """Draw a vehicle with its wheels at `ground`.

    Args:
        stage: to draw on.
        rng: random generator for the paints.
        kind: kind of vehicle.
        x: horizontal centre in pixels.
        ground: y of the road below its wheels.
        width: of the vehicle in pixels.
    """
    reach = width * 0.56
    stage.ellipse(x, ground, reach, width * 0.07, (20, 20, 22), opacity=0.6, soft=width * 0.03)
    return _DRAWERS[kind](stage, rng, x, ground, width)


def _wheels(stage: Stage, x: float, ground: float, w: float, *, apart: float, size: float) -> None:
    for side in (-1, 1):
        cx = x + side * apart * w
        stage.box(cx - size * w / 2, ground - size * w * 1.7, cx + size * w / 2, ground, _TYRE,
                  radius=size * w * 0.3, shade=12)  # fmt: skip


def _lamps(
    stage: Stage, x: float, y: float, w: float, *, apart: float, size: tuple[float, float]
) -> None:
    for side in (-1, 1):
        cx = x + side * apart * w
        half, tall = size[0] * w / 2, size[1] * w
        stage.box(cx - half, y, cx + half, y + tall, _LAMP, radius=half * 0.6, shade=26)
        stage.box(cx - half * 0.7, y + tall * 0.66, cx + half * 0.7, y + tall * 0.92, _INDICATOR,
                  radius=half * 0.3)  # fmt: skip


def _car(stage: Stage, rng: np.random.Generator, x: float, g: float, w: float) -> Places:
    paint = np.array(_CAR_PAINTS[int(rng.integers(len(_CAR_PAINTS)))], np.float32)
    _wheels(stage, x, g, w, apart=0.385, size=0.14)
    roof = [
        (x - 0.33 * w, g - 0.84 * w),
        (x + 0.33 * w, g - 0.84 * w),
        (x + 0.45 * w, g - 0.52 * w),
        (x - 0.45 * w, g - 0.52 * w),
    ]
    stage.polygon(roof, paint, shade=14)
    glass = [
        (x - 0.29 * w, g - 0.8 * w),
        (x + 0.29 * w, g - 0.8 * w),
        (x + 0.37 * w, g - 0.555 * w),
        (x - 0.37 * w, g - 0.555 * w),
    ]
    stage.polygon(glass, _GLASS, shade=26)
    stage.polygon([glass[0], (x - 0.05 * w, g - 0.8 * w), (x - 0.2 * w, g - 0.555 * w), glass[3]],
                  (150, 170, 186), opacity=0.25)  # fmt: skip
    stage.box(x - 0.5 * w, g - 0.57 * w, x + 0.5 * w, g - 0.1 * w, paint, radius=0.08 * w, shade=24)
    _lamps(stage, x, g - 0.53 * w, w, apart=0.425, size=(0.12, 0.17))
    stage.box(x - 0.3 * w, g - 0.53 * w, x + 0.3 * w, g - 0.515 * w, paint * 0.6)
    recess = (x - 0.24 * w, g - 0.47 * w, x + 0.24 * w, g - 0.28 * w)
    stage.box(*recess, paint * 0.72, radius=0.02 * w, shade=-10)
    stage.box(
        x - 0.49 * w, g - 0.2 * w, x + 0.49 * w, g - 0.07 * w, _DARK, radius=0.04 * w, shade=14
    )
    for side in (-1, 1):
        stage.box(x + side * 0.4 * w - 0.05 * w, g - 0.17 * w, x + side * 0.4 * w + 0.05 * w,
                  g - 0.14 * w, (150, 24, 26))  # fmt: skip
    return Places((x, g - 0.372 * w))


def _auto_rickshaw(stage: Stage, rng: np.random.Generator, x: float, g: float, w: float) -> Places:
    green = np.array([24, 112, 66], np.float32) + rng.normal(0, 8, 3).astype(np.float32)
    yellow = np.array([240, 188, 34], np.float32)
    black = np.array([34, 34, 36], np.float32)
    body, hood = [(green, yellow), (yellow, black), (green, black)][int(rng.integers(3))]
    _wheels(stage, x, g, w, apart=0.4, size=0.11)
    top = [
        (x - 0.36 * w, g - 1.32 * w),
        (x + 0.36 * w, g - 1.32 * w),
        (x + 0.46 * w, g - 1.2 * w),
        (x + 0.49 * w, g - 0.62 * w),
        (x - 0.49 * w, g - 0.62 * w),
        (x - 0.46 * w, g - 1.2 * w),
    ]
    stage.polygon(top, hood, shade=20)
    stage.box(
        x - 0.27 * w, g - 1.2 * w, x + 0.27 * w, g - 0.94 * w, _GLASS, radius=0.05 * w, shade=24
    )
    for seam in (-0.3, 0.3):
        stage.line(
            (x + seam * w, g - 1.3 * w), (x + seam * 1.35 * w, g - 0.64 * w), 0.012 * w, hood * 0.7
        )
    stage.box(x - 0.5 * w, g - 0.72 * w, x + 0.5 * w, g - 0.14 * w, body, radius=0.09 * w, shade=22)
    stage.box(x - 0.5 * w, g - 0.68 * w, x + 0.5 * w, g - 0.64 * w, body * 0.7)
    _lamps(stage, x, g - 0.58 * w, w, apart=0.4, size=(0.09, 0.13))
    stage.box(
        x - 0.48 * w,
        g - 0.16 * w,
        x + 0.48 * w,
        g - 0.1 * w,
        (120, 122, 126),
        radius=0.02 * w,
        shade=18,
    )
    return Places((x, g - 0.37 * w))


def _motorcycle(stage: Stage, rng: np.random.Generator, x: float, g: float, w: float) -> Places:
    paints = np.array([(170, 30, 36), (40, 70, 130), (50, 50, 54), (190, 190, 186)], np.float32)
    tank = paints[int(rng.integers(4))]
    for side in (-1, 1):
        bar = (x + side * 0.46 * w, g - 1.32 * w)
        stage.line((x + side * 0.1 * w, g - 1.18 * w), bar, 0.045 * w, _DARK)
        stage.line(bar, (x + side * 0.42 * w, g - 1.5 * w), 0.02 * w, _DARK)
        stage.ellipse(x + side * 0.44 * w, g - 1.55 * w, 0.11 * w, 0.07 * w, _DARK, shade=20)
        stage.line(
            (x + side * 0.12 * w, g - 0.3 * w),
            (x + side * 0.3 * w, g - 0.3 * w),
            0.035 * w,
            (110, 112, 116),
        )
    stage.ellipse(x, g - 1.22 * w, 0.26 * w, 0.14 * w, tank, shade=34)
    stage.box(x - 0.1 * w, g - 0.95 * w, x + 0.1 * w, g, _TYRE, radius=0.09 * w, shade=14)
    stage.box(
        x - 0.3 * w,
        g - 1.16 * w,
        x + 0.3 * w,
        g - 0.96 * w,
        (30, 28, 30),
        radius=0.08 * w,
        shade=14,
    )
    stage.box(x - 0.2 * w, g - 1.0 * w, x + 0.2 * w, g - 0.86 * w, tank, radius=0.05 * w, shade=24)
    stage.box(
        x - 0.15 * w, g - 0.97 * w, x + 0.15 * w, g - 0.88 * w, _LAMP, radius=0.04 * w, shade=28
    )
    for side in (-1, 1):
        stage.ellipse(x + side * 0.26 * w, g - 0.93 * w, 0.05 * w, 0.045 * w, _INDICATOR, shade=16)
    stage.box(x - 0.14 * w, g - 0.88 * w, x + 0.14 * w, g - 0.48 * w, (34, 34, 36), radius=0.03 * w)
    return Places((x, g - 0.67 * w))


def _truck(stage: Stage, rng: np.random.Generator, x: float, g: float, w: float) -> Places:
    paints = np.array([(206, 92, 32), (186, 40, 36), (28, 92, 140), (190, 140, 40)], np.float32)
    body = paints[int(rng.integers(4))]
    _wheels(stage, x, g, w, apart=0.36, size=0.2)
    stage.box(x - 0.5 * w, g - 1.18 * w, x + 0.5 * w, g - 0.3 * w, body, radius=0.015 * w, shade=16)
    for i in range(1, 5):
        y = g - 1.18 * w + i * 0.135 * w
        stage.box(x - 0.5 * w, y, x + 0.5 * w, y + 0.012 * w, body * 0.62)
    for side in (-0.485, -0.17, 0.17, 0.485):
        stage.box(
            x + side * w - 0.014 * w,
            g - 1.18 * w,
            x + side * w + 0.014 * w,
            g - 0.3 * w,
            body * 0.55,
        )
    words = (x - 0.43 * w, g - 0.88 * w, x + 0.43 * w, g - 0.63 * w)
    stage.box(*words, body * 0.5 + 10, radius=0.01 * w, shade=6)
    stage.box(
        x - 0.5 * w,
        g - 0.44 * w,
        x + 0.5 * w,
        g - 0.22 * w,
        (48, 50, 54),
        radius=0.01 * w,
        shade=12,
    )
    for i in range(12):
        left = x - 0.5 * w + i * w / 12
        stripe = [
            (left, g - 0.24 * w),
            (left + w / 24, g - 0.24 * w),
            (left + w / 12, g - 0.19 * w),
            (left + w / 24, g - 0.19 * w),
        ]
        stage.polygon(stripe, (236, 190, 40))
    _lamps(stage, x, g - 0.41 * w, w, apart=0.4, size=(0.11, 0.1))
    return Places((x, g - 0.335 * w), words)


def _bus(stage: Stage, rng: np.random.Generator, x: float, g: float, w: float) -> Places:
    paints = np.array([(192, 36, 44), (30, 110, 70), (36, 84, 150), (216, 128, 40)], np.float32)
    body = paints[int(rng.integers(4))]
    _wheels(stage, x, g, w, apart=0.36, size=0.17)
    stage.box(x - 0.5 * w, g - 1.3 * w, x + 0.5 * w, g - 0.16 * w, body, radius=0.06 * w, shade=18)
    stage.box(x - 0.5 * w, g - 0.66 * w, x + 0.5 * w, g - 0.58 * w, (236, 232, 218), shade=8)
    stage.box(
        x - 0.4 * w, g - 1.02 * w, x + 0.4 * w, g - 0.7 * w, _GLASS, radius=0.04 * w, shade=26
    )
    words = (x - 0.36 * w, g - 1.24 * w, x + 0.36 * w, g - 1.06 * w)
    stage.box(*words, (22, 22, 26), radius=0.015 * w)
    _lamps(stage, x, g - 0.52 * w, w, apart=0.43, size=(0.08, 0.2))
    stage.box(
        x - 0.5 * w,
        g - 0.22 * w,
        x + 0.5 * w,
        g - 0.13 * w,
        (60, 62, 66),
        radius=0.02 * w,
        shade=12,
    )
    return Places((x, g - 0.38 * w), words)


_Drawer = Callable[[Stage, np.random.Generator, float, float, float], Places]
_DRAWERS: Mapping[DrawnVehicle, _Drawer] = {
    "car": _car,
    "auto_rickshaw": _auto_rickshaw,
    "motorcycle": _motorcycle,
    "truck": _truck,
    "bus": _bus,
}
