"""The renderer's text source: an endless stream of lines as seen on Indian roads.

Four fifths come from words, places, names, phrases, numbers and registrations, one fifth from
random strings that cover every character and cluster (`words.Coverage`). Every text is normalized
and uses only characters of the charset.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from lipiyana.ocr.recognition.charset import Charset
from lipiyana.ocr.scripts.clusters import JOINER
from lipiyana.ocr.scripts.normalization import normalize
from lipiyana.ocr.scripts.table import SCRIPTS
from lipiyana.rendering.contents import numbers, registration_texts
from lipiyana.rendering.contents.boards import Boards, random_case
from lipiyana.rendering.contents.words import (
    ENGLISH,
    Coverage,
    HardWords,
    TrigramModel,
    WordList,
    is_held_out,
    load_english,
    load_word_list,
)

Split = Literal["train", "held_out"]

DEFAULT_WEIGHTS: Mapping[str, float] = MappingProxyType(
    dict.fromkeys(SCRIPTS, 1.0) | {"Latn": 3.0, "Deva": 2.0, "Beng": 1.5, "Olck": 0.5, "Mtei": 0.5}
)
"""Weight of each script when the caller names none; a quarter of all lines contain Latin."""

_KINDS = {
    "Latn": {
        "coverage": 12, "word": 26, "line": 12, "place": 9, "phrase": 12, "name": 5,
        "number": 12, "registration": 12,
    },
    "Olck": {
        "coverage": 21, "word": 40, "line": 15, "mixed": 11, "place": 3, "phrase": 3, "number": 7,
    },
    "Mtei": {
        "coverage": 21, "word": 40, "line": 15, "mixed": 11, "place": 3, "phrase": 3, "number": 7,
    },
    "Arab": {
        "coverage": 20, "word": 30, "short": 3, "board word": 7, "line": 13, "mixed": 7, "place": 5,
        "phrase": 7, "name": 3, "number": 5,
    },
    "": {
        "coverage": 18, "word": 14, "hard": 23, "short": 6, "board word": 10, "line": 7, "mixed": 6,
        "place": 4, "phrase": 6, "name": 2, "initials": 1, "number": 3, "registration": 1,
    },
}  # fmt: skip
_HELD_OUT_KINDS = {"word": 75, "line": 25}
_MODELLED = ("Olck", "Mtei")
_ENDINGS = {
    "Deva": "।।॥",
    "Beng": "।",
    "Guru": "।",
    "Orya": "।",
    "Arab": "۔،؟",
    "Olck": "᱾",
    "Mtei": "꯫",
}


@dataclass(frozen=True, slots=True)
class Sample:
    """One line to render.

    Attributes:
        text: the label that the reader must output: normalized, in logical order.
        script: ISO 15924 code of the requested script; `Latn` if the text is all ASCII.
        kind: the part of the corpus that it comes from, such as "word" or "place".
        drawn: the string to shape: `text`, sometimes with joiners that split a conjunct, or with
            typographic quotes. Normalizing it gives `text`.
    """

    text: str
    script: str
    kind: str
    drawn: str


class Corpus:
    """A source of samples; create it with `Corpus.load`."""

    def __init__(
        self,
        lists: Sequence[WordList],
        charset: Charset,
        split: Split = "train",
        weights: Mapping[str, float] = DEFAULT_WEIGHTS,
    ) -> None:
        """Sort the words by script and prepare the generators.

        Args:
            lists: words by language, see `load_word_list`.
            charset: the characters that a text may contain.
            split: `held_out` draws only words, and lines of words, that `train` never draws.
            weights: weight of each script when `sample` is called without one.
        """
        self.charset = charset
        self.split = split
        boards = Boards(self._pick)
        by_hand = {normalize(word.casefold()): word.casefold() for word in boards.words()}
        self._words: dict[str, list[list[str]]] = defaultdict(list)
        self._drawn = {word: drawn for word, drawn in by_hand.items() if word != drawn}
        self.word_counts: dict[str, int] = {}
        everything: dict[str, list[str]] = defaultdict(list)
        for word_list in lists:
            held_out = split == "held_out"
            words = [
                word
                for word in word_list.words
                if (is_held_out(word) and word.casefold() not in by_hand) == held_out
            ]
            self.word_counts[word_list.language] = len(words)
            if words:
                self._words[word_list.script].append(words)
            everything[word_list.script] += words
            self._drawn |= word_list.drawn
        self._coverage = {code: Coverage(code, charset, everything[code]) for code in SCRIPTS}
        self._hard: dict[str, HardWords] = {}
        self._models = {code: TrigramModel(everything[code]) for code in _MODELLED}
        self._scripts = [
            code for code, weight in weights.items() if weight > 0 and code in self._words
        ]
        self._script_weights = list(accumulate(weights[code] for code in self._scripts))
        self._kinds: dict[str, tuple[list[str], list[float]]] = {}
        for code in SCRIPTS:
            kinds = _HELD_OUT_KINDS if split == "held_out" else _KINDS.get(code, _KINDS[""])
            self._kinds[code] = (list(kinds), list(accumulate(map(float, kinds.values()))))
        self._makers: dict[str, Callable[[random.Random, str], str]] = {
            "coverage": lambda rng, code: self._coverage[code].sample(rng),
            "word": self._word,
            "hard": lambda rng, code: self._hard_words(code).hard(rng),
            "short": lambda rng, code: self._hard_words(code).short(rng),
            "board word": self._board_word,
            "line": self._line,
            "mixed": self._mixed,
            "place": boards.place,
            "phrase": boards.phrase,
            "name": boards.name,
            "initials": boards.initials,
            "number": boards.number,
            "registration": boards.registration,
        }

    @classmethod
    def load(
        cls,
        words_dir: Path,
        *,
        split: Split = "train",
        weights: Mapping[str, float] = DEFAULT_WEIGHTS,
        charset: Charset | None = None,
        english: Path = ENGLISH,
    ) -> Corpus:
        """Read every word list of a folder, and the English dictionary if the file exists."""
        charset = charset or Charset.load()
        lists = [load_word_list(path, charset) for path in sorted(words_dir.glob("*.txt.xz"))]
        lists.append(load_english(None, charset))
        if english.exists():
            lists.append(load_english(english, charset))
        return cls(lists, charset, split, weights)

    def words(self, script: str) -> frozenset[str]:
        """Return every word of the lists that this split may draw in a script."""
        return frozenset(word for words in self._words.get(script, ()) for word in words)

    def sample(self, rng: random.Random, script: str | None = None) -> Sample:
        """Draw one line.

        Args:
            rng: random generator; the same state gives the same sample.
            script: ISO 15924 code, or None to draw one by the weights.
        """
        while True:
            code = script or rng.choices(self._scripts, cum_weights=self._script_weights)[0]
            kinds, weights = self._kinds[code]
            kind = rng.choices(kinds, cum_weights=weights)[0]
            text = self._with_joiners(rng, normalize(self._makers[kind](rng, code)))
            if text and self.charset.covers(text):
                return Sample(text, "Latn" if text.isascii() else code, kind, self._draw(rng, text))

    @staticmethod
    def _with_joiners(rng: random.Random, text: str) -> str:
        """Spell some rephs as a whole ra, which is another picture: র্য as র‍্য."""
        if _REPH.search(text) and rng.random() < _JOINED_SHARE:
            return _REPH.sub(f"\\g<0>{JOINER}", text)
        return text

    def _draw(self, rng: random.Random, text: str) -> str:
        """Return the text with joiners and quotes that normalization removes but signs show."""
        if text.isascii():
            drawn = text.replace("'", "’") if "'" in text and rng.random() < 0.5 else text
        else:
            drawn = " ".join(self._drawn.get(word, word) for word in text.split(" "))
            if rng.random() < 0.02:
                # fonts of sign painters often lack a conjunct and show the virama instead
                drawn = _BEFORE_JOIN.sub("\\g<0>\u200c", drawn, count=1)
        return drawn if normalize(drawn) == text else text

    def _pick(self, rng: random.Random, code: str) -> str:
        """Draw one word; all languages of the script are equally likely."""
        if self.split == "train" and code in _MODELLED and rng.random() < 0.5:
            made = self._models[code].sample(rng)
            if not is_held_out(made):
                return made
        word = rng.choice(rng.choice(self._words[code]))
        return random_case(rng, word) if code == "Latn" else word

    def _hard_words(self, code: str) -> HardWords:
        """Return the index of a script's words by conjunct and letter; built on first use."""
        if code not in self._hard:
            words = (word for words in self._words.get(code, ()) for word in words)
            self._hard[code] = HardWords(words, SCRIPTS[code].virama)
        return self._hard[code]

    def _board_word(self, rng: random.Random, code: str) -> str:
        """Draw one word of a board text, as a word-level detector crops it."""
        kind = rng.choices(("phrase", "place", "name"), (6, 2, 1))[0]
        return rng.choice(self._makers[kind](rng, code).split())

    def _word(self, rng: random.Random, code: str) -> str:
        word = self._pick(rng, code)
        if rng.random() < 0.92:
            return word
        ending = rng.choice(".,:;!?-/" + _ENDINGS.get(code, "") * 3)
        return rng.choice(
            (word + ending, word + ending, word + ending, f"({word})", f'"{word}"', "-" + word)
        )

    def _line(self, rng: random.Random, code: str) -> str:
        words = [self._pick(rng, code) for _ in range(rng.choice((2, 2, 2, 3, 3, 4)))]
        if code == "Latn":
            words = _same_case(rng, words)
        mark = rng.choice((" ",) * 12 + (", ", "-", " - ", " & ", "/", " / ", ". "))
        return mark.join(words)

    def _mixed(self, rng: random.Random, code: str) -> str:
        """Draw a line that mixes the script with Latin words or numbers."""
        own = self._pick(rng, code) if rng.random() < 0.6 else self._line(rng, code)
        kind = rng.random()
        if kind < 0.45:
            other = self._pick(rng, "Latn") if self._words.get("Latn") else "ROAD"
        elif kind < 0.6:
            other = self._makers["place"](rng, "Latn")
        elif kind < 0.7:
            other = registration_texts.indian(rng)
        else:
            other = numbers.quantity(rng)
        pair = [own, other]
        rng.shuffle(pair)
        mark = rng.choice((" ", " ", " ", " ", " - ", "/", " / ", ", ", ": "))
        if rng.random() < 0.1:
            return f"{pair[0]} ({pair[1]})"
        return mark.join(pair)


_JOINED_SHARE = 0.2
# ra whose hook a joiner would prevent
_REPH = re.compile(
    "(?<!\u09cd)[\u09b0\u09f0](?=\u09cd\u09af)|(?<!\u0ccd)\u0cb0(?=\u0ccd[\u0c95-\u0cb9])"
)

# a virama inside a word, but not after ra: every font has ra's conjunct form
_BEFORE_JOIN = re.compile(
    "(?<![रরৰરରరರര])[\u094d\u09cd\u0acd\u0b4d\u0c4d\u0ccd\u0d4d](?=[^\\W\\d])"
)


def _same_case(rng: random.Random, words: list[str]) -> list[str]:
    """Give all words of a line the same case; one line in ten is left unchanged."""
    kind = rng.random()
    if kind < 0.45:
        return [word.upper() for word in words]
    if kind < 0.8:
        return [word.capitalize() for word in words]
    return [word.lower() for word in words] if kind < 0.9 else words
