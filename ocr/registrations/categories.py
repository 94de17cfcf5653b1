"""Whom a registration belongs to: what its text and its colours say, together."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lipiyana.ocr.registrations.grammar import GRAMMAR, Reading
from lipiyana.types import PlateColour, Registration


@dataclass(frozen=True, slots=True)
class Categorized:
    """A registration with its category.

    Attributes:
        registration: with `category`, and with the format that the colour decides where the text
            fits several.
        conflict: the colour is none that such a registration may have.
    """

    registration: Registration
    conflict: bool


def categorize(registration: Registration, colour: PlateColour | None) -> Categorized:
    """Say whom a registration belongs to.

    What the text says stays where the colour contradicts it; where the colour says more, the
    colour decides. Of two formats that the text fits, the colour may tell which one it is: see
    `Format.colours_decide`.

    Args:
        registration: as parsed.
        colour: of its plate, None where it is not known.
    """
    if colour is None or not registration.valid:
        return Categorized(registration, conflict=False)
    readings = [
        reading
        for reading in GRAMMAR.readings(registration.canonical)
        if _is_of(reading, registration) or reading.record.colours_decide
    ]
    for reading in readings:
        category = reading.record.colours.get(reading.category, {}).get(colour)
        if category is None:
            continue
        settled = reading.registration(registration.character_confidences)
        if _is_of(reading, registration):
            settled = registration
        return Categorized(
            replace(settled, category=category, alternatives=registration.alternatives), False
        )
    known = any(reading.category in reading.record.colours for reading in readings)
    return Categorized(registration, conflict=known)


def _is_of(reading: Reading, registration: Registration) -> bool:
    """Whether a reading is of the format that the registration is said to have."""
    return (reading.record.format, reading.record.country.code) == (
        registration.format,
        registration.country,
    )
