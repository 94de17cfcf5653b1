"""Colours of letters and of the ground behind them, as on Indian signs and plates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Colour = npt.NDArray[np.float32]

_COLOURS: dict[str, tuple[int, int, int]] = {
    "white": (240, 240, 236), "black": (25, 24, 26), "grey": (140, 142, 145),
    "silver": (190, 192, 195), "red": (200, 30, 35), "maroon": (120, 25, 45),
    "orange": (235, 120, 30), "yellow": (245, 205, 30), "cream": (238, 222, 180),
    "green": (20, 125, 70), "dark_green": (15, 75, 50), "teal": (20, 130, 140),
    "sky": (90, 170, 215), "blue": (30, 75, 165), "navy": (25, 35, 95), "purple": (85, 45, 130),
    "pink": (225, 70, 125), "brown": (95, 60, 40), "gold": (200, 160, 80), "wood": (165, 115, 70),
}  # fmt: skip

# colour of the letters, colour of the ground, weight
_SIGNS: tuple[tuple[str, str, float], ...] = (
    ("white", "blue", 9), ("white", "navy", 6), ("white", "green", 6), ("white", "dark_green", 2),
    ("white", "red", 7), ("white", "maroon", 4), ("white", "black", 4), ("white", "teal", 2),
    ("white", "purple", 2), ("white", "orange", 2), ("white", "brown", 1.5), ("white", "grey", 2),
    ("white", "sky", 2), ("white", "pink", 1), ("white", "wood", 1), ("white", "gold", 0.7),
    ("yellow", "black", 3), ("yellow", "red", 4), ("yellow", "blue", 2.5), ("yellow", "green", 2.5),
    ("yellow", "maroon", 2), ("yellow", "navy", 1.5), ("yellow", "purple", 1),
    ("yellow", "grey", 1),
    ("red", "white", 7), ("red", "yellow", 6), ("red", "cream", 2.5), ("red", "silver", 1.5),
    ("red", "grey", 1), ("red", "sky", 0.5), ("red", "green", 0.4), ("red", "black", 0.7),
    ("black", "white", 9), ("black", "yellow", 6), ("black", "silver", 3), ("black", "cream", 3),
    ("black", "orange", 2), ("black", "grey", 2), ("black", "sky", 1), ("black", "wood", 1),
    ("black", "green", 0.7), ("black", "red", 0.7), ("blue", "white", 6), ("blue", "yellow", 4),
    ("blue", "silver", 2), ("blue", "cream", 2), ("navy", "white", 3), ("navy", "yellow", 2),
    ("navy", "silver", 1.5), ("green", "white", 3.5), ("green", "yellow", 2), ("green", "cream", 1),
    ("dark_green", "white", 1.5), ("maroon", "white", 2), ("maroon", "yellow", 1.5),
    ("maroon", "cream", 1), ("purple", "white", 1), ("pink", "white", 1), ("brown", "cream", 1.5),
    ("brown", "white", 0.7), ("orange", "white", 1.2), ("orange", "black", 0.7),
    ("orange", "navy", 0.7), ("orange", "yellow", 0.6), ("gold", "black", 1), ("gold", "brown", 1),
    ("gold", "maroon", 0.7), ("silver", "black", 1), ("silver", "grey", 1), ("grey", "white", 1),
    ("grey", "black", 0.7), ("silver", "cream", 0.7), ("cream", "maroon", 0.7),
    ("teal", "white", 1),
    ("sky", "red", 0.4), ("sky", "white", 0.6), ("cream", "green", 0.7), ("pink", "yellow", 0.3),
)  # fmt: skip
_PLATES: tuple[tuple[str, str, float], ...] = (
    ("black", "white", 50), ("black", "yellow", 18), ("yellow", "black", 4), ("white", "green", 5),
    ("yellow", "green", 2), ("red", "yellow", 2), ("white", "red", 8), ("white", "blue", 2),
    ("yellow", "blue", 1), ("white", "black", 4), ("red", "white", 2), ("navy", "white", 4),
    ("black", "silver", 8), ("navy", "yellow", 1), ("black", "orange", 2),
)  # fmt: skip

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_MIN_CONTRAST, _LOW_CONTRAST = 75.0, (38.0, 75.0)


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours of one line: letters, ground and a third colour, each (3,) float32 RGB."""

    text: Colour
    ground: Colour
    accent: Colour


def sign_palette(rng: np.random.Generator, *, low_contrast: bool = False) -> Palette:
    """Draw letters, ground and a third colour for a sign."""
    if rng.random() < 0.1:
        text, ground = (rng.uniform(0, 255, 3).astype(np.float32) for _ in range(2))
    else:
        text, ground = _draw_pair(rng, _SIGNS)
    return _finish(rng, text, ground, low_contrast=low_contrast)


def plate_palette(rng: np.random.Generator) -> Palette:
    """Draw letters, ground and a third colour for a plate."""
    return _finish(rng, *_draw_pair(rng, _PLATES), low_contrast=False)


def contrast(one: Colour, other: Colour) -> float:
    """Distance of two colours, mostly by luminance, slightly by hue: 0 to about 320."""
    difference = one - other
    return float(abs(difference @ _LUMA) + 0.25 * np.abs(difference).max())


def _draw_pair(
    rng: np.random.Generator, pairs: tuple[tuple[str, str, float], ...]
) -> tuple[Colour, Colour]:
    odds = np.array([odd for _, _, odd in pairs])
    text, ground, _ = pairs[int(rng.choice(len(pairs), p=odds / odds.sum()))]
    return _near(rng, text), _near(rng, ground)


def _near(rng: np.random.Generator, name: str) -> Colour:
    jitter = rng.normal(0, 12, 3) + rng.normal(0, 10)
    return np.clip(np.array(_COLOURS[name]) + jitter, 0, 255).astype(np.float32)


def _finish(
    rng: np.random.Generator, text: Colour, ground: Colour, *, low_contrast: bool
) -> Palette:
    distance = contrast(text, ground)
    if distance < _MIN_CONTRAST:
        towards = np.float32(0 if ground @ _LUMA > 128 else 255)
        text = text + (towards - text) * np.float32(0.75)
        distance = contrast(text, ground)
    if low_contrast:
        wanted = rng.uniform(*_LOW_CONTRAST)
        text = ground + (text - ground) * np.float32(min(1.0, wanted / max(distance, 1.0)))
    names = list(_COLOURS)
    accents = [_near(rng, names[int(rng.integers(len(names)))]) for _ in range(4)]
    accent = max(accents, key=lambda c: min(contrast(c, text), contrast(c, ground)))
    return Palette(text.astype(np.float32), ground, accent)


def stands_out(colour: Colour, ground: Colour) -> bool:
    """Return whether letters of this colour are easy to read on that ground."""
    return contrast(colour, ground) >= _MIN_CONTRAST
