"""The category of a registration, from its text and the colours of its plate."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lipiyana.ocr.registrations.grammar import GRAMMAR, Reading
from lipiyana.types import PlateColour, Registration


@dataclass(frozen=True, slots=True)
class Categorized:
    """A registration with its category.

    Attributes:
        registration: with its `category`. Where the text fits several formats, the colour may have
            changed its format.
        conflict: plates of this registration never have this colour.
    """

    registration: Registration
    conflict: bool


def categorize(registration: Registration, colour: PlateColour | None) -> Categorized:
    """Decide the category of a registration.

    The colour refines the category that the text gives (green on a private plate means
    `ELECTRIC_PRIVATE`). Where the two contradict each other, the category of the text stays and
    `conflict` is set. Where the text fits several formats, the colour may choose the format: see
    `Format.colours_decide`.

    Args:
        registration: as parsed.
        colour: colour of its plate; None if unknown.
    """
    if colour is None or not registration.valid:
        return Categorized(registration, conflict=False)
    readings = [
        reading
        for reading in GRAMMAR.readings(registration.canonical)
        if _has_format_of(reading, registration) or reading.record.colours_decide
    ]
    for reading in readings:
        category = reading.record.colours.get(reading.category, {}).get(colour)
        if category is None:
            continue
        settled = reading.registration(registration.character_confidences)
        if _has_format_of(reading, registration):
            settled = registration
        return Categorized(
            replace(settled, category=category, alternatives=registration.alternatives), False
        )
    known = any(reading.category in reading.record.colours for reading in readings)
    return Categorized(registration, conflict=known)


def _has_format_of(reading: Reading, registration: Registration) -> bool:
    """Whether a reading has the format and country of the registration."""
    return (reading.record.format, reading.record.country.code) == (
        registration.format,
        registration.country,
    )
