"""Draws shaped text with HarfBuzz and FreeType, where Pillow has no Raqm (extra `render`)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

_UNITS = 64  # FreeType and HarfBuzz count in parts of a pixel


@dataclass(frozen=True, slots=True)
class Glyph:
    """A glyph and where it stands, in pixels from the start of the baseline, y down."""

    number: int
    x: float
    y: float


@lru_cache(maxsize=32)
def _faces(path: Path, size: int) -> tuple[Any, Any]:
    import freetype
    import uharfbuzz

    font = uharfbuzz.Font(uharfbuzz.Face(uharfbuzz.Blob.from_file_path(str(path))))
    font.scale = (size * _UNITS, size * _UNITS)
    face = freetype.Face(str(path))
    face.set_char_size(size * _UNITS)
    return font, face


def shape(text: str, path: Path, size: int, *, rtl: bool) -> tuple[list[Glyph], float]:
    """Set a run of text, not empty: its glyphs from left to right, and its length in pixels."""
    import uharfbuzz

    font, _ = _faces(path, size)
    buffer = uharfbuzz.Buffer()
    buffer.add_str(text)
    buffer.guess_segment_properties()
    buffer.direction = "rtl" if rtl else "ltr"
    uharfbuzz.shape(font, buffer)
    glyphs, x = [], 0.0
    for info, position in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True):
        left, up = position.x_offset / _UNITS, position.y_offset / _UNITS
        glyphs.append(Glyph(info.codepoint, x + left, -up))
        x += position.x_advance / _UNITS
    return glyphs, x


def ink(text: str, path: Path, size: int, *, rtl: bool) -> tuple[Image.Image | None, int, int]:
    """Draw a run; return its ink as a mask, and the mask's left and top from the baseline."""
    import freetype

    glyphs, _ = shape(text, path, size, rtl=rtl)
    _, face = _faces(path, size)
    drawn = []
    for glyph in glyphs:
        face.load_glyph(glyph.number, freetype.FT_LOAD_RENDER | freetype.FT_LOAD_NO_BITMAP)
        bitmap = face.glyph.bitmap
        if bitmap.width and bitmap.rows:
            rows = np.array(bitmap.buffer, np.uint8).reshape(bitmap.rows, bitmap.pitch)
            left = round(glyph.x) + face.glyph.bitmap_left
            drawn.append((left, round(glyph.y) - face.glyph.bitmap_top, rows[:, : bitmap.width]))
    if not drawn:
        return None, 0, 0
    left, top = min(x for x, _, _ in drawn), min(y for _, y, _ in drawn)
    right = max(x + alpha.shape[1] for x, _, alpha in drawn)
    bottom = max(y + alpha.shape[0] for _, y, alpha in drawn)
    mask = np.zeros((bottom - top, right - left), np.uint8)
    for x, y, alpha in drawn:
        part = mask[y - top : y - top + alpha.shape[0], x - left : x - left + alpha.shape[1]]
        np.maximum(part, alpha, out=part)
    return Image.fromarray(mask), left, top
