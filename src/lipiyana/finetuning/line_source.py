"""Endless batches to learn from: the user's lines, changed a little each time, and rendered ones.

The rendered ones are of two kinds: like the user's, so that 50 pictures do not have to show every
letter, and of everything that the base reads, so that it is not forgotten.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from lipiyana.errors import LipiyanaError
from lipiyana.finetuning.examples import Example, ExampleCache
from lipiyana.finetuning.kindred import KindredTexts, words_like
from lipiyana.ocr.charset import Charset
from lipiyana.ocr.language_model import LanguageModel
from lipiyana.ocr.training.batches import Batch, Line, gathered, stretch
from lipiyana.ocr.training.corpus import Corpus
from lipiyana.ocr.training.fonts import FontLibrary
from lipiyana.ocr.training.real_crops import vary
from lipiyana.ocr.training.recipe import Style
from lipiyana.ocr.training.rendering import render_line
from lipiyana.ocr.training.word_lists import load_english

REAL = "real"
"""Stands in `Line.script` for a line of the user's."""

_DIGITS_OF_PLATES = 0.3
_MIN_FONT_TRIES = 40


@dataclass(frozen=True, slots=True)
class LineMix:
    """What the batches are made of.

    Attributes:
        examples: the user's lines to learn from.
        characters: of the reader, in the order of its classes.
        words: the language model of the base, None where it has none.
        real_share: of the user's lines among all, where anything can be rendered.
        kindred_share: of rendered lines like the user's; the rest is of everything else.
        max_width: of a line, in pixels at the reader's height.
        seed: of chance.
    """

    examples: tuple[Example, ...]
    characters: tuple[str, ...]
    words: Path | None
    real_share: float = 0.5
    kindred_share: float = 0.3
    max_width: int = 960
    seed: int = 0


class MixedLines(IterableDataset[Batch]):
    """Batches without end; see `LineMix`."""

    def __init__(self, mix: LineMix) -> None:
        self.mix = mix

    def __iter__(self) -> Iterator[Batch]:
        """Draw lines and gather them by width."""
        info = get_worker_info()
        if info is not None:  # a process of its own, beside the trainer's
            cv2.setNumThreads(1)
            torch.set_num_threads(1)
        rng = np.random.default_rng([self.mix.seed, info.id if info else 0])
        charset = Charset(self.mix.characters)
        yield from gathered(self._lines(rng, charset), charset, self.mix.max_width)

    def _lines(self, rng: np.random.Generator, charset: Charset) -> Iterator[Line]:
        cache = ExampleCache()
        examples = list(self.mix.examples)
        rendered = _Rendered(self.mix, charset, rng)
        while True:
            if rendered.possible and rng.random() >= self.mix.real_share:
                if (line := rendered.draw()) is not None:
                    yield line
                continue
            example = examples[int(rng.integers(len(examples)))]
            try:
                image = cache.get(example)
            except LipiyanaError:  # it was readable when it was checked, and is gone
                continue
            yield Line(vary(image, rng), example.text, REAL)


class _Rendered:
    """Draws rendered lines of both kinds, as far as there are fonts for them."""

    def __init__(self, mix: LineMix, charset: Charset, rng: np.random.Generator) -> None:
        texts = [example.text for example in mix.examples]
        self._rng = rng
        self._chance = random.Random(int(rng.integers(2**63)))
        self._kindred = KindredTexts(texts, charset)
        share = mix.kindred_share / max(1e-9, 1 - mix.real_share)
        self._kindred_share = min(1.0, share)
        self._style = _style(texts)
        self._library = FontLibrary.load()
        self._corpus = _corpus(mix.words, charset, self._chance)
        self.possible = any(self.draw() is not None for _ in range(_MIN_FONT_TRIES))

    def draw(self) -> Line | None:
        """Render one line, None where no font can set it."""
        style: Style | None = None
        if self._rng.random() < self._kindred_share:
            kindred = self._kindred.sample(self._chance)
            text, drawn, script = kindred.text, kindred.text, kindred.script
            style = self._style if self._rng.random() < 0.7 else None
        else:
            sample = self._corpus.sample(self._chance)
            text, drawn, script = sample.text, sample.drawn, sample.script
        rendered = render_line(drawn, script, self._rng, self._library, style)
        if rendered is None:
            return None
        return Line(stretch(rendered.image, self._rng), text, script)


def _style(texts: list[str]) -> Style | None:
    """Plates are told by their digits."""
    characters = "".join(texts)
    share = sum(c.isdigit() for c in characters) / max(1, len(characters))
    return "plate" if share > _DIGITS_OF_PLATES else None


def _corpus(words: Path | None, charset: Charset, rng: random.Random) -> Corpus:
    lists = words_like(LanguageModel.load(words), rng) if words else []
    return Corpus([*lists, load_english(None, charset)], charset)


def batches(mix: LineMix, workers: int) -> Iterator[Batch]:
    """Render and read in `workers` processes, a few batches ahead; in this one where it is 0."""
    loader = DataLoader(
        MixedLines(mix),
        batch_size=None,
        num_workers=workers,
        prefetch_factor=4 if workers else None,
        multiprocessing_context="spawn" if workers else None,
    )
    return iter(loader)
