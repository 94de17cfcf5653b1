"""The stage of a street: a canvas for shaded shapes, and what stands behind signs and vehicles.

The canvas is drawn at twice the resolution so that edges are smooth. `draw_street` draws sky,
houses with shutters, poles, trees and the road on it.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from lipiyana.arrays import RgbArray
from lipiyana.rendering.effects.camera import smooth_noise
from lipiyana.rendering.plates.painting import Quad
from lipiyana.rendering.text.shaping import Mask

Colour = Sequence[float] | npt.NDArray[np.float32]
Points = Sequence[tuple[float, float]] | Quad

_FINE = 2
_WALLS = ((214, 196, 168), (198, 176, 152), (178, 190, 184), (220, 208, 190), (196, 164, 140),
          (170, 182, 196), (226, 206, 150), (204, 188, 196))  # fmt: skip
_SHUTTERS = ((96, 116, 128), (58, 98, 126), (122, 124, 124), (104, 74, 58), (54, 100, 84))


class Stage:
    """A canvas in coordinates of the finished picture. Later shapes cover earlier ones."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._canvas = np.zeros((height * _FINE, width * _FINE, 3), np.float32)

    def polygon(
        self,
        points: Points,
        colour: Colour,
        *,
        shade: float = 0.0,
        opacity: float = 1.0,
        soft: float = 0.0,
    ) -> None:
        """Fill a polygon.

        Args:
            points: its corners.
            colour: RGB.
            shade: added to `colour` at the top and subtracted at the bottom.
            opacity: 0 to 1.
            soft: blur radius of its edge in pixels.
        """
        corners = np.asarray(points, np.float32) * _FINE
        pad = int(np.ceil(soft * 3 * _FINE)) + 2
        low = np.floor(corners.min(axis=0)).astype(int) - pad
        high = np.ceil(corners.max(axis=0)).astype(int) + pad
        low = np.maximum(low, 0)
        high = np.minimum(high, (self.width * _FINE, self.height * _FINE))
        if (high <= low).any():
            return
        mask = np.zeros((high[1] - low[1], high[0] - low[0]), np.uint8)
        cv2.fillPoly(mask, [np.rint((corners - low) * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
        if soft:
            mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), soft * _FINE), np.uint8)
        part = self._canvas[low[1] : high[1], low[0] : high[0]]
        fill = np.asarray(colour, np.float32)[None, None, :]
        if shade:
            fill = fill + np.linspace(shade, -shade, len(part), dtype=np.float32)[:, None, None]
        alpha = mask.astype(np.float32)[:, :, None] * np.float32(opacity / 255)
        part += (fill - part) * alpha

    def box(
        self,
        x0: float,
        y0: float,
        x1: float,
        y1: float,
        colour: Colour,
        *,
        radius: float = 0.0,
        shade: float = 0.0,
        opacity: float = 1.0,
        soft: float = 0.0,
    ) -> None:
        """Fill an upright rectangle, with round corners where `radius` is not 0."""
        points: list[tuple[float, float]] = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
        r = min(radius, (x1 - x0) / 2, (y1 - y0) / 2)
        if r > 0:
            points = []
            for cx, cy, start in (
                (x0 + r, y0 + r, 180),
                (x1 - r, y0 + r, 270),
                (x1 - r, y1 - r, 0),
                (x0 + r, y1 - r, 90),
            ):
                for angle in np.radians(np.linspace(start, start + 90, 8)):
                    points.append((cx + r * float(np.cos(angle)), cy + r * float(np.sin(angle))))
        self.polygon(points, colour, shade=shade, opacity=opacity, soft=soft)

    def ellipse(
        self,
        x: float,
        y: float,
        rx: float,
        ry: float,
        colour: Colour,
        *,
        shade: float = 0.0,
        opacity: float = 1.0,
        soft: float = 0.0,
    ) -> None:
        """Fill an ellipse."""
        angles = np.linspace(0, 2 * np.pi, 48, endpoint=False)
        points = np.stack([x + rx * np.cos(angles), y + ry * np.sin(angles)], axis=1)
        self.polygon(points.astype(np.float32), colour, shade=shade, opacity=opacity, soft=soft)

    def line(
        self, start: tuple[float, float], end: tuple[float, float], width: float, colour: Colour
    ) -> None:
        """Draw a straight stroke."""
        along = np.subtract(end, start)
        across = np.array([-along[1], along[0]]) / max(float(np.hypot(*along)), 1e-6) * width / 2
        points = np.array([start + across, end + across, end - across, start - across], np.float32)
        self.polygon(points, colour)

    def add(self, change: npt.NDArray[np.float32]) -> None:
        """Add to every pixel; `change` (h, w, 1 or 3) is stretched over the picture."""
        size = (self.width * _FINE, self.height * _FINE)
        wide = cv2.resize(change, size, interpolation=cv2.INTER_LINEAR)
        self._canvas += wide.reshape(size[1], size[0], -1)

    def paste(
        self, image: RgbArray, alpha: Mask, source: Quad, target: Quad
    ) -> npt.NDArray[np.float64]:
        """Draw a flat picture, warped so that its points `source` move to `target`.

        Returns:
            The homography (3, 3) from the flat picture to the finished one.
        """
        matrix = cv2.getPerspectiveTransform(source.astype(np.float32), target.astype(np.float32))
        fine = np.diag([_FINE, _FINE, 1.0]) @ matrix
        height, width = alpha.shape
        ends = np.array([[[0, 0], [width, 0], [width, height], [0, height]]], np.float32)
        reached = cv2.perspectiveTransform(ends, fine)[0]
        low = np.maximum(np.floor(reached.min(axis=0)).astype(int) - 1, 0)
        high = np.ceil(reached.max(axis=0)).astype(int) + 1
        high = np.minimum(high, (self.width * _FINE, self.height * _FINE))
        size = (int(high[0] - low[0]), int(high[1] - low[1]))
        moved = np.array([[1, 0, -low[0]], [0, 1, -low[1]], [0, 0, 1]], np.float64) @ fine
        cover = cv2.warpPerspective(alpha, moved, size, flags=cv2.INTER_LINEAR)
        front = cv2.warpPerspective(
            image, moved, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        part = self._canvas[low[1] : high[1], low[0] : high[0]]
        part += (front - part) * (cover.astype(np.float32)[:, :, None] / 255)
        return np.asarray(matrix, np.float64)

    def picture(self) -> RgbArray:
        """Return the finished picture: (height, width, 3) RGB."""
        size = (self.width, self.height)
        small = cv2.resize(np.clip(self._canvas, 0, 255), size, interpolation=cv2.INTER_AREA)
        return np.asarray(np.rint(small), np.uint8)


def draw_street(stage: Stage, rng: np.random.Generator, horizon: float, *, open_road: bool) -> None:
    """Draw the street over the whole stage.

    Args:
        stage: to draw on.
        rng: random generator.
        horizon: y where houses or fields meet the road.
        open_road: draw a highway through fields instead of a row of shops.
    """
    width, height = stage.width, stage.height
    sky = np.array([150, 190, 226], np.float32) + rng.normal(0, 8, 3).astype(np.float32)
    stage.box(0, 0, width, horizon + 4, sky + 24, shade=-22)
    for _ in range(5):
        x, y = rng.uniform(0, width), rng.uniform(0, horizon * 0.5)
        stage.ellipse(
            x, y, rng.uniform(80, 220), rng.uniform(12, 34), (244, 246, 248), opacity=0.45, soft=18
        )
    if open_road:
        _fields(stage, rng, horizon)
    else:
        _houses(stage, rng, horizon)
    _road(stage, rng, horizon, open_road=open_road)
    grain = smooth_noise(rng, height, width, 3.0, octaves=2)[:, :, None] * np.float32(5)
    stage.add(grain)


def draw_pole(stage: Stage, x: float, top: float, ground: float, width: float) -> None:
    """Draw a lamp post or the post of a sign."""
    stage.box(x - width / 2, top, x + width / 2, ground, (112, 114, 118), shade=12)
    stage.box(x - width / 2, top, x - width / 6, ground, (158, 160, 164), opacity=0.7)


def _houses(stage: Stage, rng: np.random.Generator, horizon: float) -> None:
    x = -rng.uniform(0, 80)
    while x < stage.width:
        wide = rng.uniform(210, 380)
        wall = np.array(_WALLS[int(rng.integers(len(_WALLS)))], np.float32)
        top = horizon * rng.uniform(0.02, 0.22)
        stage.box(x, top, x + wide, horizon + 6, wall, shade=12)
        stage.box(x + wide - 10, top, x + wide, horizon + 6, wall * 0.8)
        stage.box(x, top, x + wide, top + 9, wall * 0.74)
        floor = horizon * 0.58
        for u in np.arange(0.1, 0.85, 0.28):
            left, right = x + u * wide, x + (u + 0.17) * wide
            sill = top + (floor - top) * 0.72
            head = top + (floor - top) * 0.26
            stage.box(left - 4, head - 4, right + 4, sill + 4, wall * 0.68)
            stage.box(left, head, right, sill, (70, 84, 92), shade=22)
            stage.box((left + right) / 2 - 2, head, (left + right) / 2 + 2, sill, wall * 0.86)
        _shop_front(stage, rng, (x + 14, horizon * 0.68, x + wide - 20, horizon + 4))
        x += wide
    for y in (0.1, 0.13):
        stage.line(
            (0, horizon * y),
            (stage.width, horizon * (y + rng.uniform(-0.04, 0.06))),
            1.3,
            (50, 50, 54),
        )


def _shop_front(
    stage: Stage, rng: np.random.Generator, box: tuple[float, float, float, float]
) -> None:
    x0, top, x1, ground = box
    if rng.random() < 0.55:
        shutter = np.array(_SHUTTERS[int(rng.integers(len(_SHUTTERS)))], np.float32)
        stage.box(x0, top, x1, ground, shutter, shade=8)
        for y in np.arange(top, ground, 9.0):
            stage.box(x0, y, x1, y + 2.5, shutter * 0.72)
        return
    stage.box(x0, top, x1, ground, (62, 54, 48), shade=-16)
    for row in range(3):
        y = top + (ground - top) * (0.2 + 0.26 * row)
        stage.box(x0 + 6, y, x1 - 6, y + 4, (150, 124, 92))
        for x in np.arange(x0 + 10, x1 - 18, 19.0):
            goods = rng.uniform(70, 220, 3).tolist()
            tall = rng.uniform(12, 24)
            stage.box(x, y - tall, x + rng.uniform(9, 15), y, goods, shade=8, radius=2)


def _fields(stage: Stage, rng: np.random.Generator, horizon: float) -> None:
    stage.polygon(
        [
            (0, horizon * 0.82),
            (stage.width * 0.3, horizon * 0.7),
            (stage.width * 0.65, horizon * 0.84),
            (stage.width, horizon * 0.74),
            (stage.width, horizon + 5),
            (0, horizon + 5),
        ],
        (126, 148, 150),
        shade=8,
    )
    stage.box(0, horizon * 0.93, stage.width, horizon + 6, (132, 148, 84), shade=10)
    for _ in range(16):
        x, size = rng.uniform(0, stage.width), rng.uniform(22, 52)
        leaf = np.array([66, 104, 58], np.float32) + rng.normal(0, 12, 3).astype(np.float32)
        stage.box(x - 3, horizon - size * 0.7, x + 3, horizon + 3, (88, 70, 52))
        for _ in range(4):
            dx, dy = rng.normal(0, size * 0.35), rng.normal(0, size * 0.22)
            stage.ellipse(x + dx, horizon - size + dy, size * 0.5, size * 0.4, leaf, shade=14)


def _road(stage: Stage, rng: np.random.Generator, horizon: float, *, open_road: bool) -> None:
    width, height = stage.width, stage.height
    verge = (150, 140, 112) if open_road else (168, 162, 152)
    stage.box(0, horizon, width, height, verge, shade=10)
    asphalt = np.array([92, 92, 94], np.float32) + np.float32(rng.normal(0, 5))
    left, right = (0.3, 0.7) if open_road else (-0.3, 1.3)
    edge = horizon if open_road else horizon + (height - horizon) * 0.13
    stage.polygon(
        [
            (width * left, edge),
            (width * right, edge),
            (width * 1.35, height),
            (-width * 0.35, height),
        ],
        asphalt,
        shade=-8,
    )
    for side in (-1, 1):
        far = width * (0.5 + side * (0.19 if open_road else 0.72))
        near = width * (0.5 + side * 0.8)
        stage.polygon(
            [(far, edge), (far + 3 * side, edge), (near + 14 * side, height), (near, height)],
            (222, 216, 200),
            opacity=0.8,
        )
    for begin in np.linspace(0.05, 0.9, 6):
        y0 = edge + (height - edge) * begin**1.6
        y1 = edge + (height - edge) * (begin + 0.07) ** 1.6
        half0, half1 = 1 + 7 * begin, 1 + 7 * (begin + 0.07)
        middle = width / 2
        stage.polygon(
            [
                (middle - half0, y0),
                (middle + half0, y0),
                (middle + half1, y1),
                (middle - half1, y1),
            ],
            (232, 228, 214),
            opacity=0.85,
        )
