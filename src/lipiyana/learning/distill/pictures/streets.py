"""Random streets with signs and plates in every script, for training text detectors."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import get_args

import numpy as np

from lipiyana.learning.distill.pictures.walls import SIZES
from lipiyana.learning.distill.text_cores import LabelledPicture
from lipiyana.rendering.contents.corpus import Corpus
from lipiyana.rendering.fonts.families import FontLibrary
from lipiyana.rendering.streets.scenes import (
    Condition,
    ScenePlan,
    SignPlan,
    VehiclePlan,
    render_scene,
)
from lipiyana.rendering.streets.signs import SignKind, SignLine
from lipiyana.rendering.streets.vehicles import DrawnVehicle

_COLUMNS, _ROWS = 3, 3
_LOWEST = 0.58  # share of the picture's height; signs hang above it
_LONGEST_LINE = 22
_LINE_TRIES = 20
_BY_DAY = 0.6


class Streets:
    """Renders streets; the same number gives the same picture."""

    def __init__(self, corpus: Corpus, library: FontLibrary, seed: int = 0) -> None:
        """Prepare texts and fonts."""
        self._corpus, self._library, self._seed = corpus, library, seed

    def picture(self, number: int) -> LabelledPicture:
        """Render a street.

        Raises:
            LookupError: no installed font has the characters of the signs.
        """
        rng = np.random.default_rng([self._seed, number])
        for _ in range(_LINE_TRIES):
            try:
                scene = render_scene(rng, self._library, self._plan(rng))
            except (LookupError, ValueError):  # no glyph or no ink: try another text
                continue
            lines = [line.quad for line in scene.lines]
            lines += [row for plate in scene.plates for row in plate.rows]
            return LabelledPicture(scene.image, np.array(lines, np.float64).reshape(-1, 4, 2))
        raise LookupError(
            "no installed font has the characters of these signs; see scripts/install_fonts.sh"
        )

    def _plan(self, rng: np.random.Generator) -> ScenePlan:
        width, height = SIZES[int(rng.integers(len(SIZES)))]
        conditions: Sequence[Condition] = get_args(Condition)
        weights = [_BY_DAY] + [(1 - _BY_DAY) / (len(conditions) - 1)] * (len(conditions) - 1)
        return ScenePlan(
            width,
            height,
            condition=conditions[int(rng.choice(len(conditions), p=weights))],
            open_road=bool(rng.random() < 0.25),
            signs=tuple(self._signs(rng)),
            vehicles=tuple(_vehicles(rng)),
        )

    def _signs(self, rng: np.random.Generator) -> list[SignPlan]:
        """Place signs in some cells of a grid, so that none covers another."""
        chance = random.Random(int(rng.integers(2**63)))
        kinds: Sequence[SignKind] = get_args(SignKind)
        cells = rng.permutation(_COLUMNS * _ROWS)[: int(rng.integers(2, 8))]
        signs = []
        for cell in cells.tolist():
            row, column = divmod(cell, _COLUMNS)
            x, y = column / _COLUMNS, row / _ROWS * _LOWEST + 0.02
            wide = float(rng.uniform(0.5, 0.95)) / _COLUMNS
            tall = float(rng.uniform(0.35, 0.9)) / _ROWS * _LOWEST
            lines = tuple(self._line(chance) for _ in range(int(rng.integers(1, 4))))
            kind = kinds[int(rng.integers(len(kinds)))]
            signs.append(SignPlan(kind, lines, (x, y, x + wide, y + tall)))
        return signs

    def _line(self, chance: random.Random) -> SignLine:
        while True:
            sample = self._corpus.sample(chance)
            if len(sample.text) <= _LONGEST_LINE:
                return SignLine(sample.drawn, sample.script, chance.choice((0.6, 1.0, 1.0, 1.5)))


def _vehicles(rng: np.random.Generator) -> list[VehiclePlan]:
    kinds: Sequence[DrawnVehicle] = get_args(DrawnVehicle)
    count = int(rng.integers(0, 3))
    return [
        VehiclePlan(
            kinds[int(rng.integers(len(kinds)))],
            x=(number + 0.5) / count,
            ground=float(rng.uniform(0.8, 0.97)),
            width=float(rng.uniform(0.14, 0.34)),
            rows=int(rng.integers(1, 3)),
        )
        for number in range(count)
    ]
