"""Polygons and rectangles of the layout.

A `Rectangle` is (left, top, right, bottom) in whole pixels; right and bottom are outside of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from lipiyana.types import Point

Rectangle = tuple[int, int, int, int]
Rectangles = npt.NDArray[np.int32]


def clip(outline: Sequence[Point], frame: tuple[float, float, float, float]) -> tuple[Point, ...]:
    """Cut a polygon to a frame (left, top, right, bottom): `()` if nothing of it is inside.

    An infinite side of the frame cuts nothing.

    Points, lines and polygons that cross themselves are cut too. A polygon with a coordinate
    that is not finite has no place: `()`.
    """
    points = [(float(x), float(y)) for x, y in outline]
    if not all(math.isfinite(value) for point in points for value in point):
        return ()
    left, top, right, bottom = frame
    sides: tuple[tuple[int, Callable[[float], float], float], ...] = (
        (0, lambda x: x - left, left),
        (0, lambda x: right - x, right),
        (1, lambda y: y - top, top),
        (1, lambda y: bottom - y, bottom),
    )
    for axis, inside, limit in sides:
        if math.isfinite(limit):
            points = _clip_side(points, axis, inside, limit)
    return tuple(points)


def _clip_side(
    points: list[Point], axis: int, inside: Callable[[float], float], limit: float
) -> list[Point]:
    kept: list[Point] = []
    for index, point in enumerate(points):
        before = points[index - 1]
        if (inside(point[axis]) >= 0) != (inside(before[axis]) >= 0):
            # halves, so that the difference of two large coordinates is finite
            span = point[axis] / 2 - before[axis] / 2
            share = (limit / 2 - before[axis] / 2) / span if span else 0.0  # 0 of denormal ones
            other = before[1 - axis] * (1 - share) + point[1 - axis] * share
            kept.append((limit, other) if axis == 0 else (other, limit))
        if inside(point[axis]) >= 0:
            kept.append(point)
    return kept


def bounds(outline: Sequence[Point]) -> Rectangle:
    """Give the pixels that a polygon touches, at least one."""
    xs, ys = [x for x, _ in outline], [y for _, y in outline]
    return (
        math.floor(min(xs)),
        math.floor(min(ys)),
        math.floor(max(xs)) + 1,
        math.floor(max(ys)) + 1,
    )


def slices(outline: Sequence[Point], count: int, level: float) -> list[Rectangle]:
    """Cover a polygon with rectangles: one where it is level, else up to `count` slices.

    Args:
        outline: the polygon; one that crosses itself is covered with what it encloses.
        count: the most slices.
        level: area of the bounds by the polygon's up to which it counts as level.
    """
    whole = bounds(outline)
    width, height = whole[2] - whole[0], whole[3] - whole[1]
    if width * height <= level * max(_area(outline), 1.0):
        return [whole]
    count = min(count, max(width, height))
    pieces = []
    for index in range(count):
        if width >= height:
            from_, to = (whole[0] + width * i // count for i in (index, index + 1))
            frame = (float(from_), -math.inf, float(to), math.inf)
        else:
            from_, to = (whole[1] + height * i // count for i in (index, index + 1))
            frame = (-math.inf, float(from_), math.inf, float(to))
        if piece := clip(outline, frame):
            pieces.append(bounds(piece))
    return pieces or [whole]


def _area(outline: Sequence[Point]) -> float:
    turned = zip(outline, [*outline[1:], outline[0]], strict=True)
    return abs(sum(x * next_y - next_x * y for (x, y), (next_x, next_y) in turned)) / 2


def touched(some: Rectangles, others: Rectangles, margin: int) -> npt.NDArray[np.intp]:
    """Count, for each of `some` (n, 4), those of `others` (m, 4) that it overlaps.

    Args:
        some: the rectangles to count for.
        others: the rectangles that are counted.
        margin: pixels by which `some` are widened.
    """
    a, b = some[:, None, :], others[None, :, :]
    apart = (
        (a[..., 0] - margin >= b[..., 2])
        | (b[..., 0] >= a[..., 2] + margin)
        | (a[..., 1] - margin >= b[..., 3])
        | (b[..., 1] >= a[..., 3] + margin)
    )
    return np.asarray((~apart).sum(axis=1))


def nearest_on(outline: Sequence[Point], point: Point) -> Point:
    """Find the point of a polygon's edges that is nearest to `point`."""
    x, y = point
    best, least = outline[0], math.inf
    for (ax, ay), (bx, by) in zip(outline, [*outline[1:], outline[0]], strict=True):
        dx, dy = bx - ax, by - ay
        length = dx * dx + dy * dy
        share = min(1.0, max(0.0, ((x - ax) * dx + (y - ay) * dy) / length)) if length else 0.0
        near = (ax + share * dx, ay + share * dy)
        distance = (near[0] - x) ** 2 + (near[1] - y) ** 2
        if distance < least:
            best, least = near, distance
    return best


def crossed(start: Point, end: Point, rectangles: Rectangles) -> npt.NDArray[np.bool_]:
    """Say which rectangles the line from `start` to `end` runs through (Liang and Barsky)."""
    enters = np.zeros(len(rectangles))
    leaves = np.ones(len(rectangles))
    for axis in (0, 1):
        low, high = rectangles[:, axis], rectangles[:, axis + 2]
        step = end[axis] - start[axis]
        if abs(step) < 1e-9:
            outside = (start[axis] < low) | (start[axis] > high)
            leaves = np.where(outside, -1.0, leaves)
        else:
            first, second = (low - start[axis]) / step, (high - start[axis]) / step
            enters = np.maximum(enters, np.minimum(first, second))
            leaves = np.minimum(leaves, np.maximum(first, second))
    return np.asarray(enters < leaves)
