"""A picture that is drawn and read at once, to see that all works and how long it takes."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from lipiyana.pipeline import LocalRecognizer
from lipiyana.types import RawImage

REGISTRATION = "KA01AB1234"
_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Trial:
    """What was read and in how many seconds: the first time, with loading, and the next ones.

    `stages` are those of the quickest of the next ones, whose seconds are `next`.
    """

    registration: str
    first: float
    next: float
    stages: Mapping[str, float]


def read_rendered_plate(models: Path | None) -> Trial:
    """Draw a plate and read it.

    Raises:
        LipiyanaError: it cannot be read.
    """
    canvas = Image.new("RGB", (640, 480), (90, 110, 90))
    pen = ImageDraw.Draw(canvas)
    pen.rectangle((120, 200, 520, 290), fill="white", outline="black", width=3)
    font = ImageFont.load_default(52)
    pen.text((320, 245), "KA 01 AB 1234", font=font, fill="black", anchor="mm")
    image = RawImage.from_array(np.asarray(canvas), "rgb8")
    recognizer = LocalRecognizer(models_dir=models)
    rounds = []
    for _ in range(1 + _ROUNDS):
        began = time.perf_counter()
        result = recognizer.recognize(image)
        rounds.append((time.perf_counter() - began, result))
    (first, _), *others = rounds
    quickest, result = min(others, key=lambda one: one[0])
    read = next((plate.registration.canonical or plate.text for plate in result.plates), "")
    return Trial(read, first, quickest, result.timings)
