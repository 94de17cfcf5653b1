"""A canvas for shaded shapes, drawn at twice the resolution so that edges are smooth."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from lipiyana.rendering.effects.camera import Image
from lipiyana.rendering.plates.painting import Quad
from lipiyana.rendering.text.shaping import Mask

Colour = Sequence[float] | npt.NDArray[np.float32]
Points = Sequence[tuple[float, float]] | Quad

_FINE = 2


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
        self, image: Image, alpha: Mask, source: Quad, target: Quad
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

    def picture(self) -> Image:
        """Return the finished picture: (height, width, 3) RGB."""
        size = (self.width, self.height)
        small = cv2.resize(np.clip(self._canvas, 0, 255), size, interpolation=cv2.INTER_AREA)
        return np.asarray(np.rint(small), np.uint8)
