"""Draws signs of shops and roads from the front, with lines of text in any script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from lipiyana.arrays import RgbArray
from lipiyana.rendering.effects.backgrounds import Canvas, plain
from lipiyana.rendering.effects.camera import smooth_noise
from lipiyana.rendering.effects.palettes import Palette, contrast, sign_palette
from lipiyana.rendering.fonts.families import FontLibrary
from lipiyana.rendering.plates.lettering import pick_face, trimmed
from lipiyana.rendering.plates.painting import Quad
from lipiyana.rendering.text import lettering as ink
from lipiyana.rendering.text.shaping import FaceChoice, Mask, rasterize

SignKind = Literal["shop", "green", "blue", "milestone", "banner", "words"]

_FACES: Mapping[str, Sequence[str]] = {
    "Deva": ("Mukta", "Baloo 2", "Noto Sans Devanagari", "Yatra One", "Anek Devanagari"),
    "Beng": ("Baloo Da 2", "Noto Sans Bengali", "Hind Siliguri", "Galada", "Anek Bangla"),
    "Guru": ("Baloo Paaji 2", "Noto Sans Gurmukhi", "Mukta Mahee", "Anek Gurmukhi"),
    "Gujr": ("Baloo Bhai 2", "Noto Sans Gujarati", "Mukta Vaani", "Anek Gujarati"),
    "Orya": ("Baloo Bhaina 2", "Noto Sans Oriya", "Anek Odia"),
    "Taml": ("Baloo Thambi 2", "Noto Sans Tamil", "Mukta Malar", "Catamaran"),
    "Telu": ("Baloo Tammudu 2", "Noto Sans Telugu", "Ramaraja", "Anek Telugu"),
    "Knda": ("Baloo Tamma 2", "Noto Sans Kannada", "Anek Kannada"),
    "Mlym": ("Baloo Chettan 2", "Noto Sans Malayalam", "Manjari", "Anek Malayalam"),
    "Arab": ("Noto Nastaliq Urdu", "Gulzar", "Noto Naskh Arabic"),
    "Olck": ("Noto Sans Ol Chiki",),
    "Mtei": ("Noto Sans Meetei Mayek",),
    "Latn": ("Liberation Sans", "Open Sans", "Roboto", "Lato", "Cabin", "Nimbus Sans"),
}
_LEAST_CONTRAST = 130.0
_ROAD_FACES = ("Roadgeek 2014 Series D", "Roadgeek 2014 Series E", "Liberation Sans")
_WHITE, _BLACK = (np.full(3, tone, np.float32) for tone in (244, 28))
_ROAD_GREEN = np.array([14, 98, 62], np.float32)
_ROAD_BLUE = np.array([26, 70, 152], np.float32)


@dataclass(frozen=True, slots=True)
class SignLine:
    """One line: text, ISO 15924 script, and height relative to the other lines."""

    text: str
    script: str
    size: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class FlatSign:
    """A sign from the front.

    Attributes:
        image: (H, W, 3) RGB.
        alpha: (H, W) uint8.
        lines: (lines, 4, 2) corners of the ink of each line, clockwise from the top left.
    """

    image: RgbArray
    alpha: Mask
    lines: Quad


def paint_sign(
    rng: np.random.Generator,
    library: FontLibrary,
    kind: SignKind,
    lines: Sequence[SignLine],
    size: tuple[int, int],
) -> FlatSign:
    """Draw a sign.

    Args:
        rng: random generator.
        library: the fonts.
        kind: kind of sign; `words` draws light letters without a board.
        lines: from the top.
        size: width and height in pixels.

    Raises:
        LookupError: no installed font has the characters.
    """
    width, height = size
    palette = _palette(rng, kind)
    canvas = plain(rng, height, width, palette.ground)
    canvas += smooth_noise(rng, height, width, height * 0.3)[:, :, None] * np.float32(5)
    alpha = np.full((height, width), 255, np.uint8)
    if kind == "words":
        alpha[:] = 0
    elif kind == "milestone":
        _stone(canvas, alpha)
    else:
        _border(rng, canvas, kind, palette)
    top, bottom = (0.36, 0.94) if kind == "milestone" else (0.1, 0.9)
    quads: list[list[tuple[int, int]]] = []
    shares = np.array([line.size for line in lines])
    bands = np.concatenate([[0], np.cumsum(shares / shares.sum())]) * (bottom - top) + top
    for line, y0, y1 in zip(lines, bands, bands[1:], strict=False):
        mask = _line_mask(
            rng, library, kind, line, room=width * 0.88, tall=(y1 - y0) * height * 0.78
        )
        x = (width - mask.shape[1]) // 2
        y = round((y0 + y1) / 2 * height - mask.shape[0] / 2)
        _letter(rng, canvas, alpha, mask, (x, y), kind=kind, palette=palette, accent=bool(quads))
        right, low = x + mask.shape[1], y + mask.shape[0]
        quads.append([(x, y), (right, y), (right, low), (x, low)])
    image = np.clip(canvas, 0, 255).astype(np.uint8)
    return FlatSign(image, alpha, np.array(quads, np.float32))


def _palette(rng: np.random.Generator, kind: SignKind) -> Palette:
    if kind == "green":
        return Palette(_WHITE, _ROAD_GREEN, _WHITE)
    if kind == "blue":
        return Palette(_WHITE, _ROAD_BLUE, _WHITE)
    if kind == "milestone":
        return Palette(_BLACK, _WHITE, _BLACK)
    if kind == "words":
        yellow = np.array([250, 226, 120], np.float32)
        return Palette(yellow, np.full(3, 40, np.float32), yellow)
    while True:
        palette = sign_palette(rng)
        if contrast(palette.text, palette.ground) > _LEAST_CONTRAST:
            return palette


def _line_mask(
    rng: np.random.Generator,
    library: FontLibrary,
    kind: SignKind,
    line: SignLine,
    *,
    room: float,
    tall: float,
) -> Mask:
    """Draw the ink of one line as large as its band and the width of the sign allow."""
    road = kind in ("green", "blue", "milestone") and line.script == "Latn"
    families = _ROAD_FACES if road else _FACES[line.script]
    weight = 600.0 if kind in ("green", "blue", "milestone") else 700.0
    face = pick_face(
        rng, library, line.script, line.text, split="all", families=families, weight=weight
    )
    large = trimmed(rasterize(line.text, FaceChoice(face), max(20, round(tall)), line.script).alpha)
    scale = min(tall / large.shape[0], room / large.shape[1])
    size = (max(4, round(large.shape[1] * scale)), max(4, round(large.shape[0] * scale)))
    return np.asarray(cv2.resize(large, size, interpolation=cv2.INTER_AREA), np.uint8)


def _letter(
    rng: np.random.Generator,
    canvas: Canvas,
    alpha: Mask,
    mask: Mask,
    place: tuple[int, int],
    *,
    kind: SignKind,
    palette: Palette,
    accent: bool,
) -> None:
    whole = np.zeros(alpha.shape, np.uint8)
    whole[place[1] : place[1] + mask.shape[0], place[0] : place[0] + mask.shape[1]] = mask
    body = float(mask.shape[0])
    if kind == "words":
        np.maximum(alpha, whole, out=alpha)
    if kind == "shop" and rng.random() < 0.5:
        ink.shadow(canvas, whole, rng, body * 0.6)
    if kind in ("shop", "banner") and rng.random() < 0.3:
        edge = ink.widened(whole, body * 0.03)
        dark = palette.text.mean() < palette.ground.mean()
        ink.paint(canvas, edge, _WHITE if dark else _BLACK)
    colour = palette.text
    if accent and kind == "shop" and rng.random() < 0.3:
        # the second line of many boards has another colour
        colour = colour * np.float32(0.8) + palette.accent * np.float32(0.2)
    ink.paint(canvas, whole, colour)


def _border(rng: np.random.Generator, canvas: Canvas, kind: SignKind, palette: Palette) -> None:
    height, width = canvas.shape[:2]
    pen = max(2, round(height * 0.025))
    if kind in ("green", "blue"):
        inset = pen * 2
        cv2.rectangle(canvas, (inset, inset), (width - inset, height - inset), _WHITE.tolist(), pen)
        return
    metal = float(rng.uniform(60, 190))
    cv2.rectangle(canvas, (0, 0), (width - 1, height - 1), (metal,) * 3, pen * 2)
    if kind == "banner":
        canvas += np.sin(np.linspace(0, rng.uniform(14, 26), width))[None, :, None] * 7
    elif rng.random() < 0.4:
        inset = pen * 3
        shade = palette.accent.tolist()
        cv2.rectangle(canvas, (inset, inset), (width - inset, height - inset), shade, pen)


def _stone(canvas: Canvas, alpha: Mask) -> None:
    """Draw a milestone of a national highway: a round yellow top, white below."""
    height, width = alpha.shape
    alpha[:] = 0
    radius = width // 2
    cv2.circle(alpha, (radius, radius), radius, 255, -1, cv2.LINE_AA)
    cv2.rectangle(alpha, (0, radius), (width - 1, height - 1), 255, -1)
    canvas[: round(height * 0.33)] = np.array([240, 200, 48], np.float32)
    canvas += np.linspace(8, -16, width, dtype=np.float32)[None, :, None]
