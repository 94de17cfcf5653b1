"""Old print: ink that is broken, spread or faded, and the paper under it."""

from __future__ import annotations

import cv2
import numpy as np

from lipiyana.rendering.effects.camera import Field, Image, smooth_noise, threefold
from lipiyana.rendering.text.shaping import Mask


def worn_ink(mask: Mask, rng: np.random.Generator, strength: float, line: float) -> Mask:
    """Letters as worn type prints them: ragged edges, gaps, filled counters, faded patches.

    Args:
        mask: (H, W) uint8 ink.
        rng: the source of chance.
        strength: 0 for clean to 1 for barely readable.
        line: height of the line of text in pixels.

    Returns:
        (H, W) uint8 ink.
    """
    height, width = mask.shape
    spread = cv2.GaussianBlur(mask, (0, 0), rng.uniform(0.5, 1.3)).astype(np.float32) / 255
    inked = spread[spread > 0.2]
    # hairlines lose by the blur; they print as dark as stems
    spread = np.minimum(spread / np.float32(np.percentile(inked, 80) if inked.size else 1), 1)
    grain = smooth_noise(rng, height, width, rng.uniform(1.2, 2.6)) * 0.5
    gaps = smooth_noise(rng, height, width, line * rng.uniform(0.06, 0.18)) * 0.5
    wear = np.float32(strength) * (grain + gaps)
    # a lower threshold thickens strokes and fills counters, a higher one breaks hairlines
    threshold = 0.5 + strength * rng.normal(-0.03, 0.08)
    ink = np.clip((spread - threshold + wear) * rng.uniform(1.5, 4) + 0.5, 0, 1)
    # no ink where there was none near
    ink *= np.clip(spread * 6, 0, 1)
    # each letter took its own amount of ink
    pressure = smooth_noise(rng, height, width, line * rng.uniform(0.25, 0.8))
    faded = np.clip(strength * (0.2 + pressure * 0.8), 0, 0.65)
    return np.asarray(ink * (1 - faded) * 255, np.uint8)


def print_on_paper(mask: Mask, rng: np.random.Generator, strength: float) -> Image:
    """Put ink on paper: (H, W) uint8 to (H, W, 3) RGB, grey or yellowed."""
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
    page = threefold(np.clip(grey, 0, 255))
    if rng.random() < 0.2:
        page *= np.array([1.0, rng.uniform(0.92, 1.0), rng.uniform(0.75, 1.0)], np.float32)
    return page.astype(np.uint8)


def _salt_and_pepper(grey: Field, rng: np.random.Generator, strength: float) -> Field:
    chance = rng.random(grey.shape, np.float32)
    share = np.float32(strength * rng.uniform(0.002, 0.03))
    out = np.where(chance < share, np.float32(20), grey)
    return np.where(chance > 1 - share, np.float32(250), out)
