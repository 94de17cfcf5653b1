"""Where each word of a line stands in its crop.

The reader's time steps tell between which columns a word ends and the next begins; the widest gap
without ink there is the space between them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from lipiyana.arrays import RgbArray
from lipiyana.ocr.recognition.decoding import Decoded, Floats, align
from lipiyana.ocr.recognition.ink import INK_HEIGHT, empty_columns, runs_of
from lipiyana.ocr.recognition.line_input import bucket_width, content_width
from lipiyana.ocr.recognition.settings import RECOGNITION, RecognitionSettings
from lipiyana.ocr.scripts.label_order import Sourced


@dataclass(frozen=True, slots=True)
class WordPlace:
    """A word of a line.

    Attributes:
        text: without spaces, not normalized.
        confidence: mean over its characters.
        start, end: where it stands, as shares of the width of the crop, from its left edge.
    """

    text: str
    confidence: float
    start: float
    end: float

    def moved(self, offset: float, scale: float) -> WordPlace:
        """Give the same word in another crop, in which this one begins at `offset`."""
        start, end = offset + scale * self.start, offset + scale * self.end
        return WordPlace(self.text, self.confidence, start, end)


@dataclass(slots=True)
class _Seen:
    """A word by the columns, as shares of the width, that its first and last label stand at."""

    text: str
    confidence: float
    first: float
    last: float


def word_places(
    crop: RgbArray,
    line: Decoded,
    spelt: Sequence[Sourced],
    probabilities: Floats,
    classes: Mapping[str, int],
    *,
    settings: RecognitionSettings = RECOGNITION,
) -> tuple[WordPlace, ...]:
    """Find the words of a line, in the order of its text.

    Args:
        crop: (height, width, 3) RGB that was read.
        line: its labels in the order of the picture.
        spelt: the characters of its text, each with the labels that it was made of.
        probabilities: (steps, classes) of the labels.
        classes: of each label.
        settings: tuned constants.
    """
    steps = align(probabilities, [classes[label] for label in line.text]).steps
    height, width = crop.shape[:2]
    share = bucket_width(height, width) / (len(probabilities) * content_width(height, width))
    if steps:
        columns = [(share * (first + last + 1) / 2) for first, last in steps]
    else:  # the text does not fit into the steps: its labels are spread over the line
        columns = [(place + 0.5) / len(line.text) for place in range(len(line.text))]
    return _between_gaps(
        _words(line, spelt, [min(1.0, column) for column in columns]),
        empty_columns(crop, settings=settings),
        settings,
    )


def _words(line: Decoded, spelt: Sequence[Sourced], columns: Sequence[float]) -> list[_Seen]:
    words: list[_Seen] = []
    confidences: list[float] = []
    is_open = False
    for character, labels in spelt:
        if character.isspace():
            is_open = False
            continue
        sure = min(line.character_confidences[label] for label in labels)
        at = [columns[label] for label in labels]
        if not is_open:
            words.append(_Seen("", 0.0, min(at), max(at)))
            confidences, is_open = [], True
        word = words[-1]
        word.text += character
        word.first, word.last = min(word.first, *at), max(word.last, *at)
        confidences.append(sure)
        word.confidence = sum(confidences) / len(confidences)
    return words


def _between_gaps(
    words: list[_Seen], empty: npt.NDArray[np.bool_], settings: RecognitionSettings
) -> tuple[WordPlace, ...]:
    """Let each word reach from one gap to the next."""
    columns = len(empty)
    order = sorted(range(len(words)), key=lambda index: words[index].first)
    starts, ends = [0.0] * len(words), [1.0] * len(words)
    if order:
        starts[order[0]] = _first_ink(empty, words[order[0]].first, settings) / columns
        ends[order[-1]] = 1 - _first_ink(empty[::-1], 1 - words[order[-1]].last, settings) / columns
    for left, right in pairwise(order):
        ends[left], starts[right] = (
            column / columns
            for column in _gap(empty, words[left].last, words[right].first, settings)
        )
    return tuple(
        WordPlace(word.text, word.confidence, start, max(start, end))
        for word, start, end in zip(words, starts, ends, strict=True)
    )


def _first_ink(empty: npt.NDArray[np.bool_], first: float, settings: RecognitionSettings) -> float:
    """Column at which a line begins whose first label stands at `first`."""
    before = runs_of(empty[: round(first * len(empty))])
    wide = before[before[:, 1] - before[:, 0] >= settings.min_gap * INK_HEIGHT]
    if len(wide):  # what stands before a gap is the frame of a sign
        return float(wide[-1, 1])
    return float(before[0, 1]) if len(before) and before[0, 0] == 0 else 0.0


def _gap(
    empty: npt.NDArray[np.bool_], last: float, first: float, settings: RecognitionSettings
) -> tuple[float, float]:
    """Columns at which a word ends and the next begins, between the labels next to the space."""
    columns = len(empty)
    start, end = sorted((last * columns, first * columns))
    runs = runs_of(empty[int(start) : round(end)])
    if not len(runs):
        middle, half = (start + end) / 2, settings.min_gap * INK_HEIGHT / 2
        return max(start, middle - half), min(end, middle + half)
    left, right = runs[int((runs[:, 1] - runs[:, 0]).argmax())]
    return float(int(start) + left), float(int(start) + right)
