"""Quadrilaterals: (4, 2) corners in pixels, clockwise from the text's top left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Quad = npt.NDArray[np.float64]


def rectangle(x_min: float, y_min: float, x_max: float, y_max: float) -> Quad:
    """Corners of an upright rectangle."""
    return np.array([[x_min, y_min], [x_max, y_min], [x_max, y_max], [x_min, y_max]], np.float64)


def area(quad: Quad) -> float:
    """Area of a quadrilateral (4, 2)."""
    return float(cv2.contourArea(quad.astype(np.float32)))


def shared_area(a: Quad, b: Quad) -> float:
    """Area that two convex quadrilaterals (4, 2) share."""
    return float(cv2.intersectConvexConvex(a.astype(np.float32), b.astype(np.float32))[0])


def part_of(quad: Quad, start: float, end: float) -> Quad:
    """Corners of the part of a quadrilateral between two shares of its length."""
    along = quad[[1, 2]] - quad[[0, 3]]
    left, right = quad[[0, 3]] + start * along, quad[[0, 3]] + end * along
    part: Quad = np.stack([left[0], right[0], right[1], left[1]])
    return part


def enclosing_quad(quads: Sequence[Quad]) -> Quad:
    """Corners of one rectangle around lines of one row, from left to right, along the row."""
    if len(quads) == 1:
        return quads[0]
    along = quads[-1][[1, 2]].mean(axis=0) - quads[0][[0, 3]].mean(axis=0)
    length = float(np.hypot(*along))
    along = along / length if length > 0 else np.array([1.0, 0.0])
    down = np.array([-along[1], along[0]])
    points = np.concatenate(quads)
    u, v = points @ along, points @ down
    corners = rectangle(u.min(), v.min(), u.max(), v.max())
    turned: Quad = corners @ np.stack([along, down])
    return turned


@dataclass(frozen=True, slots=True)
class Bounds:
    """The upright rectangle around a quadrilateral."""

    x_min: float
    y_min: float
    x_max: float
    y_max: float

    @classmethod
    def of(cls, corners: Quad) -> Bounds:
        """Enclose any number of points (n, 2)."""
        (x_min, y_min), (x_max, y_max) = corners.min(axis=0), corners.max(axis=0)
        return cls(float(x_min), float(y_min), float(x_max), float(y_max))

    @property
    def width(self) -> float:
        """Pixels."""
        return self.x_max - self.x_min

    @property
    def height(self) -> float:
        """Pixels."""
        return self.y_max - self.y_min
