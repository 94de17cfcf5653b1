"""Cuts the text of a label into runs that one font draws, from left to right."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from pathlib import Path

from lipiyana.annotation.bidi import levels, visual_order
from lipiyana.annotation.fonts import covers, drawable_scripts, fonts_of, known_script, shaper
from lipiyana.ocr.scripts.table import ASCII_DIGITS

_JOINERS = "\u200c\u200d"
_DANDAS = "\u0964\u0965"
# what stands for characters that no font here has
_PLAIN = {
    "\u0964": ".", "\u0965": "..", "\u20b9": "Rs", "\u2018": "'", "\u2019": "'", "\u201c": '"',
    "\u201d": '"', "\u201e": '"', "\u2010": "-", "\u2011": "-", "\u2012": "-", "\u2013": "-",
    "\u2014": "-", "\u2022": "*", "\u00b7": ".", "\u2026": "...", "\u00d7": "x", "\u2116": "No.",
    "\u06d4": ".", "\u060c": ",", "\u061f": "?",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Run:
    """A piece of text with its font.

    Attributes:
        text: the piece, in logical order.
        font: the font's file; None for Pillow's own.
        rtl: whether it runs from right to left.
    """

    text: str
    font: Path | None
    rtl: bool = False


def can_draw(text: str) -> bool:
    """Say whether this system can draw the letters of `text` so that they can be read."""
    scripts = {known_script(character) for character in text} - {""}
    return scripts <= drawable_scripts() and all(
        any(covers(font, character) for font in fonts_of(script))
        for character in text
        if (script := known_script(character)) and script != "Latn"
    )


@lru_cache(maxsize=4096)
def runs(text: str) -> tuple[Run, ...]:
    """Cut text into runs, from left to right.

    Letters have a font of their script. Punctuation, digits and signs that several scripts share
    stay with the run that they follow if its font has them, else with the next run, else with any
    font that has them; what no font has is replaced with a plain form. A danda stays with its
    script.
    """
    text = _plain(text)
    fonts = _fonts_of_characters(text)
    pairs = list(zip(text, fonts, levels(text), strict=True))
    pieces = [
        (Run("".join(character for character, _, _ in piece), font, bool(level % 2)), level)
        for (font, level), piece in groupby(pairs, key=lambda pair: pair[1:])
    ]
    return tuple(run for run, _ in visual_order(pieces, lambda piece: piece[1]))


def _fonts_of_characters(text: str) -> list[Path | None]:
    letters = _letter_fonts(text)
    # the font of the next letter, for what stands before the first one
    following: list[Path | None] = [None] * len(text)
    for index in range(len(text) - 2, -1, -1):
        following[index] = letters[index + 1] or following[index + 1]
    chosen: list[Path | None] = []
    for character, own, upcoming in zip(text, letters, following, strict=True):
        if own:
            chosen.append(own)
        elif chosen and _stays(character, chosen[-1]):
            chosen.append(chosen[-1])
        else:
            chosen.append(_any_font(character, upcoming))
    return chosen


def _stays(character: str, font: Path | None) -> bool:
    # shapers draw no joiner, whether or not the font has it
    return character in _JOINERS or character == " " or covers(font, character)


def _letter_fonts(text: str) -> list[Path | None]:
    """Choose one font for all letters of a script, so that no word changes its style inside."""
    scripts = [
        "" if unicodedata.category(character) in {"Mn", "Mc", "Cf"} else known_script(character)
        for character in text
    ]
    by_script = {
        script: {character for character, of in zip(text, scripts, strict=True) if of == script}
        for script in set(scripts) - {""}
    }
    fonts = {
        script: sorted(fonts_of(script), key=lambda font: sum(not covers(font, c) for c in letters))
        for script, letters in by_script.items()
    }
    return [
        next((font for font in fonts.get(script, ()) if covers(font, character)), None)
        for character, script in zip(text, scripts, strict=True)
    ]


def _any_font(character: str, upcoming: Path | None) -> Path | None:
    if upcoming and covers(upcoming, character):
        return upcoming
    return next((font for font in _all_fonts() if covers(font, character)), None)


@lru_cache(maxsize=1)
def _all_fonts() -> list[Path | None]:
    others = (font for script in sorted(drawable_scripts()) for font in fonts_of(script))
    return [*fonts_of("Latn"), None, *others]


def _plain(text: str) -> str:
    """Replace what no font here has, and what cannot be seen."""
    return "".join(_plain_character(character) for character in text)


@lru_cache(maxsize=1024)
def _plain_character(character: str) -> str:
    if character in _JOINERS:
        return character if shaper() else ""
    if character.isspace():
        return " "
    if unicodedata.category(character)[0] == "C":  # controls, such as those of direction
        return ""
    if any(covers(font, character) for font in _all_fonts()):
        return character
    plain = _PLAIN.get(character) or ASCII_DIGITS.get(ord(character))
    parts = unicodedata.normalize("NFKD", character).replace("\u2044", "/")  # of fractions
    return plain or "".join(part for part in parts if part.isascii()) or "?"


def forget_runs() -> None:
    """Cut texts anew: tests change which fonts are there."""
    for found in (runs, _all_fonts, _plain_character):
        found.cache_clear()
