"""Latin letters for the scripts that no library romanizes well.

Ol Chiki after the common spelling of Santali (`Ol Ciki`), Meetei Mayek after the names of its
letters in Unicode with the signs of ISO 15919, Perso-Arabic after the consonants of ALA-LC.
"""

from __future__ import annotations

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
