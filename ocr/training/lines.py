"""A training line, and the check that its text fits its picture. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from lipiyana.ocr.recognition.line_input import HEIGHT

TIME_STRIDE = 4
"""Input columns for each output step of the reader."""


@dataclass(frozen=True, slots=True)
class Line:
    """A training line.

    Attributes:
        image: (H, W, 3) RGB.
        text: in logical order.
        script: its script, or its source where the script does not matter.
    """

    image: npt.NDArray[np.uint8]
    text: str
    script: str


def fits(labels: list[int], width: int) -> bool:
    """Tell whether CTC can output the labels: it needs a step each, and one between equal ones."""
    repeats = sum(a == b for a, b in pairwise(labels))
    return 0 < len(labels) + repeats <= width // TIME_STRIDE


def stretch(image: npt.NDArray[np.uint8], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Scale to the reader's height, with a random change of the aspect ratio."""
    height, width = image.shape[:2]
    factor = float(np.exp(rng.normal(0, 0.1)))
    wide = max(4, round(HEIGHT * width / height * factor))
    how = cv2.INTER_AREA if height > HEIGHT else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (wide, HEIGHT), interpolation=how), np.uint8)
