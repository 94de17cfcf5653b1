"""Word lists, cleaned: one spelling, one script, no noise, split into train and held out."""

from __future__ import annotations

import lzma
import re
import unicodedata
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from lipiyana.ocr.recognition.charset import Charset
from lipiyana.ocr.scripts.normalization import normalize
from lipiyana.ocr.scripts.table import LANGUAGES, SCRIPTS, Script

ENGLISH = Path("/usr/share/dict/american-english")
"""Debian's wamerican (public domain); the corpus does with its own vocabulary without it."""

COPYLEFT = frozenset({"mni", "sat"})
"""Languages whose lists are GPL; what ships and holds words is made from the other lists alone."""

HELD_OUT_SHARE = 50  # one word in so many
_SHORTEST_HELD_OUT = 4  # random syllables would hit shorter words by chance

# web text writes Malayalam's chillus with a bare virama where the joiner was lost
_LOST_CHILLUS = (
    (re.compile("ള്(?=$|ക|[ഥ-ഫ])"), "ൾ"),
    (re.compile("ല്(?=$|ക|പ)"), "ൽ"),
    (re.compile("ര്(?=$|[ക-യഷസ])(?!യ)"), "ർ"),
    (re.compile("(?<![ിന])ന്$"), "ൻ"),
)
# the Urdu list holds words with every mark there is, as a typist would try them
_PLAIN = "[^\u064b-\u065f\u0670]"
_URDU_WORD = re.compile(f"{_PLAIN}+(\u0650|(?<=ا)\u064b)?|{_PLAIN}{{2,}}[\u0651\u0670]{_PLAIN}+")


@dataclass(frozen=True, slots=True)
class WordList:
    """Words of one language.

    Attributes:
        language: BCP 47 code.
        script: ISO 15924 code.
        words: normalized, each once.
        drawn: for words that were spelled with joiners: how to draw them.
    """

    language: str
    script: str
    words: tuple[str, ...]
    drawn: dict[str, str]


def is_held_out(word: str) -> bool:
    """Say whether `word` is for evaluation alone, by a hash that never changes."""
    if len(word) < _SHORTEST_HELD_OUT:
        return False
    return zlib.crc32(word.casefold().encode()) % HELD_OUT_SHARE == 0


def _broken(charset: Charset) -> re.Pattern[str]:
    """Match what no cluster allows, where fonts show a dotted circle: typing errors."""
    vowel_signs, nasals, viramas = "", "", ""
    for character in charset.characters:
        name = unicodedata.name(character, "")
        if "VOWEL SIGN" in name:
            vowel_signs += character
        elif re.search("SIGN (CANDRABINDU|ANUSVARA|VISARGA|BINDI|ADAK BINDI)|TIPPI|ADDAK", name):
            nasals += character
        elif "SIGN VIRAMA" in name:
            viramas += character
    signs, others = _one_of(vowel_signs), _one_of(nasals + viramas)
    marks = _one_of(vowel_signs + nasals + viramas)
    return re.compile(f"^{marks}|{marks}{signs}|{others}{others}")


def _one_of(characters: str) -> str:
    # a set of none is no expression; a charset of Latin alone has none
    return f"[{characters}]" if characters else "(?!)"


def _joiners_that_matter(raw: str) -> str:
    # a joiner shows only next to a virama
    return re.sub(
        "(?<![\u094d\u09cd\u0a4d\u0acd\u0b4d\u0bcd\u0c4d\u0ccd\u0d4d])[\u200c\u200d]", "", raw
    )


def _clean(lines: Iterable[str], script: Script, charset: Charset) -> Iterator[tuple[str, str]]:
    allowed = {ch for ch in charset.characters if script.contains(ch)}
    broken = _broken(charset)
    seen: set[str] = set()
    for line in lines:
        raw = line.strip()
        word = normalize(raw)
        if script.code == "Mlym":
            for pattern, chillu in _LOST_CHILLUS:
                word = pattern.sub(chillu, word)
        if not word or word in seen or not allowed.issuperset(word) or broken.search(word):
            continue
        if script.code == "Arab" and not _URDU_WORD.fullmatch(word):
            continue
        seen.add(word)
        yield word, _joiners_that_matter(raw)


def load_word_list(path: Path, charset: Charset) -> WordList:
    """Read `<language>.txt.xz`, one word a line."""
    language = path.name.split(".")[0]
    script = SCRIPTS[LANGUAGES[language]]
    with lzma.open(path, "rt", encoding="utf-8") as lines:
        pairs = list(_clean(lines, script, charset))
    drawn = {
        word: raw
        for word, raw in pairs
        if ("\u200c" in raw or "\u200d" in raw) and normalize(raw) == word
    }
    return WordList(language, script.code, tuple(word for word, _ in pairs), drawn)


def load_english(path: Path | None, charset: Charset) -> WordList:
    """Read a dictionary of English, one word a line; possessives are left out.

    Without a path the words come from `english.txt`, the vocabulary of signs.
    """
    script = SCRIPTS["Latn"]
    file = path or resources.files("lipiyana.rendering.contents").joinpath("english.txt")
    lines = file.read_text("utf-8").splitlines()
    words = tuple(word for word, _ in _clean(lines, script, charset))
    return WordList("en-dictionary" if path else "en", script.code, words, {})
