"""One spelling for each thing that a sign can show.

Unicode often spells one picture in several ways. What the reader learns and what it returns is
always the spelling of this module: NFC, without invisible characters, with the spellings that
the Unicode Standard recommends (chapters 9, 12, 13: "for ... use ... do not use") and with plain
quotes. Text that looks different stays different: the joiner of র‍্যাব and ರ‍್ಯಾಂಕ್, without which ra
becomes a hook, is kept. The non-joiner that shows a virama in place of a conjunct is not: which of
the two is seen also depends on the font, and the letters are the same.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from lipiyana.ocr.scripts.clusters import JOINER

# written with joiners before Unicode had a character of its own
_JOINED = {
    "\u0d23\u0d4d\u200d": "\u0d7a",  # Malayalam chillu nn
    "\u0d28\u0d4d\u200d": "\u0d7b",  # n
    "\u0d30\u0d4d\u200d": "\u0d7c",  # rr
    "\u0d32\u0d4d\u200d": "\u0d7d",  # l
    "\u0d33\u0d4d\u200d": "\u0d7e",  # ll
    "\u0d15\u0d4d\u200d": "\u0d7f",  # k
    "\u09a4\u09cd\u200d": "\u09ce",  # Bengali khanda ta
    "\u0930\u094d\u200d": "\u0931\u094d",  # Marathi and Nepali eyelash ra
}

# vowels that other characters can imitate exactly
_LOOKALIKES = {
    # Devanagari
    "अा": "आ", "र्इ": "ई", "उु": "ऊ", "एॅ": "ऍ", "एॆ": "ऎ", "एे": "ऐ",
    "अॉ": "ऑ", "आॅ": "ऑ", "अॊ": "ऒ", "आॆ": "ऒ", "अो": "ओ", "आे": "ओ", "अौ": "औ",
    "आै": "औ", "अॅ": "ॲ", "ाॅ": "ॉ", "ाॆ": "ॊ", "ाे": "ो", "ाै": "ौ",
    # Bengali
    "অা": "আ", "ঋৃ": "ৠ", "ব\u09bc": "র",
    # Gurmukhi
    "ਅਾ": "ਆ", "ੲਿ": "ਇ", "ੲੀ": "ਈ", "ੳੁ": "ਉ", "ੳੂ": "ਊ", "ੲੇ": "ਏ", "ਅੈ": "ਐ",
    "ੳੋ": "ਓ", "ਅੌ": "ਔ",
    # Gujarati
    "અા": "આ", "અૅ": "ઍ", "અે": "એ", "અૈ": "ઐ", "અૉ": "ઑ", "અો": "ઓ", "અૌ": "ઔ",
    "આૅ": "ઑ", "આે": "ઓ", "આૈ": "ઔ", "ૅા": "ૉ", "ાૅ": "ૉ", "ાે": "ો", "ાૈ": "ૌ",
    # Odia
    "ଅା": "ଆ", "ଏୗ": "ଐ", "ଓୗ": "ଔ",
    # Tamil
    "அூ": "ஆ", "ஶ்ரீ": "ஸ்ரீ",
    # Telugu
    "ఒౌ": "ఔ", "ఒౕ": "ఓ", "ిౕ": "ీ", "ెౕ": "ే", "ొౕ": "ో",
    # Kannada
    "ಉಾ": "ಊ", "ಒೌ": "ಔ", "ಋಾ": "ೠ",
    # Malayalam
    "ഇൗ": "ഈ", "ഉൗ": "ഊ", "എെ": "ഐ", "ഒാ": "ഓ", "ഒൗ": "ഔ", "െെ": "ൈ",
}  # fmt: skip

_TYPOGRAPHY = {
    "‘": "'", "’": "'", "‚": "'", "‛": "'", "′": "'", "ʼ": "'", "´": "'",
    "“": '"', "”": '"', "„": '"', "‟": '"', "″": '"',
    "‐": "-", "‑": "-", "‒": "-", "−": "-", "―": "—", "…": "...", "৷": "।",
    "٠": "۰", "١": "۱", "٢": "۲", "٣": "۳", "٤": "۴", "٥": "۵", "٦": "۶", "٧": "۷",
    "٨": "۸", "٩": "۹", "ك": "ک", "ى": "ی",
}  # fmt: skip

# after ra and before a virama: ra keeps its shape, and what follows it changes
_KEPT_JOINER = re.compile(
    f"(?<=[\u09b0\u09f0]){JOINER}(?=\u09cd\u09af)|(?<=\u0cb0){JOINER}(?=\u0ccd[\u0c95-\u0cb9])"
)

# a nukta belongs to its consonant; typed behind the vowel sign it looks the same
_LATE_NUKTA = re.compile(
    "([\u093e-\u094c]+)(\u093c)|([\u09be-\u09cc]+)(\u09bc)|([\u0a3e-\u0a4c]+)(\u0a3c)"
    "|([\u0abe-\u0acc]+)(\u0abc)|([\u0b3e-\u0b4c]+)(\u0b3c)"
)

# Bengali and Assamese ra: within a conjunct both look the same
_FREE_RA = re.compile("(?<!\u09cd)[\u09b0\u09f0](?!\u09cd)")
_ASSAMESE = re.compile("(?<!\u09cd)\u09f0(?!\u09cd)|\u09f1")
_RA_IN_CONJUNCT = re.compile("(?<=\u09cd)[\u09b0\u09f0]|[\u09b0\u09f0](?=\u09cd)")

# Urdu and Kashmiri letters that Sindhi and Arabic do not have, and letters of Sindhi alone
_URDU = re.compile("[ٹڈڑںےیہ]")
_SINDHI = re.compile("[ٻڀٺٽٿڃڄڇڊڌڍڏڙڦڪڱڳڻ]")
_TO_URDU = str.maketrans({"ي": "ی", "ه": "ہ", "ة": "ۃ", "ۀ": "ۂ"})
_PRESENTATION_FORMS = re.compile("[\ufb50-\ufdff\ufe70-\ufefc]")
_SPACES = re.compile(r"\s+")


def _substitution(table: Mapping[str, str]) -> re.Pattern[str]:
    longest_first = sorted(table, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first)))


_JOINED_PATTERN = _substitution(_JOINED)
_LOOKALIKE_PATTERN = _substitution(_LOOKALIKES)
_TYPOGRAPHY_PATTERN = _substitution(_TYPOGRAPHY)


def _is_invisible(character: str) -> bool:
    if character.isspace():
        return False
    return (
        unicodedata.category(character) in {"Cf", "Cc", "Co", "Cs"}
        or "\ufe00" <= character <= "\ufe0f"  # variation selectors
        or character in "\u034f\u0640\u115f\u1160\u3164"  # joiners and fillers that are letters
    )


def _pass(text: str) -> str:
    text = _JOINED_PATTERN.sub(lambda match: _JOINED[match[0]], text)
    text = _PRESENTATION_FORMS.sub(lambda match: unicodedata.normalize("NFKC", match[0]), text)
    kept = {match.start() for match in _KEPT_JOINER.finditer(text)}
    text = "".join(c for i, c in enumerate(text) if i in kept or not _is_invisible(c))
    text = unicodedata.normalize("NFC", text)
    text = _LATE_NUKTA.sub(lambda match: match[0][-1] + match[0][:-1], text)
    text = _LOOKALIKE_PATTERN.sub(lambda match: _LOOKALIKES[match[0]], text)
    text = _TYPOGRAPHY_PATTERN.sub(lambda match: _TYPOGRAPHY[match[0]], text)
    free_ra = set(_FREE_RA.findall(text))
    if len(free_ra) == 1:
        text = _RA_IN_CONJUNCT.sub(free_ra.pop(), text)
    if _URDU.search(text) and not _SINDHI.search(text):
        text = text.translate(_TO_URDU)
    return unicodedata.normalize("NFC", _SPACES.sub(" ", text).strip())


def normalize(text: str) -> str:
    """Return the one spelling of `text`: NFC, nothing invisible, single spaces, trimmed.

    Native digits, danda and colons stay what they are. Applying it twice changes nothing.
    """
    # one step can open the way for another, as in the vowels of three characters
    while (result := _pass(text)) != text:
        text = result
    return text


def spell_ra(text: str, context: str) -> str:
    """Spell ra within conjuncts as its language does, where the text itself does not show which.

    Bengali ra and Assamese ra look the same there. The letters of `context` decide: if it has
    letters of Assamese alone and no Bengali ra, it is Assamese; otherwise Bengali, which more
    signs are in.

    Args:
        text: normalized.
        context: all that was read beside it, normalized, such as the lines of one sign.

    >>> spell_ra("কাৰ্যালয়", "কাৰ্যালয়")
    'কার্যালয়'
    """
    if _FREE_RA.search(text):
        return text
    bengali = "\u09b0" in _FREE_RA.findall(context) or not _ASSAMESE.search(context)
    return _RA_IN_CONJUNCT.sub("\u09b0" if bengali else "\u09f0", text)
