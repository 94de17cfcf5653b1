"""What years on the road do to a plate."""

from __future__ import annotations

import cv2
import numpy as np

from lipiyana.rendering.effects.backgrounds import Canvas
from lipiyana.rendering.effects.camera import smooth_noise
from lipiyana.rendering.plates.styles import PlateStyle


def age(rng: np.random.Generator, sheet: Canvas, style: PlateStyle, scale: float) -> None:
    """Put mud, rust and scratches on a sheet with its characters, in place."""
    height, width = sheet.shape[:2]
    if style.dirt:
        field = smooth_noise(rng, height, width, height * rng.uniform(0.2, 0.6), octaves=3)
        low = np.linspace(-0.5, 0.35, height, dtype=np.float32)[:, None]
        amount = np.clip(field + low - 0.25 + 0.5 * style.dirt, 0, 1) * np.float32(
            0.75 * style.dirt
        )
        mud = np.array([[122, 104, 82], [150, 138, 118], [92, 84, 74]], np.float32)[rng.integers(3)]
        sheet += (mud - sheet) * amount[:, :, None]
    if style.rust:
        field = smooth_noise(rng, height, width, max(3.0, 9 * scale), octaves=3)
        edge = np.ones((height, width), np.float32)
        inset = max(1, round(height * 0.09))
        edge[inset:-inset, inset:-inset] = 0
        edge = np.asarray(cv2.GaussianBlur(edge, (0, 0), inset), np.float32)
        spots = np.clip((field + edge * 0.9 - 0.75) * 3, 0, 1) * np.float32(0.8 * style.rust)
        sheet += (np.array([112, 62, 34], np.float32) - sheet) * spots[:, :, None]
    for _ in range(int(rng.poisson(2.5 * style.wear))):
        start = rng.uniform(0, 1, 2) * (width, height)
        end = start + rng.normal(0, 0.25, 2) * (width, height)
        shade = float(rng.choice([rng.uniform(60, 110), rng.uniform(180, 235)]))
        ends = [start.astype(int).tolist(), end.astype(int).tolist()]
        cv2.line(sheet, ends[0], ends[1], (shade, shade, shade), 1, cv2.LINE_AA)
