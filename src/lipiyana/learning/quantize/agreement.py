"""How alike two models of one task answer, whatever the truth is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from lipiyana.ocr.detection.detector import SCENE_DETECTION
from lipiyana.ocr.recognition.decoding import greedy_batch
from lipiyana.runtime.manifest import Task

Outputs = Sequence[npt.NDArray[Any]]
"""What a model gives for one input."""


def agreement(task: Task, one: Sequence[Outputs], other: Sequence[Outputs]) -> float:
    """Compare the answers to the same inputs, from 0 to 1.

    Readers: one minus the edits between what both read, greedily, by the characters that the
    first reads. Text detectors: the pixels that
    both find, twice, by all that either finds (Dice 1945). Others: one minus the norm of the
    difference by the norm of the first.

    Args:
        task: of the models.
        one: outputs by input.
        other: those of the other model.
    """
    if task is Task.LINE_READER:
        edits = characters = 0
        for a, b in zip(one, other, strict=True):
            for text, other_text in zip(_texts(a[0]), _texts(b[0]), strict=True):
                edits += edit_distance(text, other_text)
                characters += len(text)
        return max(0.0, 1 - edits / max(1, characters))
    if task is Task.TEXT_DETECTOR:
        threshold = SCENE_DETECTION.pixel_threshold
        both = either = 0
        for a, b in zip(one, other, strict=True):
            found, found_too = a[0] > threshold, b[0] > threshold
            both += int((found & found_too).sum())
            either += int(found.sum()) + int(found_too.sum())
        return 2 * both / either if either else 1.0
    return max(0.0, 1 - relative_difference(one, other))


def says_nothing(task: Task, answers: Sequence[Outputs]) -> bool:
    """Tell whether a text detector finds no pixel of text, or a reader no letter, in any input.

    What others find is not known here: of them it is said that they do.
    """
    if task is Task.LINE_READER:
        return not any(text for one in answers for text in _texts(one[0]))
    if task is Task.TEXT_DETECTOR:
        return not any((one[0] > SCENE_DETECTION.pixel_threshold).any() for one in answers)
    return False


def relative_difference(one: Sequence[Outputs], other: Sequence[Outputs]) -> float:
    """Norm of the difference of all outputs, by the norm of the first ones."""
    difference = norm = 0.0
    for a, b in zip(one, other, strict=True):
        for x, y in zip(a, b, strict=True):
            difference += float(np.square(x.astype(np.float64) - y).sum())
            norm += float(np.square(x.astype(np.float64)).sum())
    return (difference / norm) ** 0.5 if norm else 0.0


def edit_distance(one: str, other: str) -> int:
    """Levenshtein distance over code points."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        above, row[0] = row[0], i
        for j, b in enumerate(other, 1):
            above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, above + (a != b))
    return row[-1]


def _texts(probabilities: npt.NDArray[Any]) -> list[str]:
    # any characters do, as long as they differ
    charset = [chr(0xF0000 + index) for index in range(probabilities.shape[2] - 1)]
    return [decoded.text for decoded in greedy_batch(probabilities, charset)]
