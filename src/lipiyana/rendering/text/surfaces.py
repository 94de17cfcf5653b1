"""Paints a line of text on its surface, from the front: signs, plates, old or new print."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from lipiyana.arrays import RgbArray
from lipiyana.rendering.effects import backgrounds, palettes
from lipiyana.rendering.effects.backgrounds import Canvas, clutter, plain
from lipiyana.rendering.effects.camera import Field, smooth_noise, to_three_channels
from lipiyana.rendering.effects.palettes import Palette
from lipiyana.rendering.recipe import RenderRecipe
from lipiyana.rendering.text import lettering
from lipiyana.rendering.text.cropping import Margins
from lipiyana.rendering.text.shaping import Mask


def worn_ink(mask: Mask, rng: np.random.Generator, strength: float, line: float) -> Mask:
    """Make letters look printed with worn type: ragged edges, gaps, filled counters, fading.

    Args:
        mask: (H, W) uint8 ink.
        rng: random generator.
        strength: from 0, clean, to 1, barely legible.
        line: height of the line of text in pixels.

    Returns:
        (H, W) uint8 ink.
    """
    height, width = mask.shape
    spread = cv2.GaussianBlur(mask, (0, 0), rng.uniform(0.5, 1.3)).astype(np.float32) / 255
    inked = spread[spread > 0.2]
    # the blur lightens hairlines, but in print they are as dark as stems
    spread = np.minimum(spread / np.float32(np.percentile(inked, 80) if inked.size else 1), 1)
    grain = smooth_noise(rng, height, width, rng.uniform(1.2, 2.6)) * 0.5
    gaps = smooth_noise(rng, height, width, line * rng.uniform(0.06, 0.18)) * 0.5
    wear = np.float32(strength) * (grain + gaps)
    # a lower threshold thickens strokes and fills counters, a higher one breaks hairlines
    threshold = 0.5 + strength * rng.normal(-0.03, 0.08)
    ink = np.clip((spread - threshold + wear) * rng.uniform(1.5, 4) + 0.5, 0, 1)
    # no ink far from the letters
    ink *= np.clip(spread * 6, 0, 1)
    # the amount of ink varies from letter to letter
    pressure = smooth_noise(rng, height, width, line * rng.uniform(0.25, 0.8))
    faded = np.clip(strength * (0.2 + pressure * 0.8), 0, 0.65)
    return np.asarray(ink * (1 - faded) * 255, np.uint8)


def print_on_paper(mask: Mask, rng: np.random.Generator, strength: float) -> RgbArray:
    """Print ink on grey or yellowed paper: (H, W) uint8 to (H, W, 3) RGB."""
    height, width = mask.shape
    paper = np.float32(np.clip(rng.normal(210, 18), 160, 252))
    ink = np.float32(rng.gamma(2.2, 16))
    ground = paper + smooth_noise(rng, height, width, height * 0.7) * np.float32(12 * strength)
    fibre = rng.standard_normal((height, width), np.float32) * np.float32(rng.uniform(1, 7))
    ground = ground + fibre
    if rng.random() < 0.25 * strength:
        ghost = cv2.GaussianBlur(np.roll(mask[:, ::-1], height // 3, axis=0), (0, 0), 1.5)
        ground = ground - ghost * np.float32(rng.uniform(0.04, 0.2))
    alpha = mask.astype(np.float32) / 255
    grey: Field = (ground + (ink - ground) * alpha).astype(np.float32)
    if rng.random() < 0.2 * strength:
        grey = _salt_and_pepper(grey, rng, strength)
    if rng.random() < 0.15:
        grey = np.where(
            grey > paper * 0.65 + ink * 0.35 + rng.normal(0, 8), np.float32(245), np.float32(0)
        )
    page = to_three_channels(np.clip(grey, 0, 255))
    if rng.random() < 0.2:
        page *= np.array([1.0, rng.uniform(0.92, 1.0), rng.uniform(0.75, 1.0)], np.float32)
    return page.astype(np.uint8)


def _salt_and_pepper(grey: Field, rng: np.random.Generator, strength: float) -> Field:
    draws = rng.random(grey.shape, np.float32)
    share = np.float32(strength * rng.uniform(0.002, 0.03))
    out = np.where(draws < share, np.float32(20), grey)
    return np.where(draws > 1 - share, np.float32(250), out)


def plate_ground(
    rng: np.random.Generator,
    height: int,
    width: int,
    ink: tuple[int, int, int, int],
    palette: Palette,
) -> Canvas:
    """Draw a sheet with rim, bolts and the blue strip of a high-security plate, without letters.

    Args:
        rng: random generator.
        height: of the picture.
        width: of the picture.
        ink: x_min, y_min, x_max, y_max where the letters will be.
        palette: colours of letters and sheet.

    Returns:
        (height, width, 3) float32 RGB.
    """
    x0, y0, x1, y1 = ink
    row = y1 - y0
    canvas = clutter(rng, height, width).astype(np.float32) * np.float32(rng.uniform(0.3, 1))
    sheet = plain(rng, height, width, palette.ground)
    sheet += to_three_channels(smooth_noise(rng, height, width, row * 0.4) * np.float32(6))
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


_PAD = 0.9


@dataclass(frozen=True, slots=True)
class Scene:
    """Letters on their ground.

    Attributes:
        image: (H, W, 3) RGB.
        ink: x_min, y_min, x_max, y_max of the letters.
        margins: margins of the crop around the letters.
    """

    image: RgbArray
    ink: tuple[int, int, int, int]
    margins: Margins


def print_scene(
    rng: np.random.Generator, alpha: Mask, body: float, margins: Margins, strength: float
) -> Scene:
    """Draw a line of old print; `strength` is its wear, 0 to 1."""
    mask, ink = _padded(alpha, body)
    worn = worn_ink(mask, rng, strength, alpha.shape[0])
    return Scene(print_on_paper(worn, rng, strength), ink, margins)


def plate_scene(rng: np.random.Generator, alpha: Mask, body: float, margins: Margins) -> Scene:
    """Draw a row of a registration plate."""
    mask, ink = _padded(alpha, body)
    palette = palettes.plate_palette(rng)
    canvas = plate_ground(rng, mask.shape[0], mask.shape[1], ink, palette)
    if rng.random() < 0.5:
        lettering.emboss(canvas, mask, rng)
    lettering.paint(canvas, mask, palette.text)
    return Scene(_picture(canvas), ink, margins)


def sign_scene(
    rng: np.random.Generator, alpha: Mask, body: float, margins: Margins, recipe: RenderRecipe
) -> Scene:
    """Draw a line of a sign; if other text is drawn near it, the margins are widened to show it."""
    if rng.random() < recipe.curve:
        rise = float(rng.uniform(0.05, 0.35) * rng.choice([-1, 1], p=[0.35, 0.65]))
        alpha = lettering.arc(alpha, rise * min(body * 2, alpha.shape[1] * 0.5))
    mask, ink = _padded(alpha, body)
    height, width = mask.shape
    palette = palettes.sign_palette(rng, low_contrast=rng.random() < recipe.low_contrast)
    if rng.random() < recipe.textured:
        canvas = backgrounds.ground(
            rng, height, width, colour=palette.ground, text=palette.text, line=alpha.shape[0]
        )
    else:
        canvas = backgrounds.plain(rng, height, width, palette.ground)
    if rng.random() < recipe.neighbours:
        margins = _add_neighbours(rng, canvas, alpha, palette, margins)
    _letter(rng, canvas, mask, palette, body, recipe=recipe)
    return Scene(_picture(canvas), ink, margins)


def _padded(alpha: Mask, body: float) -> tuple[Mask, tuple[int, int, int, int]]:
    """Pad the ink on every side; return it with the box of the ink."""
    pad = int(body * _PAD)
    height, width = alpha.shape
    mask = cv2.copyMakeBorder(alpha, pad, pad, pad, pad, cv2.BORDER_CONSTANT)
    return np.asarray(mask, np.uint8), (pad, pad, pad + width, pad + height)


def _picture(canvas: Canvas) -> RgbArray:
    return np.clip(canvas, 0, 255).astype(np.uint8)


def _letter(
    rng: np.random.Generator,
    canvas: Canvas,
    mask: Mask,
    palette: Palette,
    body: float,
    *,
    recipe: RenderRecipe,
) -> None:
    outline = rng.random() < recipe.outline and palettes.stands_out(palette.accent, palette.text)
    contour = lettering.widened(mask, body * rng.uniform(0.03, 0.1)) if outline else mask
    if rng.random() < recipe.glow:
        lettering.glow(canvas, mask, rng, body, palette.text)
    if rng.random() < recipe.shadow:
        lettering.shadow(canvas, contour, rng, body)
    if rng.random() < recipe.extrude:
        dark = palette.text * np.float32(rng.uniform(0.3, 0.7))
        side = palette.accent if rng.random() < 0.4 else dark
        lettering.extrude(canvas, contour, rng, body, side)
    if outline:
        lettering.paint(canvas, contour, palette.accent)
    fill = palette.text
    if rng.random() < recipe.gradient:
        other = np.clip(palette.text + rng.normal(0, 45, 3), 0, 255).astype(np.float32)
        fill = lettering.gradient(palette.text, other, mask.shape[0])
    lettering.paint(canvas, mask, fill, float(rng.uniform(0.85, 1)))
    if rng.random() < recipe.two_colours and palettes.stands_out(palette.accent, palette.ground):
        part = mask.copy()
        if rng.random() < 0.6:
            part[:, int(rng.integers(part.shape[1])) :] = 0
        else:
            part[int(part.shape[0] * rng.uniform(0.4, 0.6)) :] = 0
        lettering.paint(canvas, part, palette.accent)


def _add_neighbours(
    rng: np.random.Generator, canvas: Canvas, alpha: Mask, palette: Palette, margins: Margins
) -> Margins:
    """Paint parts of other text beyond an edge, and widen that margin until they are visible."""
    height, width = alpha.shape
    full_height, full_width = canvas.shape[:2]
    pad = (full_height - height) // 2
    other = np.roll(alpha, int(rng.integers(width)), axis=1)
    sides = {name: getattr(margins, name) for name in ("top", "bottom", "left", "right")}
    reach = pad / height
    for name in rng.choice(list(sides), int(rng.integers(1, 3)), replace=False):
        sideways = name in ("left", "right")
        gap = rng.uniform(0.25, 0.5) * pad if sideways else rng.uniform(0.05, 0.4) * pad
        seen = rng.uniform(0.05, 0.25 if sideways else 0.4) * pad
        x = {"left": -width - gap, "right": width + gap}.get(str(name), 0.0)
        y = {"top": -height - gap, "bottom": height + gap}.get(str(name), 0.0)
        matrix = np.array([[1, 0, pad + x], [0, 1, pad + y]], np.float32)
        size = (full_width, full_height)
        mask = cv2.warpAffine(other, matrix, size, flags=cv2.INTER_NEAREST)
        colour = palette.text if rng.random() < 0.8 else palette.accent
        lettering.paint(canvas, np.asarray(mask, np.uint8), colour)
        sides[str(name)] = min((gap + seen) / height, reach)
    return Margins(**sides)
