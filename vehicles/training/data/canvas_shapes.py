"""Of what width and height the canvases are that a detector learns from."""

from __future__ import annotations

Shapes = tuple[tuple[tuple[int, int], float], ...]
"""(width, height) of canvases, and how many of each there are."""

SHAPES: Shapes = (
    ((704, 416), 0.41),
    ((640, 480), 0.15),
    ((544, 544), 0.08),
    ((480, 640), 0.06),
    ((416, 704), 0.05),
    ((288, 192), 0.13),
    ((288, 288), 0.06),
    ((192, 288), 0.06),
)
"""Width and height of canvases and how many of each there are: those of the first look at a
picture, all of about the same area, and those of the second (`detection/overview.py`).
"""
