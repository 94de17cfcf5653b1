"""Procedural textures of the surfaces behind letters: boards, walls, banners, metal."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from lipiyana.arrays import RgbArray
from lipiyana.rendering.effects.camera import smooth_noise, to_three_channels
from lipiyana.rendering.effects.palettes import Colour, contrast

Canvas = npt.NDArray[np.float32]
Texture = Callable[[np.random.Generator, Canvas, float], None]


def filled(height: int, width: int, colour: Colour) -> Canvas:
    """Return a canvas in one colour, (3,) RGB: (height, width, 3) float32."""
    canvas = np.empty((height, width, 3), np.float32)
    cv2.rectangle(canvas, (0, 0), (width, height), colour.tolist(), -1)
    return canvas


def plain(rng: np.random.Generator, height: int, width: int, colour: Colour) -> Canvas:
    """Draw a canvas in one colour or a slight gradient: (height, width, 3) float32 RGB."""
    canvas = filled(height, width, colour)
    if rng.random() < 0.4:
        swing = np.float32(rng.normal(0, 14))
        axis = int(rng.random() < 0.4)
        ramp = np.linspace(-1, 1, canvas.shape[axis], dtype=np.float32) * swing
        canvas += ramp[:, None, None] if axis == 0 else ramp[None, :, None]
    return canvas


def ground(
    rng: np.random.Generator,
    height: int,
    width: int,
    *,
    colour: Colour,
    text: Colour,
    line: float,
) -> Canvas:
    """Draw a textured surface on which `text` remains legible.

    Args:
        rng: random generator.
        height: in pixels.
        width: in pixels.
        colour: (3,) RGB of the surface.
        text: (3,) RGB of the letters.
        line: height of the line of text in pixels; the texture scales with it.

    Returns:
        (height, width, 3) float32 RGB, not clipped.
    """
    canvas = plain(rng, height, width, colour)
    odds = np.array([odd for _, odd in _TEXTURES])
    texture = _TEXTURES[int(rng.choice(len(_TEXTURES), p=odds / odds.sum()))][0]
    before = canvas.copy()
    texture(rng, canvas, line)
    # weaken a texture that would hide the letters
    room = min(1.0, 0.45 * contrast(text, colour) / (float(np.std(canvas - before)) * 2 + 1))
    canvas += (before - canvas) * np.float32(1 - room)
    return canvas


def clutter(rng: np.random.Generator, height: int, width: int) -> RgbArray:
    """Draw an out-of-focus background around a sign: (height, width, 3) RGB."""
    cells = (int(rng.integers(2, 5)), int(rng.integers(2, 7)), 3)
    grid = rng.uniform(20, 220, cells).astype(np.float32)
    grid = grid.mean(axis=2, keepdims=True) * np.float32(0.7) + grid * np.float32(0.3)
    how = cv2.INTER_CUBIC if rng.random() < 0.6 else cv2.INTER_NEAREST
    wide = cv2.resize(grid, (width, height), interpolation=how)
    return np.asarray(np.clip(wide, 0, 255), np.uint8)


def _grain(rng: np.random.Generator, canvas: Canvas, line: float) -> None:
    height, width = canvas.shape[:2]
    cell = line * np.exp(rng.uniform(np.log(0.02), np.log(0.4)))
    amount = np.float32(rng.uniform(6, 40))
    canvas += to_three_channels(smooth_noise(rng, height, width, cell, octaves=3) * amount)


def _bricks(rng: np.random.Generator, canvas: Canvas, line: float) -> None:
    height, width = canvas.shape[:2]
    course = max(3, int(line * rng.uniform(0.15, 0.5)))
    brick = int(course * rng.uniform(1.8, 3))
    joint = np.float32(rng.uniform(12, 45) * rng.choice([-1, 1]))
    for row, y in enumerate(range(int(rng.integers(-course, 0)), height, course)):
        canvas[max(y, 0) : max(y + 1, 0)] += joint
        for x in range(row % 2 * brick // 2, width, brick):
            canvas[max(y, 0) : max(y + course, 0), x : x + brick] += np.float32(rng.normal(0, 7))
            canvas[max(y, 0) : max(y + course, 0), x : x + 1] += joint
    _grain(rng, canvas, line)


def _planks(rng: np.random.Generator, canvas: Canvas, line: float) -> None:
    """Add joints of boards or tiles, or the waves of corrugated sheet, in one direction."""
    axis = int(rng.integers(2))
    step = max(3, int(line * np.exp(rng.uniform(np.log(0.12), np.log(1.5)))))
    if rng.random() < 0.4:
        wave = np.sin(np.arange(canvas.shape[axis]) * (2 * np.pi / step)).astype(np.float32)
        ridge = wave * np.float32(rng.uniform(8, 35))
        canvas += ridge[:, None, None] if axis == 0 else ridge[None, :, None]
        return
    dark = np.float32(rng.uniform(15, 70) * rng.choice([-1, 1], p=[0.8, 0.2]))
    start = int(rng.integers(step))
    if axis == 0:
        canvas[start::step] += dark
    else:
        canvas[:, start::step] += dark


def _metal(rng: np.random.Generator, canvas: Canvas, line: float) -> None:
    """Add brushed metal or wood grain: noise stretched in one direction."""
    height, width = canvas.shape[:2]
    rows = max(2, int(height / max(1.0, line * rng.uniform(0.01, 0.06))))
    columns = max(2, int(width / (line * rng.uniform(0.5, 3))))
    streaks = rng.standard_normal((rows, columns), np.float32) * np.float32(rng.uniform(4, 18))
    canvas += to_three_channels(
        cv2.resize(streaks, (width, height), interpolation=cv2.INTER_LINEAR)
    )


def _weave(rng: np.random.Generator, canvas: Canvas, _line: float) -> None:
    """Add the weave of a cloth banner."""
    height, width = canvas.shape[:2]
    step = int(rng.integers(2, 4))
    amount = np.float32(rng.uniform(3, 12))
    x = (np.arange(width) // step % 2).astype(np.float32)
    y = (np.arange(height) // step % 2).astype(np.float32)
    thread = rng.standard_normal((height, width), np.float32)
    canvas += to_three_channels((x[None, :] + y[:, None] - 1 + thread) * amount)


def _shapes(rng: np.random.Generator, canvas: Canvas, line: float) -> None:
    """Add printed shapes in other colours: discs, bands, triangles."""
    height, width = canvas.shape[:2]
    for _ in range(int(rng.integers(1, 5))):
        shade = np.clip(canvas[0, 0] + rng.normal(0, 50, 3), 0, 255).tolist()
        x, y = int(rng.integers(width)), int(rng.integers(height))
        kind = rng.integers(3)
        if kind == 0:
            cv2.circle(canvas, (x, y), max(2, int(line * rng.uniform(0.2, 2))), shade, -1)
        elif kind == 1:
            ends = (rng.uniform(-0.3, 1.3, (2, 2)) * (width, height)).astype(int).tolist()
            cv2.line(canvas, ends[0], ends[1], shade, max(1, int(line * rng.uniform(0.05, 0.8))))
        else:
            corners = (rng.normal(0, line, (3, 2)) + np.array([x, y])).astype(np.int32)
            cv2.fillPoly(canvas, [corners], shade)


def _bands(rng: np.random.Generator, canvas: Canvas, line: float) -> None:
    """Add the edge of the board, or another field of colour, above or below the text."""
    height = canvas.shape[0]
    colour = rng.uniform(10, 250, 3).astype(np.float32)
    edge = int(np.clip((height - line) / 2 - line * rng.uniform(-0.02, 0.25), 0, height))
    if rng.random() < 0.5:
        canvas[:edge] = colour
    else:
        canvas[height - edge :] = colour


_TEXTURES: tuple[tuple[Texture, float], ...] = (
    (_grain, 6), (_bricks, 1), (_planks, 2), (_metal, 1.5), (_weave, 2), (_shapes, 2),
    (_bands, 2.5),
)  # fmt: skip
