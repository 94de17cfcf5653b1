"""Tuned constants of parsing registrations.

What is tuned for one format alone, such as how usual it is, stands in its record (`formats/`).
Where no figure stands beside a value, none was recorded: measure with `benchmarks/plates` before
and after you change it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RegistrationSettings:
    """What parsing and repair decide by."""

    # rows of a plate

    max_characters: int = 100
    """Longer text is no plate, even if a native script spells out every letter."""
    max_foreign_rows: int = 3
    """Rows of other text on a plate, such as a dealer's name, that may be left out."""
    min_word_letters: int = 3
    """A row of at least as many letters and no digit is a word and may be left out."""
    max_upper_row_characters: int = 7
    """A row of letters that begins as an upper row does (HR26AB, misread as HRZGAB) is left out
    only if it is longer than this.
    """
    min_serial_digits: int = 7
    """A row of digits alone is a telephone or serial number from this length on."""

    # characters that readers confuse

    max_repairs: int = 3
    """Characters of a text that may be repaired."""
    repair_max_confidence: float = 0.9
    """A character of a higher confidence is never repaired."""
    max_repairs_in_scene: int = 2
    """Repairs with which a line of scene text is still clear enough to be a registration."""
    min_unrepaired_letters: int = 4
    """A piece of at least as many letters is a word: a repaired line of a scene that has one is no
    registration.
    """


REGISTRATIONS = RegistrationSettings()
"""What the package uses."""
