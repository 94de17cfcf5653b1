"""Tuned constants of parsing and repairing registrations.

Where no figure stands beside a value, none was recorded: `tests/ocr/registrations` has the texts
that it was chosen for. What belongs to one format stands in its record.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RegistrationSettings:
    """What the parser and the repair decide by."""

    # rows of a plate

    most_characters: int = 100
    """Longer text is no plate, even if a native script spells out every letter."""
    most_foreign_rows: int = 3
    """Rows without a part of the registration that a plate may have."""
    word_min_letters: int = 3
    """Letters from which a row without digits is a word, such as a slogan."""
    upper_row_max_characters: int = 7
    """A row that begins like an upper row is a word if it is longer: HRZGAB may be HR26AB."""
    serial_min_digits: int = 7
    """Digits from which a row is a serial number."""

    # repair

    certain_character: float = 0.9
    """Characters with a confidence above this are never repaired."""
    most_repairs: int = 3
    """Characters that are repaired at most."""
    most_scene_repairs: int = 2
    """The same in a line of scene text, which may be no registration at all."""
    scene_word_min_letters: int = 4
    """Letters from which a word beside a registration forbids repairs in scene text: LABOR 2392."""


REGISTRATIONS = RegistrationSettings()
"""What the package uses."""
