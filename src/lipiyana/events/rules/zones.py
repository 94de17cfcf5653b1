"""Parts of a picture, and how long something stays in them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Any

from pydantic import PlainValidator

_STEPS = 32
"""Parts of the way between two places, for the time spent in a zone on it."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where something was, as parts of the picture's width and height.

    Attributes:
        seconds: when, on any clock; None if that is not known.
        x, y: from the left and from the top, 0 to 1.
    """

    seconds: float | None
    x: float
    y: float


@dataclass(frozen=True)
class ZoneShape:
    """A polygon; its corners are parts of the picture's width and height."""

    corners: tuple[tuple[float, float], ...]

    def contains(self, x: float, y: float) -> bool:
        """Whether a point is in the polygon; on an edge it is, if that is of an upright box."""
        x_min, y_min, x_max, y_max = self._bounds
        if not (x_min <= x <= x_max and y_min <= y <= y_max):
            return False
        return self._is_box or self._crossings(x, y) % 2 == 1

    def seconds_inside(self, places: Iterable[Place]) -> float:
        """Sum the time in the zone on straight ways from place to place."""
        return sum(
            max(0.0, other.seconds - one.seconds) * self._part_inside(one, other)
            for one, other in pairwise(places)
            if one.seconds is not None and other.seconds is not None
        )

    @cached_property
    def _bounds(self) -> tuple[float, float, float, float]:
        xs, ys = zip(*self.corners, strict=True)
        return min(xs), min(ys), max(xs), max(ys)

    @cached_property
    def _is_box(self) -> bool:
        return len(self.corners) == 4 and all(
            one[0] == other[0] or one[1] == other[1]
            for one, other in pairwise((*self.corners, self.corners[0]))
        )

    def _crossings(self, x: float, y: float) -> int:
        """Count the edges that a ray from the point to the right crosses."""
        return sum(
            (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1
            for (x1, y1), (x2, y2) in pairwise((*self.corners, self.corners[0]))
        )

    def _part_inside(self, one: Place, other: Place) -> float:
        """Return which part of a straight way is in the polygon."""
        x_min, y_min, x_max, y_max = self._bounds
        begin, end = _clipped(one.x, other.x - one.x, x_min, x_max, (0.0, 1.0))
        begin, end = _clipped(one.y, other.y - one.y, y_min, y_max, (begin, end))
        if begin >= end or self._is_box:
            return max(0.0, end - begin)
        step = (end - begin) / _STEPS
        ways = (begin + (number + 0.5) * step for number in range(_STEPS))
        dx, dy = other.x - one.x, other.y - one.y
        return step * sum(self.contains(one.x + dx * way, one.y + dy * way) for way in ways)


def _clipped(
    start: float, length: float, least: float, most: float, way: tuple[float, float]
) -> tuple[float, float]:
    """Return the part of a way, from 0 to 1, on which one coordinate is between two numbers."""
    if length == 0:
        return way if least <= start <= most else (0.0, 0.0)
    ends = (least - start) / length, (most - start) / length
    return max(way[0], min(ends)), min(way[1], max(ends))


def _parse(value: Any) -> ZoneShape:
    if isinstance(value, ZoneShape):
        return value
    if not isinstance(value, list | tuple):
        raise ValueError("a zone is [x_min, y_min, x_max, y_max] or a list of corners [x, y]")
    if len(value) == 4 and all(_is_part(number) for number in value):
        x_min, y_min, x_max, y_max = value
        if not (x_min < x_max and y_min < y_max):
            raise ValueError("it goes from left to right and from top to bottom")
        return ZoneShape(((x_min, y_min), (x_max, y_min), (x_max, y_max), (x_min, y_max)))
    corners = [tuple(one) if isinstance(one, list | tuple) else () for one in value]
    if len(corners) < 3 or not all(len(one) == 2 and all(map(_is_part, one)) for one in corners):
        raise ValueError(
            "a zone is [x_min, y_min, x_max, y_max] or at least three corners [x, y]; all are "
            "parts of the picture, from 0 to 1"
        )
    return ZoneShape(tuple(corners))


def _is_part(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


Zone = Annotated[ZoneShape, PlainValidator(_parse)]
"""A zone of a file: four numbers, or at least three corners."""

WHOLE = _parse((0.0, 0.0, 1.0, 1.0))
