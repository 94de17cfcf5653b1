"""One line to learn from, and whether its text fits its picture. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from lipiyana.ocr.recognition.line_input import HEIGHT

TIME_STRIDE = 4
"""Columns of the reader's input to one step of its output."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line to learn from: (H, W, 3) RGB, its text in logical order, its script or, where that
    does not matter, its source.
    """

    image: npt.NDArray[np.uint8]
    text: str
    script: str


def fits(labels: list[int], width: int) -> bool:
    """Whether CTC can spell the labels in this width: a step each, one more between twins."""
    twins = sum(a == b for a, b in pairwise(labels))
    return 0 < len(labels) + twins <= width // TIME_STRIDE


def stretch(image: npt.NDArray[np.uint8], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Scale to the reader's height, a little wider or narrower than it was."""
    height, width = image.shape[:2]
    factor = float(np.exp(rng.normal(0, 0.1)))
    wide = max(4, round(HEIGHT * width / height * factor))
    how = cv2.INTER_AREA if height > HEIGHT else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (wide, HEIGHT), interpolation=how), np.uint8)
