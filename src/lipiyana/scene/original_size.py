"""Places that were found in a shrunk picture, in pixels of the picture as it came."""

from __future__ import annotations

from dataclasses import replace

from lipiyana.types import Box, Polygon, Recognition, TextLine


def in_original_pixels(found: Recognition, width: int, height: int) -> Recognition:
    """Scale every place of a recognition to a picture of this size, which gets its sizes too."""
    if (found.image_width, found.image_height) == (width, height):
        return found
    x, y = width / found.image_width, height / found.image_height

    def polygon(of: Polygon) -> Polygon:
        a, b, c, d = ((x * px, y * py) for px, py in of)
        return a, b, c, d

    def box(of: Box) -> Box:
        return Box(x * of.x_min, y * of.y_min, x * of.x_max, y * of.y_max)

    def lines(of: tuple[TextLine, ...]) -> tuple[TextLine, ...]:
        return tuple(replace(line, polygon=polygon(line.polygon)) for line in of)

    return replace(
        found,
        image_width=width,
        image_height=height,
        vehicles=tuple(replace(one, box=box(one.box)) for one in found.vehicles),
        plates=tuple(
            replace(one, box=box(one.box), lines=lines(one.lines)) for one in found.plates
        ),
        text_lines=lines(found.text_lines),
    )
