"""Widths and heights of the training canvases, and their frequencies."""

from __future__ import annotations

Shapes = tuple[tuple[tuple[int, int], float], ...]
"""((width, height), frequency) of each canvas shape."""

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
"""Shapes of the first pass over a picture, all of about the same area, then those of the second
pass (`detection/overview.py`).
"""
