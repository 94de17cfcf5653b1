"""Rendered lines of two kinds: like the user's, and of everything else that the base reads."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from lipiyana.learning.finetune.reader.similar_texts import KindredTexts, words_like
from lipiyana.ocr.language.model import LanguageModel
from lipiyana.ocr.recognition.charset import Charset
from lipiyana.ocr.registrations import parse
from lipiyana.ocr.scripts.label_order import to_labels
from lipiyana.ocr.scripts.table import script_of
from lipiyana.ocr.training.lines import Line, stretch
from lipiyana.ocr.training.plates.lines import rendered_rows
from lipiyana.rendering.contents.corpus import Corpus
from lipiyana.rendering.contents.plate_texts import random_registration
from lipiyana.rendering.contents.word_lists import load_english
from lipiyana.rendering.fonts.families import FontLibrary
from lipiyana.rendering.recipe import Style
from lipiyana.rendering.text.lines import render_line
from lipiyana.types import RegistrationFormat

KINDRED = "kindred"
"""Stands in `Line.script` for a rendered line like the user's."""

_DIGITS_OF_PLATES = 0.3
_OTHER_WORDS = 0.5
"""Of lines like words, how many say other words of their script: letters put in the places of
others seldom make a syllable that is ever written."""
_TRIES = 40
_SMALLEST = 4  # pixels of a row's side


class RenderedLines:
    """Draws lines of both kinds, as far as there are fonts for them."""

    def __init__(
        self,
        texts: Sequence[str],
        charset: Charset,
        words: Path | None,
        rng: np.random.Generator,
        plates: Sequence[str] = (),
    ) -> None:
        """Find the fonts, and what to write.

        Args:
            texts: the user's lines; without any, none are like them.
            charset: of the reader.
            words: the language model of the base, None where it has none.
            rng: of chance.
            plates: the user's registrations, where the lines are rows of plates: those of the
                same formats and rows are painted on whole plates then.
        """
        self._rng, self._charset = rng, charset
        self._chance = random.Random(int(rng.integers(2**63)))
        self._kindred = KindredTexts(texts, charset) if texts else None
        self._style = "plate" if plates else _style(texts)
        self._plate_styles = styles_of(plates)
        # what fits no format that plates are drawn of is drawn as single lines
        self._plate_share = self._plate_styles.total() / max(1, len(plates))
        self._library = FontLibrary.load()
        self._corpus = corpus_like(words, charset, self._chance)
        self._scripts = [] if self._style == "plate" else self._scripts_with_words(texts)

    @property
    def possible(self) -> bool:
        """Whether anything can be rendered here: without fonts nothing can."""
        return any(self.other() is not None for _ in range(_TRIES))

    def kindred(self) -> list[Line]:
        """Render lines like the user's; none where no font can set them."""
        if self._rng.random() < self._plate_share:
            return self._plate()
        if self._kindred is None:
            return []
        if self._scripts and self._rng.random() < _OTHER_WORDS:
            line = self._other(self._chance.choice(self._scripts))
            return [replace(line, script=KINDRED)] if line is not None else []
        text = self._kindred.sample(self._chance)
        style = self._style if self._rng.random() < 0.7 else None
        rendered = render_line(text.text, text.script, self._rng, self._library, style)
        if rendered is None:
            return []
        return [Line(stretch(rendered.image, self._rng), text.text, KINDRED)]

    def other(self) -> Line | None:
        """Render one line of anything that the base reads, None where no font can set it."""
        return self._other(None)

    def _other(self, script: str | None) -> Line | None:
        sample = self._corpus.sample(self._chance, script)
        rendered = render_line(sample.drawn, sample.script, self._rng, self._library)
        if rendered is None:
            return None
        return Line(stretch(rendered.image, self._rng), sample.text, sample.script)

    def _scripts_with_words(self, texts: Sequence[str]) -> list[str]:
        """Scripts of the user's lines, as often as there are lines of each, if words are known."""
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
            Line(stretch(image, self._rng), text, KINDRED)
            for image, text in rows
            if text and self._charset.covers(to_labels(text)) and min(image.shape[:2]) >= _SMALLEST
        ]


def styles_of(registrations: Iterable[str]) -> Counter[tuple[RegistrationFormat, int]]:
    """Count formats and numbers of rows, 1 or 2, of those that fit a format."""
    parsed = ((parse(text).format, min(2, 1 + text.count("\n"))) for text in registrations)
    return Counter((kind, rows) for kind, rows in parsed if kind is not None)


def _style(texts: Sequence[str]) -> Style | None:
    """Plates are told by their digits."""
    characters = "".join(texts)
    share = sum(c.isdigit() for c in characters) / max(1, len(characters))
    return "plate" if share > _DIGITS_OF_PLATES else None


def corpus_like(words: Path | None, charset: Charset, rng: random.Random | None = None) -> Corpus:
    """Make a corpus of words that a language model holds likely, for want of word lists.

    Args:
        words: the model; None for English alone.
        charset: what texts may hold.
        rng: of chance; the same words every time without it.
    """
    lists = words_like(LanguageModel.load(words), rng or random.Random(0)) if words else []
    return Corpus([*lists, load_english(None, charset)], charset)
