"""From the reader's probabilities to text: connectionist temporal classification (CTC).

Class 0 is the blank, class i the character i - 1 of the charset. A text is the class of each
time step with repeats merged and blanks removed (Graves et al. 2006).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]

_BLANK = 0


@dataclass(frozen=True, slots=True)
class Decoded:
    """A text and how sure each of its characters is.

    Attributes:
        text: as the charset has it, not normalized.
        character_confidences: probability of each character at its surest time step.
    """

    text: str
    character_confidences: tuple[float, ...]

    @property
    def confidence(self) -> float:
        """Mean over the characters; 0 for an empty text."""
        if not self.character_confidences:
            return 0.0
        return sum(self.character_confidences) / len(self.character_confidences)


def greedy(probabilities: Floats, charset: Sequence[str]) -> Decoded:
    """Take the likeliest class of each time step.

    Args:
        probabilities: (steps, classes), each row summing to 1.
        charset: the characters of classes 1, 2, ...
    """
    return greedy_batch(probabilities[None], charset)[0]


def greedy_batch(probabilities: Floats, charset: Sequence[str]) -> list[Decoded]:
    """Decode (lines, steps, classes) greedily, line by line."""
    classes = probabilities.argmax(axis=2)
    best = probabilities.max(axis=2)
    return [
        _merge(row.tolist(), sure.tolist(), charset)
        for row, sure in zip(classes, best, strict=True)
    ]


def _merge(classes: list[int], best: list[float], charset: Sequence[str]) -> Decoded:
    characters: list[str] = []
    confidences: list[float] = []
    previous = _BLANK
    for current, probability in zip(classes, best, strict=True):
        if current != _BLANK:
            if current == previous:
                confidences[-1] = max(confidences[-1], probability)
            else:
                characters.append(charset[current - 1])
                confidences.append(probability)
        previous = current
    return Decoded("".join(characters), tuple(min(1.0, c) for c in confidences))


@dataclass(frozen=True, slots=True)
class Alignment:
    """Where the characters of a text stand on its likeliest path.

    Attributes:
        confidences: probability of each character at its surest time step; zeros where the text
            does not fit into the steps.
        steps: first and last time step of each character; () where the text does not fit.
    """

    confidences: tuple[float, ...]
    steps: tuple[tuple[int, int], ...]


def align(probabilities: Floats, classes: Sequence[int]) -> Alignment:
    """Find where each character of a given text stands on its likeliest path.

    Args:
        probabilities: (steps, classes).
        classes: those of the text's characters, without blanks.
    """
    if not classes:
        return Alignment((), ())
    # mostly it is the greedy text, whose path is known without a search
    likeliest = probabilities.argmax(axis=1)
    edges = np.flatnonzero(np.diff(likeliest)) + 1
    starts, ends = np.append(0, edges), np.append(edges, len(likeliest))
    shown = likeliest[starts] != _BLANK
    if likeliest[starts[shown]].tolist() == list(classes):
        steps = tuple(zip(starts[shown].tolist(), (ends[shown] - 1).tolist(), strict=True))
        best = probabilities.max(axis=1)
        sure = (float(best[first : last + 1].max()) for first, last in steps)
        return Alignment(tuple(min(1.0, one) for one in sure), steps)
    return _viterbi(probabilities, classes)


def _viterbi(probabilities: Floats, classes: Sequence[int]) -> Alignment:
    labels = [_BLANK]
    for index in classes:
        labels += [index, _BLANK]
    with np.errstate(divide="ignore"):
        logs = np.log(probabilities[:, labels].astype(np.float64))
    # a blank between two characters may be left out where they differ
    skips = np.array(
        [i > 1 and labels[i] not in (_BLANK, labels[i - 2]) for i in range(len(labels))]
    )
    scores = np.full(len(labels), -np.inf)
    scores[:2] = logs[0, :2]
    came: list[npt.NDArray[np.intp]] = []
    for row in logs[1:]:
        one = np.concatenate([[-np.inf], scores[:-1]])
        two = np.where(skips, np.concatenate([[-np.inf, -np.inf], scores[:-2]]), -np.inf)
        choices = np.stack([scores, one, two])
        came.append(choices.argmax(axis=0))
        scores = choices.max(axis=0) + row
    place = len(labels) - 1 if scores[-1] >= scores[-2] else len(labels) - 2
    best = [0.0] * len(classes)
    if scores[place] == -np.inf:
        return Alignment(tuple(best), ())
    firsts, lasts = [0] * len(classes), [-1] * len(classes)
    for step in range(len(logs) - 1, -1, -1):
        if place % 2:
            character = place // 2
            seen = float(probabilities[step, labels[place]])
            best[character] = max(best[character], min(1.0, seen))
            firsts[character] = step
            lasts[character] = max(lasts[character], step)
        if step:
            place -= int(came[step - 1][place])
    return Alignment(tuple(best), tuple(zip(firsts, lasts, strict=True)))


def log_chances(probabilities: Floats, texts: Sequence[Sequence[int]]) -> npt.NDArray[np.float64]:
    """Add up all paths that spell each of some texts (the forward algorithm of Graves et al. 2006).

    Args:
        probabilities: (steps, classes); what is as good as impossible counts as 1e-9.
        texts: their classes, without blanks.

    Returns:
        Natural logarithms, one a text.
    """
    width = 2 * max(map(len, texts), default=0) + 1
    labels = np.full((len(texts), width), _BLANK)
    for row, classes in zip(labels, texts, strict=True):
        row[1 : 2 * len(classes) : 2] = classes
    # a blank between two characters may be left out where they differ
    skips = np.zeros(labels.shape, np.bool_)
    skips[:, 2:] = (labels[:, 2:] != _BLANK) & (labels[:, 2:] != labels[:, :-2])
    logs = np.log(np.maximum(probabilities, 1e-9).astype(np.float64))
    seen = logs[:, labels]
    never = np.full((len(texts), 2), -np.inf)
    scores = np.full(labels.shape, -np.inf)
    scores[:, :2] = seen[0, :, :2]
    for row in seen[1:]:
        before = np.concatenate([never, scores], axis=1)
        scores = np.logaddexp(scores, before[:, 1:-1])
        scores = np.where(skips, np.logaddexp(scores, before[:, :-2]), scores) + row
    ends = 2 * np.array([len(classes) for classes in texts], np.intp)
    every = np.arange(len(texts))
    last = np.where(ends > 0, scores[every, np.maximum(ends - 1, 0)], -np.inf)
    return np.asarray(np.logaddexp(scores[every, ends], last))
