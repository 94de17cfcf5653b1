"""Reads crops of lines with one model, in one batch for each width."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from lipiyana.arrays import RgbArray
from lipiyana.ocr.geometry import Quad
from lipiyana.ocr.language.model import load_words
from lipiyana.ocr.language.script_choice import (
    choose_telugu_or_kannada,
    has_unlikely,
    keep_one_script,
    without_unlikely,
)
from lipiyana.ocr.language.settings import LANGUAGE, LanguageSettings
from lipiyana.ocr.language.word_search import read_words
from lipiyana.ocr.recognition.decoding import Decoded, greedy, greedy_batch
from lipiyana.ocr.recognition.line_feature import collect
from lipiyana.ocr.recognition.line_input import bucket_width, line_input
from lipiyana.ocr.recognition.settings import RECOGNITION, RecognitionSettings
from lipiyana.ocr.recognition.word_places import WordPlace, word_places
from lipiyana.ocr.scripts.label_order import ORDER_KEY, sourced_text
from lipiyana.runtime.manifest import ModelEntry, Task
from lipiyana.runtime.store import ModelStore

Floats = npt.NDArray[np.float32]
Reduce = Callable[[Floats, tuple[str, ...]], Floats]


@dataclass(frozen=True, slots=True, eq=False)
class LineReading:
    """What one crop says.

    Attributes:
        text: as the model's charset has it, in logical order, not normalized; "" if nothing
            was read.
        confidence: mean over the characters, 0 for no text.
        character_confidences: one a character of `text`.
        reduced: what `reduce` made of the reader's probabilities; None without `reduce`.
        others: what other models read in the same crop, where several did.
        model: the name of the model that read it.
        words: where each word stands, in the order of `text`; () unless asked for.
    """

    text: str
    confidence: float
    character_confidences: tuple[float, ...]
    reduced: npt.NDArray[np.float32] | None = None
    others: tuple[LineReading, ...] = ()
    model: str = ""
    words: tuple[WordPlace, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class ReadLine:
    """A line of text in a picture, or a row of a plate: where it is and what it says.

    Attributes:
        polygon: (4, 2) its corners.
        reading: what it says. Where registrations are searched for, its `reduced` is what
            `grammar_search.grammar_probabilities` makes.
        steps: how many of the reader's time steps show the line; the rest is padding. None where
            the crop had the shape of `polygon`.
    """

    polygon: Quad
    reading: LineReading
    steps: float | None = None


class Reader(Protocol):
    """Reads crops of single lines, with one model or several."""

    @property
    def entries(self) -> tuple[ModelEntry, ...]:
        """The models that take part."""
        ...

    def read(
        self,
        crops: Sequence[RgbArray],
        *,
        reduce: Reduce | None = None,
        hints: Collection[str] = (),
        words: bool = False,
    ) -> list[LineReading]:
        """See `LineReader.read`."""
        ...


class LineReader:
    """Reads crops of single lines. Safe to share between threads."""

    def __init__(
        self,
        store: ModelStore,
        name: str | None = None,
        settings: RecognitionSettings = RECOGNITION,
        language: LanguageSettings = LANGUAGE,
    ) -> None:
        """Choose the model: `name`, or the store's default reader. Nothing is loaded yet.

        Raises:
            ModelUnavailable: there is none.
        """
        self._store, self._settings, self._language = store, settings, language
        self.entry: ModelEntry = (
            store.entry(name) if name else store.default_for_task(Task.LINE_READER)
        )
        self._classes: tuple[tuple[str, ...], Mapping[str, int]] = ((), {})
        self._words: tuple[Path, str] | None = None
        if self.entry.words:
            self._words = self.entry.words, self.entry.parameters["words_sha256"]

    @property
    def entries(self) -> tuple[ModelEntry, ...]:
        """The models that take part."""
        return (self.entry,)

    def read(
        self,
        crops: Sequence[RgbArray],
        *,
        reduce: Reduce | None = None,
        hints: Collection[str] = (),
        words: bool = False,
    ) -> list[LineReading]:
        """Read crops of (height, width, 3) RGB; the readings come in their order.

        A crop is padded to its own bucket alone, so what is read in it does not depend on the
        other crops.

        Args:
            crops: one line of text each.
            reduce: takes the probabilities (steps, classes) of one line and the characters of
                classes 1, 2, ..., and returns what is needed of them later, for
                `LineReading.reduced`. All probabilities of a picture would take megabytes.
            hints: codes of scripts (ISO 15924) that the lines are probably in; they decide where
                the reader is in doubt.
            words: whether to find where each word stands.
        """
        if not crops:
            return []
        session = self._store.session(self.entry.name)
        order = session.metadata.get(ORDER_KEY, "")
        classes = self._classes_of(session.charset) if words else {}
        readings: list[LineReading | None] = [None] * len(crops)
        batches = list(_batches(crops, self._settings))
        inputs = (np.stack([line_input(crops[index]) for index in batch]) for batch in batches)
        for indices, outputs in zip(batches, session.run_each(inputs), strict=True):
            collect(session.output_names, outputs)
            seen = outputs[0]
            probabilities = keep_one_script(seen, session.charset, hints, settings=self._language)
            decoded = greedy_batch(probabilities, session.charset)
            for row, (index, plain) in enumerate(zip(indices, decoded, strict=True)):
                line, likely = self._refined(
                    plain, seen[row], probabilities[row], session.charset, hints
                )
                # the reader sees a line from left to right; text is in the order of its sounds
                spelt = sourced_text(line.text, order)
                readings[index] = LineReading(
                    "".join(character for character, _ in spelt),
                    line.confidence,
                    tuple(
                        min(line.character_confidences[place] for place in places)
                        for _, places in spelt
                    ),
                    reduce(likely, session.charset) if reduce else None,
                    model=self.entry.name,
                    words=word_places(
                        crops[index], line, spelt, likely, classes, settings=self._settings
                    )
                    if words
                    else (),
                )
        return [reading for reading in readings if reading is not None]

    def _classes_of(self, charset: tuple[str, ...]) -> Mapping[str, int]:
        known, classes = self._classes
        if known is not charset:  # some readers know 18,000 characters
            classes = {character: index for index, character in enumerate(charset, 1)}
            self._classes = charset, classes
        return classes

    def _refined(
        self,
        line: Decoded,
        seen: Floats,
        likely: Floats,
        charset: tuple[str, ...],
        hints: Collection[str],
    ) -> tuple[Decoded, Floats]:
        """Replace unlikely letters, and let the language model decide where a line is in doubt.

        It decides which of two scripts the line is in, and what it says. A line with digits is not
        made of words.

        Args:
            line: what is likeliest.
            seen: (steps, classes) as the network gives them.
            likely: those of the likeliest script.
            charset: the characters of classes 1, 2, ...
            hints: codes of scripts that it is likely in.

        Returns:
            The line, and the probabilities of the script that it is in.
        """
        if has_unlikely(line.text, settings=self._language):
            likely = without_unlikely(likely, charset, settings=self._language)
            line = greedy(likely, charset)
        if self._words is None:
            return line, likely
        model = load_words(*self._words, self._language)
        apart = choose_telugu_or_kannada(
            seen, line.text, charset, model, hints, settings=self._language
        )
        if apart is not None:
            line, likely = greedy(apart, charset), apart
        if model.knows(line.text) and not any(character.isdigit() for character in line.text):
            line = read_words(likely, charset, model, settings=self._language)
        return line, likely


def _batches(crops: Sequence[RgbArray], settings: RecognitionSettings) -> Iterator[list[int]]:
    buckets: defaultdict[int, list[int]] = defaultdict(list)
    for index, crop in enumerate(crops):
        buckets[bucket_width(*crop.shape[:2])].append(index)
    for width, indices in sorted(buckets.items()):
        count = min(settings.max_batch, max(1, settings.max_batch_width // width))
        for start in range(0, len(indices), count):
            yield indices[start : start + count]
