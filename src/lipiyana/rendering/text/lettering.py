"""Paints letters on a ground: fills, contours, shadows, sides, light."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from lipiyana.rendering.effects.backgrounds import Canvas, filled
from lipiyana.rendering.effects.camera import smooth_noise, to_three_channels
from lipiyana.rendering.effects.palettes import Colour
from lipiyana.rendering.text.shaping import Mask

Fill = npt.NDArray[np.float32]


def paint(canvas: Canvas, mask: Mask, fill: Fill, opacity: float = 1.0) -> None:
    """Blend a colour into `canvas` by `mask`, in place.

    Args:
        canvas: (H, W, 3) float32 RGB.
        mask: (H, W) uint8.
        fill: (3,), (H, 1, 3) or (H, W, 3) float32 RGB.
        opacity: factor on the mask, in [0, 1].
    """
    alpha = np.asarray(cv2.multiply(mask, np.array([opacity / 255]), dtype=cv2.CV_32F), np.float32)
    if fill.ndim == 1:
        top: Canvas = filled(mask.shape[0], mask.shape[1], fill)
    else:
        top = np.ascontiguousarray(np.broadcast_to(fill, canvas.shape))
    cv2.blendLinear(top, canvas, alpha, 1 - alpha, dst=canvas)


def shifted(mask: Mask, dx: int, dy: int) -> Mask:
    """Shift a mask to the right and down; what leaves the picture is lost."""
    matrix = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
    size = (mask.shape[1], mask.shape[0])
    return np.asarray(cv2.warpAffine(mask, matrix, size, flags=cv2.INTER_NEAREST), np.uint8)


def widened(mask: Mask, pixels: float) -> Mask:
    """Dilate a mask by about `pixels` on every side."""
    size = 2 * max(1, round(pixels)) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    return np.asarray(cv2.dilate(mask, kernel), np.uint8)


def swept(mask: Mask, dx: int, dy: int) -> Mask:
    """Return the area that a mask covers while it moves by (dx, dy)."""
    out = mask
    steps = max(abs(dx), abs(dy), 1)
    done = 0
    while done < steps:
        step = min(done + 1, steps - done)
        move = (round(dx * step / steps), round(dy * step / steps))
        out = np.maximum(out, shifted(out, *move))
        done += step
    return out


def shadow(canvas: Canvas, mask: Mask, rng: np.random.Generator, body: float) -> None:
    """Draw a soft or hard drop shadow, below and to one side."""
    dx = round(body * rng.uniform(0.03, 0.12) * rng.choice([-1, 1]))
    dy = round(body * rng.uniform(0.02, 0.12))
    cast = shifted(mask, dx, dy)
    if rng.random() < 0.6:
        cast = np.asarray(cv2.GaussianBlur(cast, (0, 0), body * rng.uniform(0.02, 0.08)), np.uint8)
    paint(canvas, cast, np.full(3, rng.uniform(0, 60), np.float32), rng.uniform(0.3, 0.9))


def extrude(
    canvas: Canvas, mask: Mask, rng: np.random.Generator, body: float, side: Colour
) -> None:
    """Draw the sides of three-dimensional letters, darker or in the colour `side`."""
    dx = round(body * rng.uniform(0.04, 0.14) * rng.choice([-1, 1]))
    dy = round(body * rng.uniform(0.02, 0.14) * rng.choice([-1, 1], p=[0.25, 0.75]))
    paint(canvas, swept(mask, dx, dy), side)


def emboss(canvas: Canvas, mask: Mask, rng: np.random.Generator) -> None:
    """Emboss the letters: brighten one edge and darken the other."""
    amount = np.float32(rng.uniform(30, 110))
    edge = cv2.subtract(shifted(mask, 1, 1), mask).astype(np.float32) / 255
    lit = cv2.subtract(shifted(mask, -1, -1), mask).astype(np.float32) / 255
    canvas += to_three_channels((lit - edge) * amount)


def glow(canvas: Canvas, mask: Mask, rng: np.random.Generator, body: float, light: Colour) -> None:
    """Draw a glow around the letters."""
    spread = body * rng.uniform(0.08, 0.35)
    halo = cv2.GaussianBlur(mask, (0, 0), spread)
    paint(canvas, np.asarray(halo, np.uint8), light, rng.uniform(0.4, 0.9))


def gradient(top: Colour, bottom: Colour, height: int) -> Fill:
    """Return a vertical gradient between two colours: (height, 1, 3)."""
    part = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    return np.asarray(top * (1 - part) + bottom * part, np.float32)


def hand_painted(mask: Mask, rng: np.random.Generator, body: float) -> Mask:
    """Make letters look hand-painted: slightly bent, with rounded corners and uneven strokes.

    Args:
        mask: (H, W) uint8.
        rng: random generator.
        body: body height in pixels.

    Returns:
        The changed mask, padded on every side.
    """
    room = max(2, round(body * 0.08))
    wide = cv2.copyMakeBorder(mask, room, room, room, room, cv2.BORDER_CONSTANT)
    height, width = wide.shape
    cell = body * rng.uniform(0.5, 1.6)
    bend = np.float32(body * rng.uniform(0.02, 0.08))
    x = smooth_noise(rng, height, width, cell) * bend + np.arange(width, dtype=np.float32)
    y = smooth_noise(rng, height, width, cell) * bend
    y += np.arange(height, dtype=np.float32)[:, None]
    bent = cv2.remap(wide, x, y, cv2.INTER_LINEAR)
    if rng.random() < 0.5:
        # thresholding the blurred letter rounds it and makes it bolder or thinner
        soft = cv2.GaussianBlur(bent, (0, 0), body * rng.uniform(0.02, 0.05)).astype(np.float32)
        level = 120 + smooth_noise(rng, height, width, body) * np.float32(25) + rng.normal(0, 15)
        bent = np.clip((soft - level) * 5 + 128, 0, 255)
    return np.asarray(bent, np.uint8)


def pen_strokes(mask: Mask, rng: np.random.Generator, body: float) -> Mask:
    """Give strokes two thicknesses, as written with a broad nib or set in old type.

    Args:
        mask: (H, W) uint8.
        rng: random generator.
        body: body height in pixels.

    Returns:
        A mask of the same shape and type. In thick letters the horizontal strokes, including the
        headline, become thin; thin letters get the strokes of a broad nib.
    """
    if (mask > 127).all():  # it has no edge to be far from
        return mask
    inside = cv2.distanceTransform((mask > 127).astype(np.uint8), cv2.DIST_L2, 3)
    # the mean distance to the edge is a quarter of a stroke's thickness
    stroke = 4 * float(inside[mask > 127].mean()) if (mask > 127).any() else 0.0
    if stroke > 0.13 * body and rng.random() < 0.65:
        length = round(min(stroke * rng.uniform(0.3, 0.7), stroke - 2))
        if length < 2:
            return mask
        upright = np.ones((length, 1), np.uint8)
        eroded = cv2.erode(mask, upright)
        # keep strokes that erosion would nearly remove
        intact = cv2.dilate(eroded, np.ones((length + 4, 1), np.uint8)) > 200
        return np.where(intact, eroded, mask)
    length = round(min(0.12 * body, 0.27 * body - stroke) * rng.uniform(0.5, 1))
    if length < 2:
        return mask
    angle = rng.choice([0.0, rng.uniform(0.4, 1.0), -rng.uniform(0.4, 1.0)], p=[0.5, 0.35, 0.15])
    nib = np.zeros((length, length), np.uint8)
    half = (length - 1) / 2
    dx, dy = half * np.cos(angle), -half * np.sin(angle)
    ends = [(round(half - dx), round(half - dy)), (round(half + dx), round(half + dy))]
    cv2.line(nib, ends[0], ends[1], 1)
    return np.asarray(cv2.dilate(mask, nib), np.uint8)


def arc(mask: Mask, rise: float) -> Mask:
    """Bend the line: its middle moves up by `rise` pixels (down if negative)."""
    height, width = mask.shape
    extra = int(np.ceil(abs(rise)))
    across = np.linspace(-1, 1, width, dtype=np.float32)
    offset = np.float32(max(0.0, rise)) - np.float32(rise) * (1 - across**2)
    x = np.arange(width, dtype=np.float32)[None, :].repeat(height + extra, axis=0)
    y = np.arange(height + extra, dtype=np.float32)[:, None] - offset[None, :]
    return np.asarray(cv2.remap(mask, x, y, cv2.INTER_LINEAR), np.uint8)
