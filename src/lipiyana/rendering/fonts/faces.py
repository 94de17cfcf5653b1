"""One open font: shaping with HarfBuzz, glyph rasterization with FreeType."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import cached_property

import cv2
import freetype
import numpy as np
import numpy.typing as npt
import uharfbuzz as hb
from freetype.raw import (
    FT_Load_Glyph,
    FT_Outline_EmboldenXY,
    FT_Outline_Translate,
    FT_Render_Glyph,
)

from lipiyana.rendering.fonts.files import FontFile

_LOAD_FLAGS = freetype.FT_LOAD_NO_HINTING | freetype.FT_LOAD_NO_BITMAP
_RENDER_NORMAL = 0
_MAX_CACHED_GLYPHS = 250
_SPACE_EMS = 0.26
NO_GLYPH, SPACE_GLYPH = 0, -1
DOTTED_CIRCLE = "\u25cc"

# the letter that defines each script's body height: its height above the baseline
BODY_LETTERS = {
    "Deva": "क", "Beng": "ক", "Guru": "ਕ", "Gujr": "ક", "Orya": "କ", "Taml": "க", "Telu": "క",
    "Knda": "ಕ", "Mlym": "ക", "Arab": "ا", "Olck": "ᱚ", "Mtei": "ꯀ", "Latn": "H",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Glyphs:
    """A shaped run of N glyphs from left to right, in font units, y up.

    Attributes:
        ids: (N,) glyph ids; 0 for a missing glyph, -1 for a space that the font lacks.
        advances: (N,) advance widths.
        offsets: (N, 2) offset of each glyph from the pen position.
        clusters: (N,) index of the first character of each glyph's cluster.
    """

    ids: npt.NDArray[np.int32]
    advances: npt.NDArray[np.float32]
    offsets: npt.NDArray[np.float32]
    clusters: npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class GlyphImage:
    """A glyph's ink, (H, W) uint8, and its left and top edge relative to the pen, y up, pixels."""

    alpha: npt.NDArray[np.uint8]
    left: int
    top: int


class Face:
    """A font file opened in HarfBuzz and FreeType. Not picklable; `FontLibrary` reopens it."""

    def __init__(self, file: FontFile) -> None:
        self.file = file
        self._hb_face = hb.Face(hb.Blob.from_file_path(file.path), file.index)
        self._hb_font = hb.Font(self._hb_face)
        self._ft = freetype.Face(file.path, file.index)
        if file.variations:
            self._hb_font.set_variations(dict(file.variations))
            values = dict(file.variations)
            axes = self._ft.get_variation_info().axes
            self._ft.set_var_design_coords([values.get(axis.tag, axis.default) for axis in axes])
        self.units_per_em = self._hb_face.upem
        self.characters = frozenset(file.characters)
        self._dotted_circle = self._hb_font.get_nominal_glyph(ord(DOTTED_CIRCLE))
        self._bodies: dict[str, float] = {}
        self._strokes: dict[str, float] = {}
        self._size = 0
        self._images: dict[tuple[int, int, int], GlyphImage | None] = {}

    def body(self, script: str) -> float:
        """Height of the script's body letter above the baseline, as a fraction of the em."""
        if script not in self._bodies:
            point = ord(BODY_LETTERS[script])
            glyph = self._hb_font.get_nominal_glyph(point)
            extents = self._hb_font.get_glyph_extents(glyph) if glyph else None
            height = extents.y_bearing / self.units_per_em if extents else 0.0
            self._bodies[script] = height if height > 0.2 else 0.6
        return self._bodies[script]

    def stroke(self, script: str) -> float:
        """Thickest stroke of the body letter, as a fraction of the body height."""
        if script not in self._strokes:
            body = 48
            glyph = self._hb_font.get_nominal_glyph(ord(BODY_LETTERS[script]))
            image = self._draw(glyph or 0, round(body * 64 / self.body(script)), 0)
            thick = 0.0
            if image is not None:
                framed = cv2.copyMakeBorder(image.alpha, 1, 1, 1, 1, cv2.BORDER_CONSTANT)
                inside = (framed > 127).astype(np.uint8)
                thick = 2 * float(cv2.distanceTransform(inside, cv2.DIST_L2, 3).max()) / body
            self._strokes[script] = thick
        return self._strokes[script]

    def covers(self, text: str) -> bool:
        """Return whether the font has every character of `text`; joiners and spaces are ignored.

        Lower-case letters do not count as covered if the font draws them as capitals.
        """
        return all(c in self.characters or c in " \u200c\u200d" for c in text) and not (
            self._capitals_only and any("a" <= c <= "z" for c in text)
        )

    @cached_property
    def _capitals_only(self) -> bool:
        depths = [
            extents.y_bearing + extents.height
            for letter in "gpqy"
            if (glyph := self._hb_font.get_nominal_glyph(ord(letter)))
            and (extents := self._hb_font.get_glyph_extents(glyph))
        ]
        return bool(depths) and min(depths) > -0.08 * self.units_per_em

    def shape(self, text: str, script: str, direction: str = "ltr", language: str = "") -> Glyphs:
        """Shape one run with HarfBuzz.

        Args:
            text: one run, in logical order.
            script: ISO 15924 code.
            direction: `ltr` or `rtl`.
            language: BCP 47 code; selects the letter forms of that language.
        """
        buffer = hb.Buffer()
        buffer.add_str(text)
        buffer.direction = direction
        buffer.script = script
        if language:
            buffer.language = language
        hb.shape(self._hb_font, buffer)
        infos, positions = buffer.glyph_infos, buffer.glyph_positions
        ids = np.array([i.codepoint for i in infos], np.int32)
        advances = np.array([p.x_advance for p in positions], np.float32)
        clusters = np.array([i.cluster for i in infos], np.int32)
        if self._dotted_circle and DOTTED_CIRCLE not in text:
            # HarfBuzz inserts a dotted circle under a mark that it cannot attach to a letter
            ids[ids == self._dotted_circle] = NO_GLYPH
        for missing in np.flatnonzero(ids == NO_GLYPH):
            # fonts subset to one script have no space glyph
            if text[clusters[missing]] == " ":
                ids[missing] = SPACE_GLYPH
                advances[missing] = _SPACE_EMS * self.units_per_em
        offsets = np.array([(p.x_offset, p.y_offset) for p in positions], np.float32)
        return Glyphs(ids, advances, offsets.reshape(-1, 2), clusters)

    def image(self, glyph: int, em: int, bold: int) -> GlyphImage | None:
        """Rasterize one glyph; None if it has no ink.

        Args:
            glyph: glyph id.
            em: size of the em, in 1/64 pixel.
            bold: widening of the strokes, in 1/64 pixel.
        """
        if glyph == SPACE_GLYPH:
            return None
        key = (glyph, em, bold)
        if key not in self._images:
            if len(self._images) >= _MAX_CACHED_GLYPHS:
                self._images.clear()
            self._images[key] = self._draw(glyph, em, bold)
        return self._images[key]

    def _draw(self, glyph: int, em: int, bold: int) -> GlyphImage | None:
        if em != self._size:
            self._ft.set_char_size(em, em, 72, 72)
            self._size = em
        handle = self._ft._FT_Face
        if FT_Load_Glyph(handle, glyph, _LOAD_FLAGS):
            return None
        slot = handle.contents.glyph
        if bold:
            outline = ctypes.byref(slot.contents.outline)
            FT_Outline_EmboldenXY(outline, bold, bold)
            FT_Outline_Translate(outline, -bold // 2, -bold // 2)
        if FT_Render_Glyph(slot, _RENDER_NORMAL):
            return None
        bitmap = slot.contents.bitmap
        rows, pitch = bitmap.rows, bitmap.pitch
        if not rows or not bitmap.width:
            return None
        data = np.frombuffer(ctypes.string_at(bitmap.buffer, rows * pitch), np.uint8)
        alpha = data.reshape(rows, pitch)[:, : bitmap.width]
        return GlyphImage(alpha, slot.contents.bitmap_left, slot.contents.bitmap_top)
