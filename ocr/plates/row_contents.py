"""What one row of a plate shows: how many characters, and whether there are digits among them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lipiyana.ocr.plates.grammar_search import CHARACTERS
from lipiyana.ocr.plates.settings import PlateSettings

GrammarProbabilities = npt.NDArray[np.float32]
"""(steps, classes) of a row, as `grammar_search.grammar_probabilities` returns them."""

_DIGITS = [1 + place for place, label in enumerate(CHARACTERS) if label.isdecimal()]


def has_number(row: GrammarProbabilities, settings: PlateSettings) -> bool:
    """Whether a row surely shows digits, and not as many as a serial number has."""
    digits = _runs(row, row[:, _DIGITS].sum(axis=1) > settings.seen_probability)
    return settings.number_min_digits <= digits <= settings.number_max_digits


def may_show_digits(row: GrammarProbabilities, settings: PlateSettings) -> bool:
    """Whether a digit was seen, however faintly."""
    return float(row[:, _DIGITS].sum(axis=1).max(initial=0)) > settings.faint_digits_probability


def characters(row: GrammarProbabilities, settings: PlateSettings) -> int:
    """How many characters were surely seen."""
    return _runs(row, row[:, 1:].max(axis=1) > settings.seen_probability)


def _runs(row: GrammarProbabilities, chosen: npt.NDArray[np.bool_]) -> int:
    """How many characters the chosen time steps show: a class that goes on is one."""
    kinds = np.where(chosen, row.argmax(axis=1), 0)
    return int(((kinds > 0) & (np.r_[0, kinds[:-1]] != kinds)).sum())
