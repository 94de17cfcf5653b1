"""Texts like those that the user labelled, and texts of everything else that the base reads."""

from __future__ import annotations

import math
import random
import unicodedata
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from lipiyana.ocr.language.model import EDGE, LEVELS, ORDER, LanguageModel, ScriptModel, pack
from lipiyana.ocr.recognition.charset import Charset
from lipiyana.ocr.scripts.label_order import to_text
from lipiyana.ocr.scripts.normalization import normalize
from lipiyana.ocr.scripts.table import COMMON, SCRIPTS, script_of, script_of_char
from lipiyana.rendering.contents.word_lists import WordList

WORDS_A_SCRIPT = 1500
_LONGEST = 16
_SYMBOL_BITS = 8
_SYMBOLS = 1 << _SYMBOL_BITS


@dataclass(frozen=True, slots=True)
class KindredText:
    """A text to draw, and the ISO 15924 code of its script."""

    text: str
    script: str


class KindredTexts:
    """Makes texts of the same kind as some labels: the same patterns, words and characters.

    Half of them take a label and put other characters of the same script and kind (letter, mark,
    digit) in the places of its own, so that a plate stays a plate; the others put its words
    together anew.
    """

    def __init__(self, texts: Sequence[str], charset: Charset) -> None:
        """Take normalized texts that the charset covers.

        Raises:
            ValueError: there are none.
        """
        if not texts:
            raise ValueError("no text to be like")
        self._texts = list(texts)
        self._charset = charset
        self._words = [word for text in texts for word in text.split()]
        seen = Counter(c for text in texts for c in text)
        self._alike: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        self._weights: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
        for character in charset.characters:
            kind = _kind(character)
            # what the labels use comes oftener, what they might use comes too
            self._alike[kind].append(character)
            self._weights[kind].append(0.2 + math.sqrt(seen[character]))
        self._cumulated = {kind: list(accumulate(w)) for kind, w in self._weights.items()}

    def sample(self, rng: random.Random) -> KindredText:
        """Draw one text: normalized, within the charset."""
        while True:
            made = self._altered(rng) if rng.random() < 0.5 else self._recombined(rng)
            text = normalize(made)
            if text and self._charset.covers(text):
                return KindredText(text, _script_to_draw(text))

    def _altered(self, rng: random.Random) -> str:
        share = rng.random()
        return "".join(
            self._other(rng, c) if c.isalnum() and rng.random() < share else c
            for c in rng.choice(self._texts)
        )

    def _other(self, rng: random.Random, character: str) -> str:
        kind = _kind(character)
        if kind not in self._alike:
            return character
        return rng.choices(self._alike[kind], cum_weights=self._cumulated[kind])[0]

    def _recombined(self, rng: random.Random) -> str:
        pattern = rng.choice(self._texts)
        words = [rng.choice(self._words) for _ in pattern.split()]
        if len(words) == 1 and rng.random() < 0.5:
            words.append(rng.choice(self._words))
        return " ".join(words)


def _kind(character: str) -> tuple[str, str]:
    return script_of_char(character), unicodedata.category(character)


def _script_to_draw(text: str) -> str:
    code = script_of(text)
    return "Latn" if code == COMMON else code


def words_like(model: LanguageModel, rng: random.Random) -> list[WordList]:
    """Make words that might be words of each script that the language model knows.

    They stand in for word lists, which are not installed.
    """
    lists = []
    for code, script in model.scripts.items():
        words = dict.fromkeys(_word(script, rng) for _ in range(WORDS_A_SCRIPT))
        kept = tuple(word for word in words if len(word) > 1 and normalize(word) == word)
        lists.append(WordList(SCRIPTS[code].languages[0], code, kept, {}))
    return lists


def _word(model: ScriptModel, rng: random.Random) -> str:
    """Draw letter by letter, each by as many before it as the n-grams know."""
    symbols = [EDGE]
    while len(symbols) <= _LONGEST:
        following = _following(model, symbols)
        if not following:
            break
        drawn = rng.choices([s for s, _ in following], [w for _, w in following])[0]
        if drawn == EDGE:
            break
        symbols.append(drawn)
    return to_text("".join(model.letters[s - EDGE - 1] for s in symbols[1:]))


def _following(model: ScriptModel, symbols: Sequence[int]) -> list[tuple[int, float]]:
    """Give what may come next, and how likely: of the longest context that anything follows."""
    for length in range(min(len(symbols), ORDER - 1), -1, -1):
        grams = model.grams[length]
        first = pack(symbols[len(symbols) - length :]) << _SYMBOL_BITS
        low = bisect_left(grams.keys, first)
        high = bisect_left(grams.keys, first + _SYMBOLS)
        if low < high:
            return [
                (grams.keys[at] & _SYMBOLS - 1, math.exp(-grams.levels[at] / LEVELS))
                for at in range(low, high)
            ]
    return []
