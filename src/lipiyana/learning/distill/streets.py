"""Streets at random, full of signs in every script: what the student looks at."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import get_args

import numpy as np
import numpy.typing as npt

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

Pixels = npt.NDArray[np.uint8]

_SIZES = ((960, 720), (960, 640), (832, 832), (720, 960))
_COLUMNS, _ROWS = 3, 3
_LOWEST = 0.58  # of the picture's height, above which signs hang
_LONGEST = 22
_TRIES = 20
_BY_DAY = 0.6


class Streets:
    """Draws streets; the same number gives the same picture."""

    def __init__(self, corpus: Corpus, library: FontLibrary, seed: int = 0) -> None:
        """Take what signs may say, and the fonts."""
        self._corpus, self._library, self._seed = corpus, library, seed

    def picture(self, number: int) -> Pixels:
        """Draw one, (H, W, 3) RGB.

        Raises:
            LookupError: there are no fonts for what signs say.
        """
        rng = np.random.default_rng([self._seed, number])
        for _ in range(_TRIES):
            try:
                return np.asarray(render_scene(rng, self._library, self._plan(rng)).image)
            except (LookupError, ValueError):  # no glyph or no ink: another text may fit the fonts
                continue
        raise LookupError("no installed font sets these signs; see scripts/install_fonts.sh")

    def _plan(self, rng: np.random.Generator) -> ScenePlan:
        width, height = _SIZES[int(rng.integers(len(_SIZES)))]
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
        """Hang signs in some cells of a grid, so that none hides another."""
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
            if len(sample.text) <= _LONGEST:
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
