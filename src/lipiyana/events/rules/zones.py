"""Parts of a picture, and how long something stays in them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class ZoneShape:
    """A polygon; its corners are parts of the picture's width and height."""

    corners: tuple[tuple[float, float], ...]

    def contains(self, x: float, y: float) -> bool:
        """Whether a point is inside or on an edge of the bounding box that the polygon fills."""
        xs, ys = zip(*self.corners, strict=True)
        if not (min(xs) <= x <= max(xs) and min(ys) <= y <= max(ys)):
            return False
        return self._is_box or self._crossings(x, y) % 2 == 1

    def seconds_inside(self, places: Iterable[Place]) -> float:
        """Sum the time in the zone on straight ways from place to place."""
        return sum(self._on_the_way(one, other) for one, other in pairwise(places))

    @property
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

    def _on_the_way(self, one: Place, other: Place) -> float:
        if one.seconds is None or other.seconds is None:
            return 0.0
        parts = [(step + 0.5) / _STEPS for step in range(_STEPS)]
        inside = sum(
            self.contains(one.x + (other.x - one.x) * part, one.y + (other.y - one.y) * part)
            for part in parts
        )
        return max(0.0, other.seconds - one.seconds) * inside / _STEPS


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
