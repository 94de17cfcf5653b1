"""The scripts that are read: codes, languages, code points, digits, direction."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Literal

from lipiyana.script_codes import SCRIPT_NAMES

COMMON = "Zyyy"
"""ISO 15924 code of text that belongs to no script: punctuation, ASCII digits, symbols."""


@dataclass(frozen=True, slots=True)
class Script:
    """One script.

    Attributes:
        code: ISO 15924 code.
        name: its name in English.
        languages: BCP 47 codes of the languages of India that are written in it.
        ranges: first and last code points of its letters, signs and digits.
        digits: its digits, zero first.
        direction: of its letters; digits always run from left to right.
        virama: the sign that removes the inherent vowel, "" if there is none.
    """

    code: str
    name: str
    languages: tuple[str, ...]
    ranges: tuple[tuple[int, int], ...]
    digits: str
    direction: Literal["ltr", "rtl"] = "ltr"
    virama: str = ""

    def contains(self, character: str) -> bool:
        """Say whether one character belongs to this script alone."""
        point = ord(character)
        return any(first <= point <= last for first, last in self.ranges)


def _digits(zero: int) -> str:
    return "".join(chr(zero + i) for i in range(10))


def _brahmic(code: str, languages: str, block: int) -> Script:
    # the blocks of Indian scripts share one layout: virama at 4D, digits from 66 to 6F
    ranges: tuple[tuple[int, int], ...] = ((block, block + 0x7F),)
    if code == "Deva":
        # danda and double danda are written with most scripts of India
        ranges = ((block, block + 0x63), (block + 0x66, block + 0x7F), (0xA8E0, 0xA8FF))
    return Script(
        code,
        SCRIPT_NAMES[code],
        tuple(languages.split()),
        ranges,
        _digits(block + 0x66),
        virama=chr(block + 0x4D),
    )


_ALL = (
    _brahmic("Deva", "hi mr ne sa kok mai brx doi", 0x0900),
    _brahmic("Beng", "bn as", 0x0980),
    _brahmic("Guru", "pa", 0x0A00),
    _brahmic("Gujr", "gu", 0x0A80),
    _brahmic("Orya", "or", 0x0B00),
    _brahmic("Taml", "ta", 0x0B80),
    _brahmic("Telu", "te", 0x0C00),
    _brahmic("Knda", "kn", 0x0C80),
    _brahmic("Mlym", "ml", 0x0D00),
    Script(
        "Arab",
        SCRIPT_NAMES["Arab"],
        ("ur", "ks", "sd"),
        ((0x0600, 0x06FF), (0x0750, 0x077F), (0x08A0, 0x08FF), (0xFB50, 0xFDFF), (0xFE70, 0xFEFC)),
        _digits(0x06F0),
        direction="rtl",
    ),
    Script("Olck", SCRIPT_NAMES["Olck"], ("sat",), ((0x1C50, 0x1C7F),), _digits(0x1C50)),
    Script(
        "Mtei",
        SCRIPT_NAMES["Mtei"],
        ("mni",),
        ((0xABC0, 0xABFF), (0xAAE0, 0xAAFF)),
        _digits(0xABF0),
        virama="\uabed",
    ),
    Script(
        "Latn",
        SCRIPT_NAMES["Latn"],
        ("en",),
        (
            (0x41, 0x5A),
            (0x61, 0x7A),
            (0xC0, 0xD6),
            (0xD8, 0xF6),
            (0xF8, 0x24F),
            (0x1E00, 0x1EFF),
        ),
        "0123456789",
    ),
)

SCRIPTS: Mapping[str, Script] = MappingProxyType({script.code: script for script in _ALL})
"""Every script by its ISO 15924 code."""

LANGUAGES: Mapping[str, str] = MappingProxyType(
    {language: script.code for script in _ALL for language in script.languages}
)
"""BCP 47 code of a language -> ISO 15924 code of the script that it is written in here."""

ASCII_DIGITS: Mapping[int, str] = MappingProxyType(
    {
        ord(digit): str(value)
        for script in _ALL
        for value, digit in enumerate(script.digits)
        if not digit.isascii()
    }
)
"""For `str.translate`: native digits to ASCII digits."""


@lru_cache(maxsize=4096)
def script_of_char(character: str) -> str:
    """Return the ISO 15924 code of one character, `Zyyy` if it belongs to no script here."""
    return next((script.code for script in _ALL if script.contains(character)), COMMON)


def script_of(text: str) -> str:
    """Return the ISO 15924 code of most letters of `text`, `Zyyy` if none tells.

    Where there are no letters at all, native digits and signs decide. A tie goes to the
    script that comes first in the text.
    """
    letters: Counter[str] = Counter()
    others: Counter[str] = Counter()
    for character in text:
        code = script_of_char(character)
        if code != COMMON:
            (letters if unicodedata.category(character)[0] == "L" else others)[code] += 1
    counts = letters or others
    return max(counts, key=counts.__getitem__) if counts else COMMON
