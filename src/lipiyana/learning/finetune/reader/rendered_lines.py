"""Rendered lines: texts similar to the user's, and texts of everything else the base reads."""

from __future__ import annotations

import math
import random
import unicodedata
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path

import numpy as np

from lipiyana.ocr.language.model import EDGE, LEVELS, ORDER, LanguageModel, ScriptModel, pack
from lipiyana.ocr.recognition.charset import Charset
from lipiyana.ocr.registrations import parse
from lipiyana.ocr.scripts.label_order import to_labels, to_text
from lipiyana.ocr.scripts.normalization import normalize
from lipiyana.ocr.scripts.table import COMMON, SCRIPTS, script_of, script_of_char
from lipiyana.ocr.training.lines import Line, stretch
from lipiyana.ocr.training.plates.lines import rendered_rows
from lipiyana.rendering.contents.corpus import Corpus
from lipiyana.rendering.contents.plate_texts import random_registration
from lipiyana.rendering.contents.words import WordList, load_english
from lipiyana.rendering.fonts.families import FontLibrary
from lipiyana.rendering.recipe import Style
from lipiyana.rendering.text.lines import render_line
from lipiyana.types import RegistrationFormat

WORDS_A_SCRIPT = 1500
_LONGEST = 16
_SYMBOL_BITS = 8
_SYMBOLS = 1 << _SYMBOL_BITS


@dataclass(frozen=True, slots=True)
class SimilarText:
    """A text to render, and the ISO 15924 code of its script."""

    text: str
    script: str


class SimilarTexts:
    """Makes texts similar to some labels: the same patterns, words and characters.

    Half of the texts are a label with characters replaced by others of the same script and kind
    (letter, mark, digit), so that a plate stays a plate; the others recombine the labels' words.
    """

    def __init__(self, texts: Sequence[str], charset: Charset) -> None:
        """Prepare normalized texts that the charset covers.

        Raises:
            ValueError: there are none.
        """
        if not texts:
            raise ValueError("at least one label is needed")
        self._texts = list(texts)
        self._charset = charset
        self._words = [word for text in texts for word in text.split()]
        seen = Counter(c for text in texts for c in text)
        self._alike: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        self._weights: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
        for character in charset.characters:
            kind = _kind(character)
            # characters of the labels are drawn more often, the others are drawn too
            self._alike[kind].append(character)
            self._weights[kind].append(0.2 + math.sqrt(seen[character]))
        self._cumulated = {kind: list(accumulate(w)) for kind, w in self._weights.items()}

    def sample(self, rng: random.Random) -> SimilarText:
        """Draw one text, normalized and covered by the charset."""
        while True:
            made = self._altered(rng) if rng.random() < 0.5 else self._recombined(rng)
            text = normalize(made)
            if text and self._charset.covers(text):
                return SimilarText(text, _script_to_draw(text))

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


def generate_words(model: LanguageModel, rng: random.Random) -> list[WordList]:
    """Make word lists with plausible words of each script that the language model knows.

    They replace real word lists, which are not installed.
    """
    lists = []
    for code, script in model.scripts.items():
        words = dict.fromkeys(_word(script, rng) for _ in range(WORDS_A_SCRIPT))
        valid = tuple(word for word in words if len(word) > 1 and normalize(word) == word)
        lists.append(WordList(SCRIPTS[code].languages[0], code, valid, {}))
    return lists


def _word(model: ScriptModel, rng: random.Random) -> str:
    """Draw a word letter by letter from the n-grams."""
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
    """Return the next symbols and their probabilities, for the longest known context."""
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


SIMILAR = "similar"
"""Marks a rendered line similar to the user's in `Line.script`."""

_DIGITS_OF_PLATES = 0.3
_OTHER_WORDS = 0.5
"""Share of the similar lines, for words, that show other words of the script: replaced letters
seldom make a syllable that exists."""
_TRIES = 40
_SMALLEST = 4  # pixels of a row's side


class RenderedLines:
    """Renders both kinds of lines, as far as the installed fonts allow."""

    def __init__(
        self,
        texts: Sequence[str],
        charset: Charset,
        words: Path | None,
        rng: np.random.Generator,
        plates: Sequence[str] = (),
    ) -> None:
        """Load the fonts, and prepare the texts.

        Args:
            texts: the user's lines; if empty, no similar lines are rendered.
            charset: charset of the reader.
            words: the language model of the base; None if it has none.
            rng: random generator.
            plates: the user's registrations, if the lines are rows of plates; whole plates with
                the same formats and numbers of rows are rendered then.
        """
        self._rng, self._charset = rng, charset
        self._chance = random.Random(int(rng.integers(2**63)))
        self._similar = SimilarTexts(texts, charset) if texts else None
        self._style = "plate" if plates else _style(texts)
        self._plate_styles = styles_of(plates)
        # registrations without a format that can be rendered as a plate become single lines
        self._plate_share = self._plate_styles.total() / max(1, len(plates))
        self._library = FontLibrary.load()
        self._corpus = corpus_like(words, charset, self._chance)
        self._scripts = [] if self._style == "plate" else self._scripts_with_words(texts)

    @property
    def possible(self) -> bool:
        """Whether anything can be rendered here: it needs fonts."""
        return any(self.other() is not None for _ in range(_TRIES))

    def similar(self) -> list[Line]:
        """Render lines similar to the user's; empty if no font has the characters."""
        if self._rng.random() < self._plate_share:
            return self._plate()
        if self._similar is None:
            return []
        if self._scripts and self._rng.random() < _OTHER_WORDS:
            line = self._other(self._chance.choice(self._scripts))
            return [replace(line, script=SIMILAR)] if line is not None else []
        text = self._similar.sample(self._chance)
        style = self._style if self._rng.random() < 0.7 else None
        rendered = render_line(text.text, text.script, self._rng, self._library, style)
        if rendered is None:
            return []
        return [Line(stretch(rendered.image, self._rng), text.text, SIMILAR)]

    def other(self) -> Line | None:
        """Render one line of anything that the base reads; None if no font has the characters."""
        return self._other(None)

    def _other(self, script: str | None) -> Line | None:
        sample = self._corpus.sample(self._chance, script)
        rendered = render_line(sample.drawn, sample.script, self._rng, self._library)
        if rendered is None:
            return None
        return Line(stretch(rendered.image, self._rng), sample.text, sample.script)

    def _scripts_with_words(self, texts: Sequence[str]) -> list[str]:
        """Scripts of the user's lines with known words, once for each line."""
        return [code for code in map(script_of, texts) if self._corpus.words(code)]

    def _plate(self) -> list[Line]:
        styles = list(self._plate_styles)
        weights = np.array([self._plate_styles[style] for style in styles], float)
        kind, count = styles[int(self._rng.choice(len(styles), p=weights / weights.sum()))]
        registration = random_registration(self._rng, kind, rows=count)
        try:
            rows = list(rendered_rows(self._rng, self._library, registration))
        except LookupError:  # no font has its characters
            return []
        return [
            Line(stretch(image, self._rng), text, SIMILAR)
            for image, text in rows
            if text and self._charset.covers(to_labels(text)) and min(image.shape[:2]) >= _SMALLEST
        ]


def styles_of(registrations: Iterable[str]) -> Counter[tuple[RegistrationFormat, int]]:
    """Count the (format, number of rows: 1 or 2) of registrations that match a format."""
    parsed = ((parse(text).format, min(2, 1 + text.count("\n"))) for text in registrations)
    return Counter((kind, rows) for kind, rows in parsed if kind is not None)


def _style(texts: Sequence[str]) -> Style | None:
    """Choose the style of plates for texts with many digits."""
    characters = "".join(texts)
    share = sum(c.isdigit() for c in characters) / max(1, len(characters))
    return "plate" if share > _DIGITS_OF_PLATES else None


def corpus_like(words: Path | None, charset: Charset, rng: random.Random | None = None) -> Corpus:
    """Make a corpus of words that are likely in a language model; replaces word lists.

    Args:
        words: the language model; None for English alone.
        charset: characters that the texts may have.
        rng: random generator; None for the same words every time.
    """
    lists = generate_words(LanguageModel.load(words), rng or random.Random(0)) if words else []
    return Corpus([*lists, load_english(None, charset)], charset)
