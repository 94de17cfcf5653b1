"""Places found in a picture that was shrunk or turned, in pixels of the picture as it came."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from lipiyana.types import Box, Point, Polygon, Recognition, TextLine, Word


def in_original_pixels(found: Recognition, width: int, height: int) -> Recognition:
    """Scale every place of a recognition to a picture of this size, which gets its sizes too."""
    if (found.image_width, found.image_height) == (width, height):
        return found
    x, y = width / found.image_width, height / found.image_height
    return replace(
        _moved(found, lambda point: (x * point[0], y * point[1])),
        image_width=width,
        image_height=height,
    )


def turned_back(found: Recognition, degrees: int) -> Recognition:
    """Move every place of a recognition to the picture as it was before it was turned.

    Corners stay in the order of the text: the first is the top of its first character.

    Args:
        found: in the picture that was turned.
        degrees: how far it was turned clockwise: 90, 180 or 270.
    """
    width, height = found.image_width, found.image_height
    backwards: dict[int, Callable[[Point], Point]] = {
        90: lambda point: (point[1], width - point[0]),
        180: lambda point: (width - point[0], height - point[1]),
        270: lambda point: (height - point[1], point[0]),
    }
    on_side = degrees != 180
    return replace(
        _moved(found, backwards[degrees]),
        image_width=height if on_side else width,
        image_height=width if on_side else height,
        rotation_degrees=degrees,
    )


def _moved(found: Recognition, point: Callable[[Point], Point]) -> Recognition:
    def polygon(of: Polygon) -> Polygon:
        a, b, c, d = map(point, of)
        return a, b, c, d

    def box(of: Box) -> Box:
        (x0, y0), (x1, y1) = point((of.x_min, of.y_min)), point((of.x_max, of.y_max))
        return Box(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))

    def words(of: tuple[Word, ...]) -> tuple[Word, ...]:
        return tuple(replace(word, polygon=polygon(word.polygon)) for word in of)

    def lines(of: tuple[TextLine, ...]) -> tuple[TextLine, ...]:
        return tuple(
            replace(line, polygon=polygon(line.polygon), words=words(line.words)) for line in of
        )

    return replace(
        found,
        vehicles=tuple(replace(one, box=box(one.box)) for one in found.vehicles),
        plates=tuple(
            replace(one, box=box(one.box), lines=lines(one.lines)) for one in found.plates
        ),
        text_lines=lines(found.text_lines),
    )
