"""Searches for registrations, each made once, and only as far as it can matter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lipiyana.ocr.plates.grammar_search import Candidate, search
from lipiyana.ocr.plates.settings import PLATES, PlateSettings


@dataclass(frozen=True, slots=True, eq=False)
class _Searched:
    # the rows are kept with what was found, so that their ids stay theirs
    rows: list[npt.NDArray[np.float32]]
    least: float
    found: list[Candidate]


class RememberedSearches:
    """Searches the same rows once, however many attempts to read a plate contain them.

    Not to be shared between threads.
    """

    def __init__(self) -> None:
        """Nothing was searched yet."""
        self._searched: dict[tuple[int, ...], _Searched] = {}

    def search(
        self,
        rows: Sequence[npt.NDArray[np.float32]],
        least: float,
        *,
        settings: PlateSettings = PLATES,
    ) -> list[Candidate]:
        """See the function `search`; the settings must be the same in all calls."""
        key = tuple(map(id, rows))
        known = self._searched.get(key)
        # a search that found something did not end early
        if known is None or not (known.found or known.least <= least):
            found = search(rows, least=least, settings=settings)
            known = self._searched[key] = _Searched(list(rows), least, found)
        return known.found
