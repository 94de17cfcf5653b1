"""Latin letters for text in any script that is read.

The nine scripts that descend from Brahmi follow ISO 15919 (`rāṣṭrīya`): they are first written in
Devanagari, whose code blocks run parallel to theirs, and then romanized by
`indic-transliteration` (extra `indic`), which knows Devanagari best. Every inherent vowel is
written. Ol Chiki, Meetei Mayek and Perso-Arabic have tables of their own; Urdu's short vowels
stay unwritten, as on the sign. Digits become ASCII, danda a full stop.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from itertools import zip_longest

from lipiyana.errors import MissingExtra
from lipiyana.ocr.scripts import romanization_tables as tables
from lipiyana.ocr.scripts.table import ASCII_DIGITS, COMMON, SCRIPTS

_DEVANAGARI = 0x0900
_BRAHMIC = ("Deva", "Beng", "Guru", "Gujr", "Orya", "Taml", "Telu", "Knda", "Mlym")
_JOINERS = re.compile("[\u200c\u200d]")

# letters that stand elsewhere than in the block of Devanagari, before the shift
_BEFORE = {
    "Beng": {"ৎ": "ত্", "ৰ": "র", "ৱ": "व", "৳": "Tk "},
    "Guru": {"ਸ਼": "श", "ਲ਼": "ळ", "ੜ": "ड़", "ੰ": "ं", "ੲ": "", "ੳ": "", "ੵ": "य", "ੴ": "ik oṅkār"},
    "Gujr": {"૱": "₹", "૰": "."},
    "Orya": {"ୱ": "व", "ୟ": "य", "୰": "."},
    "Taml": {"ஃ": "ḵ", "௹": "₹"},
    "Mlym": {
        "ൻ": "ന്", "ൺ": "ണ്", "ർ": "ര്", "ൽ": "ല്", "ൾ": "ള്", "ൿ": "ക്", "ൎ": "ര്", "ൗ": "ൌ", "൹": ".",
    },
}  # fmt: skip
_AFTER = {
    "ॲ": "ê", "ॳ": "ö", "ॴ": "ȫ", "ॵ": "o", "ॶ": "u̇", "ॷ": "u̇", "।": ".", "॥": ".", "॰": ".",
    "ॱ": "", "॑": "", "॒": "",
}  # fmt: skip
_ADDAK = re.compile("ੱ([ਕ-ਹ])")


def romanize(text: str, script: str) -> str:
    """Romanize what `text` has in `script` (ISO 15924); other letters stay as they are.

    Raises:
        MissingExtra: the script descends from Brahmi and the extra `indic` is not installed.
        KeyError: there is no such script.
    """
    text = _JOINERS.sub("", text)
    if script in _BRAHMIC:
        text = _brahmic(text, script)
    elif script not in {"Latn", COMMON}:
        text = _BY_TABLE[script](text)
    return unicodedata.normalize("NFC", text.translate(ASCII_DIGITS))


def _brahmic(text: str, script: str) -> str:
    try:
        from indic_transliteration import sanscript
    except ImportError as error:
        raise MissingExtra.for_extra("indic", "romanization") from error

    text = _to_devanagari(text, script)
    latin = sanscript.transliterate(text, sanscript.DEVANAGARI, sanscript.ISO)
    return "".join(_AFTER.get(character, character) for character in latin)


def _to_devanagari(text: str, script: str) -> str:
    if script == "Guru":
        text = _ADDAK.sub(lambda match: f"{match[1]}੍{match[1]}", text)
    for letter, instead in _BEFORE.get(script, {}).items():
        text = text.replace(letter, instead)
    block = SCRIPTS[script].ranges[0][0]
    return "".join(
        chr(ord(character) - block + _DEVANAGARI)
        if SCRIPTS[script].contains(character)
        else character
        for character in text
    )


def _ol_chiki(text: str) -> str:
    return "".join(tables.OL_CHIKI.get(character, character) for character in text)


def _meetei(text: str) -> str:
    parts = []
    for character, following in zip_longest(text, text[1:], fillvalue=""):
        if character in tables.MEETEI_CONSONANTS:
            parts.append(tables.MEETEI_CONSONANTS[character])
            if following not in tables.MEETEI_VOWEL_SIGNS:
                parts.append("a")
        else:
            parts.append(
                tables.MEETEI_VOWEL_SIGNS.get(character)
                or tables.MEETEI_OTHERS.get(character, "" if character == "\uabed" else character)
            )
    return "".join(parts)


def _arabic(text: str) -> str:
    parts: list[str] = []
    before = " "  # the kind of the letter before: space, vowel, consonant
    for character in text:
        if character in "ايیو":
            vowel = before == "c" and character != "ا"
            # alif, ye and waw are vowels after a consonant, and consonants elsewhere
            latin = tables.ARABIC_VOWELS[character] if vowel else tables.ARABIC[character]
            if character == "ا" and before != " ":
                latin = "ā"
            before = "v" if vowel or character == "ا" else "c"
        elif character == "ّ":
            latin = parts[-1] if parts else ""
        else:
            latin = tables.ARABIC.get(character, character)
            if not latin[-1:].isalpha() and not unicodedata.combining(character):
                before = " "
            else:
                before = "v" if latin[-1:] in "aāeiīouū" else "c"
        parts.append(latin)
    return "".join(parts)


_BY_TABLE: dict[str, Callable[[str], str]] = {
    "Olck": _ol_chiki,
    "Mtei": _meetei,
    "Arab": _arabic,
}
