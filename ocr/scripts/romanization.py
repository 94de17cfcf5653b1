"""Latin letters for text in any script that is read.

The nine scripts that descend from Brahmi follow ISO 15919 (`rāṣṭrīya`): they are first written in
Devanagari, whose code blocks run parallel to theirs, and then romanized by
`indic-transliteration` (extra `indic`), which knows Devanagari best. Every inherent vowel is
written. Tables of their own have Ol Chiki (after the common spelling of Santali, `Ol Ciki`), Meetei
Mayek (after the names of its letters in Unicode, with the signs of ISO 15919) and Perso-Arabic
(after the consonants of ALA-LC; Urdu's short vowels stay unwritten, as on the sign). Digits become
ASCII, danda a full stop.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from itertools import zip_longest

from lipiyana.errors import MissingExtra
from lipiyana.ocr.scripts.table import ASCII_DIGITS, COMMON, SCRIPTS

OL_CHIKI = dict(
    zip(
        "ᱚᱛᱜᱝᱞᱟᱠᱡᱢᱣᱤᱥᱦᱧᱨᱩᱪᱫᱬᱭᱮᱯᱰᱱᱲᱳᱴᱵᱶᱷᱸᱹᱺᱻᱼᱽ᱾᱿",
        [
            *("o", "t", "g", "ṅ", "l", "a", "k", "j", "m", "w", "i", "s", "h", "ñ", "r", "u", "c"),
            *("d", "ṇ", "y", "e", "p", "ḍ", "n", "ṛ", "ō", "ṭ", "b", "w\u0303", "h"),
            *("\u0303", "\u0323", "\u0323\u0303", "ː", "-", "'", ".", "."),
        ],
        strict=True,
    )
)

MEETEI_CONSONANTS = dict(
    zip(
        "ꯀꯁꯂꯃꯄꯅꯆꯇꯈꯉꯊꯋꯌꯍꯐꯑꯒꯓꯔꯕꯖꯗꯘꯙꯚ",
        [
            *("k", "s", "l", "m", "p", "n", "c", "t", "kh", "ṅ", "th", "w", "y", "h", "ph", ""),
            *("g", "jh", "r", "b", "j", "d", "gh", "dh", "bh"),
        ],
        strict=True,
    )
)
"""With an inherent a; atiya, the carrier of vowels, is empty."""

MEETEI_VOWEL_SIGNS = {
    "ꯣ": "o", "ꯤ": "i", "ꯥ": "ā", "ꯦ": "e", "ꯧ": "ou", "ꯨ": "u", "ꯩ": "ei", "\uabed": "",
}  # fmt: skip
"""These replace the inherent vowel; apun iyek removes it."""

MEETEI_OTHERS = {
    "ꯎ": "u", "ꯏ": "i", "ꯛ": "k", "ꯜ": "l", "ꯝ": "m", "ꯞ": "p", "ꯟ": "n", "ꯠ": "t", "ꯡ": "ṅ",
    "ꯢ": "i", "ꯪ": "ṅ", "꯫": ".", "꯬": "",
}  # fmt: skip

ARABIC_VOWELS = {"ی": "ī", "ي": "ī", "و": "o"}

ARABIC = {
    "ا": "a", "آ": "ā", "أ": "a", "إ": "i", "ٱ": "a", "ٲ": "ạ", "ب": "b", "پ": "p", "ت": "t",
    "ٹ": "ṭ",
    "ث": "s̱", "ج": "j", "چ": "c", "ح": "ḥ", "خ": "kh", "د": "d", "ڈ": "ḍ", "ذ": "ẕ", "ر": "r",
    "ڑ": "ṛ", "ز": "z", "ژ": "zh", "س": "s", "ش": "sh", "ص": "ṣ", "ض": "ẓ", "ط": "t̤", "ظ": "z̤",
    "ع": "ʻ", "غ": "gh", "ف": "f", "ق": "q", "ک": "k", "گ": "g", "ل": "l", "م": "m", "ن": "n",
    "ں": "ṉ", "و": "v", "ؤ": "o", "ہ": "h", "ه": "h", "ھ": "h", "ء": "ʼ", "ئ": "i", "ی": "y",
    "ي": "y",
    "ے": "e", "ۓ": "e", "ۂ": "ʼ", "ۃ": "t", "ة": "t", "ۍ": "ʹ", "ؠ": "ʹ", "ۄ": "o", "ۆ": "o",
    "ێ": "e",
    # Sindhi
    "ٻ": "ḇ", "ڀ": "bh", "ٺ": "ṭh", "ٽ": "ṭ", "ٿ": "th", "ڃ": "ñ", "ڄ": "j̄", "ڇ": "ch", "ڊ": "ḍ",
    "ڌ": "dh", "ڍ": "ḍh", "ڏ": "ḏ", "ڙ": "ṛ", "ڦ": "ph", "ڪ": "k", "ڱ": "ṅ", "ڳ": "ḡ", "ڻ": "ṇ",
    "۽": "ain", "۾": "men",
    # vowels, where they are written
    "َ": "a", "ِ": "i", "ُ": "u", "ً": "an", "ٍ": "in", "ٌ": "un", "ْ": "", "ٰ": "ā", "ٖ": "ī", "ٗ": "ū",
    "ٔ": "ʼ", "ٕ": "i", "ٚ": "e", "ٛ": "o", "ٟ": "ụ", "٘": "ṉ",
    "۔": ".", "،": ",", "؛": ";", "؟": "?", "٪": "%", "٫": ".", "٬": ",",
}  # fmt: skip


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
    return "".join(OL_CHIKI.get(character, character) for character in text)


def _meetei(text: str) -> str:
    parts = []
    for character, following in zip_longest(text, text[1:], fillvalue=""):
        if character in MEETEI_CONSONANTS:
            parts.append(MEETEI_CONSONANTS[character])
            if following not in MEETEI_VOWEL_SIGNS:
                parts.append("a")
        else:
            parts.append(
                MEETEI_VOWEL_SIGNS.get(character)
                or MEETEI_OTHERS.get(character, "" if character == "\uabed" else character)
            )
    return "".join(parts)


def _arabic(text: str) -> str:
    parts: list[str] = []
    before = " "  # the kind of the letter before: space, vowel, consonant
    for character in text:
        if character in "ايیو":
            vowel = before == "c" and character != "ا"
            # alif, ye and waw are vowels after a consonant, and consonants elsewhere
            latin = ARABIC_VOWELS[character] if vowel else ARABIC[character]
            if character == "ا" and before != " ":
                latin = "ā"
            before = "v" if vowel or character == "ا" else "c"
        elif character == "ّ":
            latin = parts[-1] if parts else ""
        else:
            latin = ARABIC.get(character, character)
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
