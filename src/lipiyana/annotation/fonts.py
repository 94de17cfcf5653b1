"""Fonts of this system for labels in the scripts of India, and text split by font."""

from __future__ import annotations

import os
from functools import lru_cache
from itertools import groupby
from pathlib import Path

from PIL import ImageFont, features

from lipiyana.ocr.scripts.table import SCRIPTS, script_of_char

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

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


def runs(text: str) -> list[tuple[str, str]]:
    """Cut text into pieces of (script, piece) that one font can draw, from left to right.

    What belongs to no script goes with the Latin letters; spaces and joiners stay with what
    they follow. A line that begins in a script from right to left runs so as a whole.
    """
    scripts: list[str] = []
    for character in text:
        follows = scripts and character in " \u200c\u200d"
        scripts.append(scripts[-1] if follows else _drawn_as(character))
    pairs = zip(scripts, text, strict=True)
    pieces = [
        (script, "".join(character for _, character in piece))
        for script, piece in groupby(pairs, key=lambda pair: pair[0])
    ]
    if pieces and SCRIPTS[pieces[0][0]].direction == "rtl":
        pieces.reverse()
    return pieces


def can_draw(text: str) -> bool:
    """Say whether this system can draw `text` so that it can be read."""
    return {_drawn_as(character) for character in text} <= drawable_scripts()


@lru_cache(maxsize=1)
def drawable_scripts() -> frozenset[str]:
    """List the scripts that this system has a font for, and the shaping where it must have it.

    Latin is always there; without shaping, lines from right to left would be drawn backwards.
    """
    return frozenset(
        code
        for code in _FAMILIES
        if code == "Latn"
        or (
            (_shapes() or SCRIPTS[code].direction == "ltr")
            and any(family in _files() for family in _wanted(code))
        )
    )


@lru_cache(maxsize=64)
def font_for(script: str, size: int) -> Font:
    """Open a font for a script; if there is none, Pillow's own, which has only Latin."""
    engine = ImageFont.Layout.RAQM if _shapes() else ImageFont.Layout.BASIC
    for family in _wanted(script):
        if path := _files().get(family):
            return ImageFont.truetype(str(path), size, layout_engine=engine)
    return ImageFont.load_default(size)


def _drawn_as(character: str) -> str:
    script = script_of_char(character)
    return script if script in _FAMILIES else "Latn"


def _wanted(script: str) -> list[str]:
    return [family.lower() for family in _FAMILIES[script]]


@lru_cache(maxsize=1)
def _shapes() -> bool:
    """Whether conjuncts are joined, matras reordered and lines run from right to left."""
    return bool(features.check("raqm"))


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
