"""Renders lines of text as a detector crops them from pictures of signs, plates and print."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lipiyana.arrays import RgbArray
from lipiyana.rendering.effects import camera as effects
from lipiyana.rendering.effects.degrading import degrade, degrade_print
from lipiyana.rendering.fonts.families import FontLibrary
from lipiyana.rendering.recipe import RenderRecipe, Style
from lipiyana.rendering.text import lettering
from lipiyana.rendering.text import surfaces as scenes
from lipiyana.rendering.text.cropping import draw_margins, draw_pose, take_crop
from lipiyana.rendering.text.typesetting import typeset

_MIN_HEIGHT, _MAX_HEIGHT = 16, 120
_MEDIAN_HEIGHT = 52
# few sizes, so that cached glyphs can be reused
_BODY_SIZES = (16, 24, 34, 46)
_MAX_PIXELS = 1_500_000
# for these, letters are deformed more often, which replaces variety of fonts
_SCRIPTS_WITH_FEW_FONTS = frozenset({"Olck", "Mtei", "Orya", "Guru", "Knda"})


@dataclass(frozen=True, slots=True)
class RenderedLine:
    """A crop of one line.

    Attributes:
        image: (height, width, 3) RGB, 16 to 120 pixels high.
        quad: (4, 2) corners of the ink, clockwise from the top left, x and y in pixels; they may
            lie outside the picture if the crop is tight.
    """

    image: RgbArray
    quad: npt.NDArray[np.float32]


def render_line(
    text: str,
    script: str,
    rng: np.random.Generator,
    library: FontLibrary,
    style: Style | None = None,
    *,
    recipe: RenderRecipe | None = None,
) -> RenderedLine | None:
    """Render one line; the same generator state gives the same picture.

    Args:
        text: NFC, in logical order.
        script: ISO 15924 code of its main script.
        rng: random generator.
        library: the fonts.
        style: `sign`, `print` or `plate`; None draws one by the recipe.
        recipe: probabilities of the effects; None for the default recipe.

    Returns:
        None if no font of the recipe's split can set the text.
    """
    recipe = recipe or RenderRecipe()
    style = style or _draw_style(rng, recipe)
    height = float(np.exp(rng.normal(np.log(_MEDIAN_HEIGHT), 0.45)))
    height = round(np.clip(height, _MIN_HEIGHT, _MAX_HEIGHT))
    body = next((size for size in _BODY_SIZES if size >= height * 0.5), _BODY_SIZES[-1])
    raster = typeset(text, script, rng, library, recipe=recipe, style=style, body=body)
    if raster is None or raster.alpha.size > _MAX_PIXELS:
        return None
    alpha = raster.alpha
    if style == "sign" and rng.random() < recipe.pen:
        alpha = lettering.pen_strokes(alpha, rng, body)
    unsteady = recipe.hand_painted * (2 if script in _SCRIPTS_WITH_FEW_FONTS else 1)
    if style != "print" and rng.random() < unsteady:
        alpha = lettering.hand_painted(alpha, rng, body)
    margins = draw_margins(rng, recipe, style)
    pose = draw_pose(rng, recipe, style, alpha.shape[1] / alpha.shape[0])
    if style == "print":
        wear = float(rng.beta(1.6, 1.6)) * recipe.strength
        scene = scenes.print_scene(rng, alpha, body, margins, wear)
    elif style == "plate":
        scene = scenes.plate_scene(rng, alpha, body, margins)
    else:
        scene = scenes.sign_scene(rng, alpha, body, margins, recipe)
    crop, quad = take_crop(scene.image, scene.ink, pose, scene.margins, height)
    if style == "sign":
        for probability, effect in ((recipe.wires, effects.wires), (recipe.far, effects.far_away)):
            if rng.random() < probability:
                crop = effect(crop, rng, float(rng.beta(1.6, 2)))
    finish = degrade_print if style == "print" else degrade
    return RenderedLine(finish(crop, rng, recipe), quad)


def _draw_style(rng: np.random.Generator, recipe: RenderRecipe) -> Style:
    shares = np.array([recipe.sign, recipe.print, recipe.plate])
    styles: tuple[Style, ...] = ("sign", "print", "plate")
    return styles[int(rng.choice(3, p=shares / shares.sum()))]
