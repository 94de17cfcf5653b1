"""Applies random degradations in physical order: surface, light, then camera."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from lipiyana.arrays import RgbArray
from lipiyana.rendering.effects import camera as effects
from lipiyana.rendering.recipe import RenderRecipe

# standard deviation of grey below which letters cannot be distinguished from their ground
_MIN_SPREAD = 8.0

Effect = Callable[[RgbArray, np.random.Generator, float], RgbArray]

_SURFACE_AND_LIGHT: tuple[tuple[str, Effect], ...] = (
    ("stains", effects.stains),
    ("scratches", effects.scratches),
    ("uneven_light", effects.uneven_light),
    ("shadow_edge", effects.shadow_edge),
    ("glare", effects.glare),
    ("night", effects.night),
    ("cast", effects.cast),
)
# each of these removes detail, so every one applied weakens the following ones
_CAMERA: tuple[tuple[str, Effect], ...] = (
    ("blur", effects.blur),
    ("motion", effects.motion_blur),
    ("low_resolution", effects.low_resolution),
    ("noise", effects.sensor_noise),
    ("sharpen", effects.sharpen),
    ("jpeg", effects.jpeg),
)


def degrade(image: RgbArray, rng: np.random.Generator, recipe: RenderRecipe) -> RgbArray:
    """Apply surface, light and camera degradations with the recipe's probabilities and strength."""
    aged = _apply(image, rng, recipe, recipe.strength)
    if float(cv2.cvtColor(aged, cv2.COLOR_RGB2GRAY).std()) >= _MIN_SPREAD:
        return aged
    # illegible: degrade the original again with less strength
    return _apply(image, rng, recipe, recipe.strength * 0.3)


def _apply(
    image: RgbArray, rng: np.random.Generator, recipe: RenderRecipe, strength: float
) -> RgbArray:
    for name, effect in _SURFACE_AND_LIGHT:
        if rng.random() < getattr(recipe, name):
            image = effect(image, rng, float(rng.beta(1.6, 2)) * strength)
    left = 1.0
    for name, effect in _CAMERA:
        if rng.random() < getattr(recipe, name):
            amount = float(rng.beta(1.5, 2)) * strength * left
            image = effect(image, rng, amount)
            left *= 1 - 0.5 * amount
    return image


def degrade_print(image: RgbArray, rng: np.random.Generator, recipe: RenderRecipe) -> RgbArray:
    """Degrade a printed line as a scanner does: slight blur, low resolution, compression."""
    for probability, effect in (
        (0.35, effects.blur),
        (0.2, effects.low_resolution),
        (0.1, effects.uneven_light),
        (recipe.jpeg, effects.jpeg),
    ):
        if rng.random() < probability:
            image = effect(image, rng, float(rng.beta(1.5, 2.5)) * recipe.strength)
    return image
