"""Words to render: cleaned word lists, and generated strings for what the lists rarely contain.

Words are normalized, in one script, and split into train and held-out. `HardWords` draws words by
their rare clusters, conjuncts and letters; `TrigramModel` makes pronounceable words for scripts
with short lists; `Coverage` makes strings that contain every character of a script.
"""

from __future__ import annotations

import lzma
import random
import re
import string
import unicodedata
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import resources
from itertools import accumulate
from pathlib import Path

from lipiyana.ocr.recognition.charset import Charset
from lipiyana.ocr.scripts.clusters import JOINER, clusters
from lipiyana.ocr.scripts.normalization import normalize
from lipiyana.ocr.scripts.table import LANGUAGES, SCRIPTS, Script, script_of_char

ENGLISH = Path("/usr/share/dict/american-english")
"""Debian's wamerican (public domain); if it is missing, only the built-in vocabulary is used."""

COPYLEFT = frozenset({"mni", "sat"})
"""Languages whose word lists are GPL; shipped files that contain words do not use them."""

HELD_OUT_SHARE = 50  # one word in 50 is held out
_SHORTEST_HELD_OUT = 4  # shorter words also occur in random strings, so holding them out fails

# web text writes Malayalam chillus with a bare virama where the joiner was lost
_LOST_CHILLUS = (
    (re.compile("ള്(?=$|ക|[ഥ-ഫ])"), "ൾ"),
    (re.compile("ല്(?=$|ക|പ)"), "ൽ"),
    (re.compile("ര്(?=$|[ക-യഷസ])(?!യ)"), "ർ"),
    (re.compile("(?<![ിന])ന്$"), "ൻ"),
)
# the Urdu list contains words with implausible marks, such as typing experiments
_PLAIN = "[^\u064b-\u065f\u0670]"
_URDU_WORD = re.compile(f"{_PLAIN}+(\u0650|(?<=ا)\u064b)?|{_PLAIN}{{2,}}[\u0651\u0670]{_PLAIN}+")


@dataclass(frozen=True, slots=True)
class WordList:
    """Words of one language.

    Attributes:
        language: BCP 47 code.
        script: ISO 15924 code.
        words: normalized, without duplicates.
        drawn: the spelling with joiners, for words that had some before normalization.
    """

    language: str
    script: str
    words: tuple[str, ...]
    drawn: dict[str, str]


def is_held_out(word: str) -> bool:
    """Return whether `word` is reserved for evaluation, by a fixed hash."""
    if len(word) < _SHORTEST_HELD_OUT:
        return False
    return zlib.crc32(word.casefold().encode()) % HELD_OUT_SHARE == 0


def _ill_formed(charset: Charset) -> re.Pattern[str]:
    """Build a pattern for mark sequences that no valid cluster contains: typing errors."""
    vowel_signs, nasals, viramas = "", "", ""
    for character in charset.characters:
        name = unicodedata.name(character, "")
        if "VOWEL SIGN" in name:
            vowel_signs += character
        elif re.search("SIGN (CANDRABINDU|ANUSVARA|VISARGA|BINDI|ADAK BINDI)|TIPPI|ADDAK", name):
            nasals += character
        elif "SIGN VIRAMA" in name:
            viramas += character
    signs, others = _character_class(vowel_signs), _character_class(nasals + viramas)
    marks = _character_class(vowel_signs + nasals + viramas)
    return re.compile(f"^{marks}|{marks}{signs}|{others}{others}")


def _character_class(characters: str) -> str:
    # an empty character class is not valid; a charset of Latin alone has no such marks
    return f"[{characters}]" if characters else "(?!)"


def _drop_invisible_joiners(raw: str) -> str:
    # a joiner shows only next to a virama
    return re.sub(
        "(?<![\u094d\u09cd\u0a4d\u0acd\u0b4d\u0bcd\u0c4d\u0ccd\u0d4d])[\u200c\u200d]", "", raw
    )


def _clean(lines: Iterable[str], script: Script, charset: Charset) -> Iterator[tuple[str, str]]:
    allowed = {ch for ch in charset.characters if script.contains(ch)} | {JOINER}
    broken = _ill_formed(charset)
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
        yield word, _drop_invisible_joiners(raw)


def load_word_list(path: Path, charset: Charset) -> WordList:
    """Read `<language>.txt.xz`, one word per line."""
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
    """Read an English dictionary, one word per line; possessives are skipped.

    If `path` is None, `english.txt`, the vocabulary of signs, is read.
    """
    script = SCRIPTS["Latn"]
    file = path or resources.files("lipiyana.rendering.contents").joinpath("english.txt")
    lines = file.read_text("utf-8").splitlines()
    words = tuple(word for word, _ in _clean(lines, script, charset))
    return WordList("en-dictionary" if path else "en", script.code, words, {})


# exponent on the number of words with a cluster: 1 draws by frequency, 0 uniformly
_FREQUENCY_EXPONENT = 0.25
_SHORT = 2  # clusters
# reph, the hook for a leading ra, is small and often misread, so it is drawn more often
_REPH_FACTOR = 2.0
_REPH = re.compile("[रরৰર][\u094d\u09cd\u0acd]")


class HardWords:
    """Draws words of one script by what they contain, so that no cluster or letter is rare."""

    def __init__(self, words: Iterable[str], virama: str) -> None:
        """Index the words by their clusters, conjuncts and letters.

        Args:
            words: normalized, in one script.
            virama: the script's virama; "" if it has none.
        """
        conjunct = re.compile(f"(?:\\w[\u09bc\u093c]?{virama})+\\w") if virama else None
        found: defaultdict[str, list[str]] = defaultdict(list)
        self._short: list[str] = []
        for word in words:
            whole = clusters(word)
            parts = set(whole)
            if conjunct:
                parts |= set(conjunct.findall(word))
            parts |= {ch for ch in word if unicodedata.category(ch)[0] in "LM" and ch != virama}
            # the order of a set differs between processes
            for part in sorted(parts):
                found[part].append(word)
            if len(word) <= 6 and len(whole) <= _SHORT:
                self._short.append(word)
        self._words = list(found.values())
        self._weights = list(
            accumulate(
                len(words) ** _FREQUENCY_EXPONENT * (_REPH_FACTOR if _REPH.match(part) else 1.0)
                for part, words in found.items()
            )
        )

    def hard(self, rng: random.Random) -> str:
        """Draw a cluster or letter, then a word that contains it; "" if there are no words."""
        if not self._words:
            return ""
        return rng.choice(rng.choices(self._words, cum_weights=self._weights)[0])

    def short(self, rng: random.Random) -> str:
        """Draw a word of one or two clusters, as about half of the words on signs are."""
        return rng.choice(self._short) if self._short else self.hard(rng)


_START, _END = "\x02", "\x03"


class TrigramModel:
    """A character trigram model that generates words."""

    def __init__(self, words: Iterable[str]) -> None:
        counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for word in words:
            padded = _START * 2 + word + _END
            for i in range(len(padded) - 2):
                counts[padded[i : i + 2]][padded[i + 2]] += 1
        self._next = {
            context: (list(counter), list(accumulate(counter.values())))
            for context, counter in counts.items()
        }

    def sample(self, rng: random.Random, longest: int = 14) -> str:
        """Draw a word of at most `longest` characters; "" if the model was built from no words."""
        word = _START * 2
        while word[-2:] in self._next and len(word) - 2 < longest:
            characters, weights = self._next[word[-2:]]
            character = rng.choices(characters, cum_weights=weights)[0]
            if character == _END:
                break
            word += character
        return word[2:]


class Coverage:
    """Draws random strings in one script that cover its characters and clusters.

    Half of the clusters are drawn uniformly from those of the word list, so that rare conjuncts
    come as often as common ones; the others are composed at random.
    """

    def __init__(self, code: str, charset: Charset, words: Iterable[str]) -> None:
        self._script = SCRIPTS[code]
        self._characters = [ch for ch in charset.characters if script_of_char(ch) == code]
        self._letters = [ch for ch in self._characters if unicodedata.category(ch) == "Lo"]
        block = self._script.ranges[0][0]
        self._consonants = [
            ch
            for ch in self._letters
            if code not in _BRAHMIC or 0x15 <= ord(ch) - block <= 0x39 or ord(ch) - block > 0x70
        ]
        if code == "Mlym":
            self._consonants = [ch for ch in self._letters if 0x15 <= ord(ch) - block <= 0x39]
        if code == "Mtei":
            self._consonants = [ch for ch in self._letters if ch <= "\uabda"]
        marks = [ch for ch in self._characters if unicodedata.category(ch)[0] == "M"]
        self._marks = [ch for ch in marks if ch != self._script.virama]
        self._nukta = "".join(ch for ch in marks if unicodedata.name(ch).endswith("SIGN NUKTA"))
        self._clusters = _known_clusters(words)
        self._make: Callable[[random.Random], str] = {
            "Latn": self._latin,
            "Arab": self._joined_letters,
            "Olck": self._joined_letters,
        }.get(code, self._brahmic)

    def sample(self, rng: random.Random) -> str:
        """Draw a string of one to six letters or clusters, not yet normalized."""
        if rng.random() < 0.15:
            return self._one(rng)
        return self._make(rng)

    def _one(self, rng: random.Random) -> str:
        """Draw one character, a letter with a mark, or up to four digits."""
        character = rng.choice(self._characters)
        if unicodedata.category(character)[0] == "M" or unicodedata.category(character) == "Lm":
            return rng.choice(self._consonants) + character
        if character.isdigit():
            return "".join(rng.choice(self._script.digits) for _ in range(rng.randint(1, 4)))
        return character

    def _latin(self, rng: random.Random) -> str:
        kind = rng.random()
        if kind < 0.3:
            letters = rng.choice((string.ascii_lowercase, string.ascii_uppercase))
        elif kind < 0.6:
            letters = string.ascii_letters + string.digits
        else:
            letters = string.ascii_letters + string.digits + string.punctuation * 2
            letters += "".join(self._characters) + "₹°–—×•½¼¾©®™"
        return "".join(rng.choice(letters) for _ in range(rng.randint(1, 8)))

    def _joined_letters(self, rng: random.Random) -> str:
        parts = []
        for _ in range(rng.randint(1, 6)):
            parts.append(rng.choice(self._letters))
            if self._marks and rng.random() < 0.08:
                parts.append(rng.choice(self._marks))
            if rng.random() < 0.06:
                parts.append(self._one(rng))
        if self._script.code == "Olck" and rng.random() < 0.5:
            parts.insert(rng.randint(1, len(parts)), rng.choice("ᱸᱹᱺᱻᱼᱽ"))
        return "".join(parts)

    def _brahmic(self, rng: random.Random) -> str:
        return "".join(self._cluster(rng) for _ in range(rng.randint(1, 5)))

    def _cluster(self, rng: random.Random) -> str:
        kind = rng.random()
        if kind < 0.5 and self._clusters:
            return rng.choice(self._clusters)
        if kind < 0.62:
            return self._one(rng)
        cluster = rng.choice(self._consonants)
        if self._nukta and rng.random() < 0.1:
            cluster += self._nukta
        if self._script.virama and rng.random() < 0.25:
            cluster += self._script.virama + rng.choice(self._consonants)
        if self._marks and rng.random() < 0.7:
            cluster += rng.choice(self._marks)
        return cluster


_BRAHMIC = {"Deva", "Beng", "Guru", "Gujr", "Orya", "Taml", "Telu", "Knda", "Mlym"}


def _known_clusters(words: Iterable[str]) -> list[str]:
    found = {cluster for word in words for cluster in clusters(word)}
    return sorted(cluster for cluster in found if len(cluster) > 1)
