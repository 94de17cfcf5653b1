"""Answers and pictures of an invented street, for the tests of drift."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lipiyana.arrays import RgbArray
from lipiyana.drift.counting.answers import observe_answer
from lipiyana.drift.counting.signals import Observation
from lipiyana.types import (
    Box,
    ModelInfo,
    Plate,
    PlateColour,
    Recognition,
    Registration,
    TextLine,
    Vehicle,
)

MODELS = (ModelInfo("reader-int8", "1", "a" * 64), ModelInfo("vehicles-int8", "1", "b" * 64))


@dataclass(frozen=True, slots=True)
class Street:
    """What drives there, and what stands on its signs.

    Attributes:
        region: of its registrations.
        label: of most of its vehicles.
        script: of its signs.
        text: on them.
        confidence: mean of all confidences.
    """

    region: str = "Karnataka"
    label: str = "car"
    script: str = "Knda"
    text: str = "ಬೆಂಗಳೂರು"
    confidence: float = 0.85

    def answer(self, rng: np.random.Generator) -> Recognition:
        """One picture of it."""
        vehicles = tuple(
            Vehicle(
                self.label if rng.random() < 0.8 else "bus",
                self._confidence(rng),
                Box(0, y := float(rng.uniform(100, 300)), 50, y + float(rng.uniform(20, 120))),
            )
            for _ in range(rng.integers(1, 6))
        )
        plates = tuple(self._plate(rng) for _ in range(rng.integers(0, 3)))
        lines = tuple(
            TextLine(
                self.text,
                self.script,
                self._confidence(rng),
                ((0, 0), (w := float(rng.uniform(40, 160)), 0), (w, 20), (0, 20)),
            )
            for _ in range(rng.integers(0, 4))
        )
        return Recognition(640, 480, vehicles, plates, lines, models=MODELS)

    def observation(self, rng: np.random.Generator) -> Observation:
        """Its answer as it is counted."""
        return observe_answer(self.answer(rng))

    def _plate(self, rng: np.random.Generator) -> Plate:
        valid = bool(rng.random() < self.confidence)
        name = f"KA01AB{rng.integers(1000, 9999)}"
        return Plate(
            name,
            self._confidence(rng),
            Box(0, 0, 60, float(rng.uniform(12, 24))),
            registration=Registration(name, valid=valid, country="IN", region_name=self.region),
            colour=PlateColour.BLACK_ON_WHITE,
        )

    def _confidence(self, rng: np.random.Generator) -> float:
        return float(np.clip(rng.normal(self.confidence, 0.08), 0, 1))


def street_pixels(rng: np.random.Generator, height: int = 240, width: int = 320) -> RgbArray:
    """A picture of plumb and level blocks, (height, width, 3) RGB."""
    picture = np.full((height, width, 3), 90, np.uint8)
    for _ in range(25):
        y, x = int(rng.integers(0, height - 20)), int(rng.integers(0, width - 20))
        picture[y : y + int(rng.integers(8, 60)), x : x + int(rng.integers(8, 60))] = rng.integers(
            0, 255, 3
        )
    return picture
