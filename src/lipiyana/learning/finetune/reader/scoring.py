"""Compares two readers: lines are read as by `lipiyana read --layout line`, plates as by
`--layout plate`, including the grammar.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lipiyana.arrays import RgbArray
from lipiyana.images.loading import load
from lipiyana.learning.finetune.reader.examples import Example, load_crop, load_example
from lipiyana.learning.trainer.metrics import TextScore, score_texts
from lipiyana.ocr.crops import crop_quad
from lipiyana.ocr.plates.crop_reader import PlateCropReader
from lipiyana.ocr.recognition.reader import Reader
from lipiyana.ocr.scripts.normalization import normalize
from lipiyana.runtime.store import ModelStore
from lipiyana.samples import read_truth

_BATCH = 64


@dataclass(frozen=True, slots=True)
class LineCase:
    """A line or plate to score: a name for reports, a crop, (H, W, 3) RGB, and its text."""

    name: str
    pixels: RgbArray
    text: str


ReadCases = Callable[[Reader, Sequence[LineCase]], tuple[str, ...]]
"""Reads cases with a reader; returns one text a case to compare with `LineCase.text`."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Readings of the same lines or plates by two readers.

    Attributes:
        cases: the lines or plates.
        before, after: the normalized readings of the first and the second reader.
    """

    cases: tuple[LineCase, ...]
    before: tuple[str, ...]
    after: tuple[str, ...]

    @property
    def score_before(self) -> TextScore:
        """Score of the first reader."""
        return score_texts(self._pairs(self.before))

    @property
    def score_after(self) -> TextScore:
        """Score of the second reader."""
        return score_texts(self._pairs(self.after))

    def worse(self) -> int:
        """Count the cases that only the first reader reads exactly."""
        return sum(
            before == normalize(case.text) != after
            for case, before, after in zip(self.cases, self.before, self.after, strict=True)
        )

    def _pairs(self, read: Sequence[str]) -> Iterator[tuple[str, str]]:
        for case, text in zip(self.cases, read, strict=True):
            yield normalize(case.text), text


def sample_lines(folder: Path) -> tuple[LineCase, ...]:
    """Crop every text line and every plate row of the samples."""
    cases = []
    for truth in read_truth(folder):
        pixels = load(folder / truth["path"])
        texts = [(entry["text"], entry["polygon"]) for entry in truth["text_lines"]]
        for plate in truth["plates"]:
            texts += zip(plate["rows"], plate["row_polygons"], strict=True)
        for text, polygon in texts:
            cases.append(LineCase(truth["path"], crop_quad(pixels, polygon), text))
    return tuple(cases)


def example_lines(examples: Sequence[Example]) -> tuple[LineCase, ...]:
    """Load the user's lines."""
    return tuple(LineCase(e.where, load_example(e), e.text) for e in examples)


def read_lines(reader: Reader, cases: Sequence[LineCase]) -> tuple[str, ...]:
    """Read lines in batches."""
    texts: list[str] = []
    for start in range(0, len(cases), _BATCH):
        readings = reader.read([case.pixels for case in cases[start : start + _BATCH]])
        texts += [normalize(reading.text) for reading in readings]
    return tuple(texts)


def score_cases(
    reader: Reader, cases: Sequence[LineCase], read: ReadCases = read_lines
) -> TextScore:
    """Read cases and score them."""
    truths = (normalize(case.text) for case in cases)
    return score_texts(zip(truths, read(reader, cases), strict=True))


def example_plates(examples: Sequence[Example]) -> tuple[LineCase, ...]:
    """Load the user's plates as whole crops; their text is reduced to letters and digits."""
    rows: dict[str, list[Example]] = {}
    for example in examples:
        rows.setdefault(example.where, []).append(example)
    return tuple(
        LineCase(
            where,
            load_crop(of_plate[0].picture, of_plate[0].corners),
            letters_and_digits("".join(row.text for row in of_plate)),
        )
        for where, of_plate in rows.items()
    )


def plates_with(store: ModelStore) -> ReadCases:
    """Return a function that reads plates as serving does: with row detection and grammar."""

    def read(reader: Reader, cases: Sequence[LineCase]) -> tuple[str, ...]:
        plates = PlateCropReader(store, reader)
        found = (plates.read(case.pixels) for case in cases)
        return tuple(
            letters_and_digits(
                plate.registration.canonical or "".join(row.reading.text for row in plate.rows)
            )
            for plate in found
        )

    return read


def letters_and_digits(text: str) -> str:
    """Reduce a text to upper-case letters, vowel signs and digits."""
    characters = (c for c in normalize(text) if unicodedata.category(c)[0] in "LMN")
    return "".join(characters).upper()
