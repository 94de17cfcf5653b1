"""The ground of a registration plate around one row of characters."""

from __future__ import annotations

import cv2
import numpy as np

from lipiyana.rendering.effects.backgrounds import Canvas, clutter, plain
from lipiyana.rendering.effects.camera import smooth_noise, threefold
from lipiyana.rendering.effects.palettes import Palette


def plate_ground(
    rng: np.random.Generator,
    height: int,
    width: int,
    ink: tuple[int, int, int, int],
    palette: Palette,
) -> Canvas:
    """Sheet with its rim, bolts and the blue strip of a high-security plate, without letters.

    Args:
        rng: the source of chance.
        height: of the picture.
        width: of the picture.
        ink: x_min, y_min, x_max, y_max where the letters will be.
        palette: their colours.

    Returns:
        (height, width, 3) float32 RGB.
    """
    x0, y0, x1, y1 = ink
    row = y1 - y0
    canvas = clutter(rng, height, width).astype(np.float32) * np.float32(rng.uniform(0.3, 1))
    sheet = plain(rng, height, width, palette.ground)
    sheet += threefold(smooth_noise(rng, height, width, row * 0.4) * np.float32(6))
    edges = (rng.uniform(0.1, 0.5, 4) * row).astype(int)
    left, top = max(0, x0 - edges[0]), max(0, y0 - edges[1])
    right, bottom = min(width, x1 + edges[2]), min(height, y1 + edges[3])
    canvas[top:bottom, left:right] = sheet[top:bottom, left:right]
    if rng.random() < 0.6:
        thick = max(1, int(row * rng.uniform(0.02, 0.06)))
        inset = int(row * rng.uniform(0, 0.05))
        cv2.rectangle(
            canvas,
            (left + inset, top + inset),
            (right - 1 - inset, bottom - 1 - inset),
            palette.text.tolist(),
            thick,
        )
    strip = x0 - left - int(row * 0.12)
    if rng.random() < 0.35 and strip > row * 0.12:
        blue = (rng.uniform(0, 50), rng.uniform(40, 110), rng.uniform(130, 210))
        cv2.rectangle(canvas, (left, top), (left + strip, bottom - 1), blue, -1)
    if rng.random() < 0.4:
        _bolts(rng, canvas, ink, row)
    return canvas


def _bolts(
    rng: np.random.Generator, canvas: Canvas, ink: tuple[int, int, int, int], row: int
) -> None:
    x0, y0, x1, y1 = ink
    radius = max(1, int(row * rng.uniform(0.03, 0.08)))
    for _ in range(int(rng.integers(1, 4))):
        x = int(rng.uniform(x0, x1))
        y = int(rng.choice([y0 - radius * 2, y1 + radius * 2]))
        shade = float(rng.choice([rng.uniform(20, 90), rng.uniform(150, 220)]))
        cv2.circle(canvas, (x, y), radius, (shade, shade, shade), -1, cv2.LINE_AA)
