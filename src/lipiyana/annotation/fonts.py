"""Finds the fonts of this system for each script, and opens them."""

from __future__ import annotations

import io
import os
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from PIL import ImageFont, features

from lipiyana.annotation.coverage import characters, characters_of
from lipiyana.ocr.scripts.table import SCRIPTS, script_of_char

Font = ImageFont.FreeTypeFont

# families that are drawn for labels: plain, legible, and what systems usually have
_FAMILIES = {
    "Deva": ("NotoSansDevanagari", "Lohit-Devanagari", "Nirmala", "Mangal", "Kohinoor"),
    "Beng": ("NotoSansBengali", "Lohit-Bengali", "Nirmala", "Vrinda", "KohinoorBangla"),
    "Guru": ("NotoSansGurmukhi", "Lohit-Gurmukhi", "Lohit-Punjabi", "Nirmala", "Raavi"),
    "Gujr": ("NotoSansGujarati", "Lohit-Gujarati", "Nirmala", "Shruti", "KohinoorGujarati"),
    "Orya": ("NotoSansOriya", "Lohit-Odia", "Lohit-Oriya", "Nirmala", "Kalinga"),
    "Taml": ("NotoSansTamil", "Lohit-Tamil", "Nirmala", "Latha", "InaiMathi"),
    "Telu": ("NotoSansTelugu", "Lohit-Telugu", "Nirmala", "Gautami", "KohinoorTelugu"),
    "Knda": ("NotoSansKannada", "Lohit-Kannada", "Nirmala", "Tunga"),
    "Mlym": ("NotoSansMalayalam", "Lohit-Malayalam", "Nirmala", "Kartika"),
    "Arab": ("NotoSansArabic", "NotoNaskhArabic", "Scheherazade", "DejaVuSans", "Tahoma"),
    "Olck": ("NotoSansOlChiki", "Nirmala"),
    "Mtei": ("NotoSansMeeteiMayek", "Nirmala"),
    "Latn": ("DejaVuSans", "NotoSans", "LiberationSans", "Arial", "Helvetica"),
}
_SUFFIXES = (".ttf", ".otf", ".ttc")
_UNSHAPED = frozenset({"Latn", "Olck", "Mtei"})
"""Scripts whose letters stand side by side, in the order in which they are stored."""

FONTS_VARIABLE = "LIPIYANA_FONTS"
"""Names the variable with the folders to look for fonts in, in place of the system's."""


def font_folders() -> tuple[Path, ...]:
    """List the folders of fonts: those of `LIPIYANA_FONTS` where it is set, else the system's.

    Folders are joined as in `PATH`. They need not exist: an empty one hides all fonts.
    """
    if named := os.environ.get(FONTS_VARIABLE):
        return tuple(Path(folder).expanduser() for folder in named.split(os.pathsep) if folder)
    return (
        Path("/usr/share/fonts"),
        Path("/usr/local/share/fonts"),
        Path("~/.local/share/fonts").expanduser(),
        Path("~/.fonts").expanduser(),
        Path("/System/Library/Fonts"),
        Path("/Library/Fonts"),
        Path(os.environ.get("WINDIR", "C:/Windows")) / "Fonts",
    )


@lru_cache(maxsize=1)
def shaper() -> str:
    """Say what joins conjuncts, reorders signs and sets letters from right to left.

    `raqm` in Pillow, or `harfbuzz`: uharfbuzz and freetype-py, which the extra `render` installs.
    "" if there is neither: Pillow has Raqm, but it needs the library FriBiDi on the system.
    """
    if features.check("raqm"):
        return "raqm"
    return "harfbuzz" if find_spec("uharfbuzz") and find_spec("freetype") else ""


@lru_cache(maxsize=1)
def drawable_scripts() -> frozenset[str]:
    """List the scripts that this system has a font for, and the shaping where they need it.

    Latin is always there: Pillow brings a font.
    """
    return frozenset(
        code
        for code in _FAMILIES
        if code == "Latn" or (fonts_of(code) and (shaper() or code in _UNSHAPED))
    )


@lru_cache(maxsize=32)
def fonts_of(script: str) -> tuple[Path, ...]:
    """List the files of a script's fonts that are there and have its letters, the best first."""
    files = _files()
    found = (files[family.lower()] for family in _FAMILIES[script] if family.lower() in files)
    zero = ord(SCRIPTS[script].digits[0])
    letters = SCRIPTS[script].ranges[0]
    return tuple(
        path
        for path in found
        if zero in characters_of(path)
        or any(point in characters_of(path) for point in range(letters[0], letters[1] + 1))
    )


def known_script(character: str) -> str:
    """Return the script of a character for which fonts are known; "" for any other."""
    script = script_of_char(character)
    return script if script in _FAMILIES else ""


def covers(path: Path | None, character: str) -> bool:
    """Say whether a font, or Pillow's own for None, has a character."""
    found = _own_characters() if path is None else characters_of(path)
    return ord(character) in found


def font_for(script: str, size: int) -> Font:
    """Open a font for a script; if there is none, Pillow's own, which has only Latin."""
    return open_font(next(iter(fonts_of(script)), None), size)


@lru_cache(maxsize=128)
def open_font(path: Path | None, size: int) -> Font:
    """Open a font file, or Pillow's own font for None."""
    if path is None:
        own = ImageFont.load_default(size)
        if not isinstance(own, ImageFont.FreeTypeFont):
            raise RuntimeError("this build of Pillow has no FreeType, which drawing text needs")
        return own
    raqm = shaper() == "raqm"
    engine = ImageFont.Layout.RAQM if raqm else ImageFont.Layout.BASIC
    return ImageFont.truetype(str(path), size, layout_engine=engine)


def forget_fonts() -> None:
    """Look for fonts and shapers anew: tests change what is there."""
    for found in (shaper, drawable_scripts, fonts_of, open_font, _files):
        found.cache_clear()


@lru_cache(maxsize=1)
def _own_characters() -> frozenset[int]:
    own = open_font(None, 12).path
    return characters(own.getvalue()) if isinstance(own, io.BytesIO) else frozenset(range(32, 127))


@lru_cache(maxsize=1)
def _files() -> dict[str, Path]:
    """Map file names, without style and in lower case, to the regular style's files."""
    found: dict[str, Path] = {}
    for folder in font_folders():
        for path in sorted(folder.rglob("*")):
            if path.suffix.lower() in _SUFFIXES:
                stem = path.stem.partition("[")[0].removesuffix("-Regular")
                found.setdefault(stem.lower(), path)
    return found
