"""A line of text on what it stands on, seen from the front: signs, plates, printed pages."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from lipiyana.rendering.effects import backgrounds, palettes
from lipiyana.rendering.effects.backgrounds import Canvas
from lipiyana.rendering.effects.camera import Image
from lipiyana.rendering.effects.palettes import Palette
from lipiyana.rendering.plates.ground import plate_ground
from lipiyana.rendering.recipe import RenderRecipe
from lipiyana.rendering.text import lettering
from lipiyana.rendering.text.cropping import Margins
from lipiyana.rendering.text.paper import print_on_paper, worn_ink
from lipiyana.rendering.text.shaping import Mask

_PAD = 0.9


@dataclass(frozen=True, slots=True)
class Scene:
    """Letters on their ground.

    Attributes:
        image: (H, W, 3) RGB.
        ink: x_min, y_min, x_max, y_max of the letters.
        margins: how much of what is around them a crop is to show.
    """

    image: Image
    ink: tuple[int, int, int, int]
    margins: Margins


def print_scene(
    rng: np.random.Generator, alpha: Mask, body: float, margins: Margins, strength: float
) -> Scene:
    """A line of an old print; `strength` is its wear, 0 to 1."""
    mask, ink = _padded(alpha, body)
    worn = worn_ink(mask, rng, strength, alpha.shape[0])
    return Scene(print_on_paper(worn, rng, strength), ink, margins)


def plate_scene(rng: np.random.Generator, alpha: Mask, body: float, margins: Margins) -> Scene:
    """A row of a registration plate."""
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
    """A line of a sign; where other text stands near it, the margins grow until it is seen."""
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
    """Ink with room on every side, and the box of the ink in it."""
    pad = int(body * _PAD)
    height, width = alpha.shape
    mask = cv2.copyMakeBorder(alpha, pad, pad, pad, pad, cv2.BORDER_CONSTANT)
    return np.asarray(mask, np.uint8), (pad, pad, pad + width, pad + height)


def _picture(canvas: Canvas) -> Image:
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
    """Paint pieces of other text beyond an edge, and widen that margin until they are seen."""
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
