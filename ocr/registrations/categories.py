"""Whom a registration belongs to: what its format and its colours say, together.

Colours of India: S.O.2339(E) of 2020; plates of before 1989 were white on black for private
vehicles. Colours of Nepal: by the owner that the class letter names. Bangladesh: private plates
are white, those of transport vehicles green.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from lipiyana.ocr.registrations.grammar import GRAMMAR, Reading
from lipiyana.types import Category, PlateColour, Registration, RegistrationFormat

_C = PlateColour

INDIAN_CATEGORIES: Mapping[PlateColour, Category] = {
    _C.BLACK_ON_WHITE: Category.PRIVATE,
    _C.BLACK_ON_YELLOW: Category.TRANSPORT,
    _C.YELLOW_ON_BLACK: Category.RENTAL,
    _C.WHITE_ON_GREEN: Category.ELECTRIC_PRIVATE,
    _C.YELLOW_ON_GREEN: Category.ELECTRIC_TRANSPORT,
    _C.BLACK_ON_GREEN: Category.ELECTRIC_RENTAL,
    _C.RED_ON_YELLOW: Category.TEMPORARY,
    _C.WHITE_ON_RED: Category.TRADE,
    _C.WHITE_ON_BLUE: Category.DIPLOMATIC,
    _C.YELLOW_ON_BLUE: Category.CONSULAR,
    _C.WHITE_ON_BLACK: Category.MILITARY,
}
"""What a colour says where the text leaves it open."""

# what the text says: in which finer or other categories it may come
_WITHIN: Mapping[Category, frozenset[Category]] = {
    Category.PRIVATE: frozenset({Category.PRIVATE, Category.ELECTRIC_PRIVATE}),
    Category.TRANSPORT: frozenset(
        {
            Category.TRANSPORT,
            Category.RENTAL,
            Category.ELECTRIC_TRANSPORT,
            Category.ELECTRIC_RENTAL,
        }
    ),
}
_OPEN = frozenset(
    {
        Category.PRIVATE,
        Category.TRANSPORT,
        Category.RENTAL,
        Category.ELECTRIC_PRIVATE,
        Category.ELECTRIC_TRANSPORT,
        Category.ELECTRIC_RENTAL,
    }
)
_LEGACY: Mapping[PlateColour, Category] = {
    _C.BLACK_ON_WHITE: Category.PRIVATE,
    _C.WHITE_ON_BLACK: Category.PRIVATE,
    _C.BLACK_ON_YELLOW: Category.TRANSPORT,
}
_NEPALI: Mapping[Category, frozenset[PlateColour]] = {
    Category.PRIVATE: frozenset({_C.WHITE_ON_RED}),
    Category.TRANSPORT: frozenset({_C.WHITE_ON_BLACK}),
    Category.GOVERNMENT: frozenset({_C.RED_ON_WHITE}),
}
_BANGLADESHI: Mapping[Category, frozenset[PlateColour]] = {
    Category.PRIVATE: frozenset({_C.BLACK_ON_WHITE}),
    Category.TRANSPORT: frozenset({_C.BLACK_ON_GREEN, _C.WHITE_ON_GREEN}),
}
_BY_OWNER = {
    RegistrationFormat.NEPAL: _NEPALI,
    RegistrationFormat.BANGLADESH: _BANGLADESHI,
}
_VINTAGE_COLOURS = frozenset({_C.BLACK_ON_WHITE})

# goods carriages, buses and three-wheelers are transport vehicles by section 2(47) of the Motor
# Vehicles Act, whoever owns them; pick-ups and vans are sold to private owners too
_ALWAYS_TRANSPORT = frozenset({"auto_rickshaw", "e_rickshaw", "truck", "bus", "tempo"})
_NEVER_FOR_TRANSPORT = frozenset({Category.PRIVATE, Category.ELECTRIC_PRIVATE, Category.VINTAGE})


# what a text may be instead where the colours say so: red on yellow is temporary and not a taxi of
# the series TC, white on red is KA 12 PA 3456 of Nepal's zone Karnali and not of Karnataka
_BY_COLOUR = (RegistrationFormat.TEMPORARY, RegistrationFormat.NEPAL)


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
    colour decides. Red on yellow tells a temporary plate from a taxi's with the series TC, and
    white on red a plate of Nepal from one of Karnataka or Goa.

    Args:
        registration: as parsed.
        colour: of its plate, None where it is not known.
    """
    if colour is None or not registration.valid:
        return Categorized(registration, conflict=False)
    readings = [
        reading
        for reading in GRAMMAR.readings(registration.canonical)
        if reading.pattern.format in (registration.format, *_BY_COLOUR)
    ]
    for reading in readings:
        category = _agreed(reading, colour)
        if category is None:
            continue
        settled = reading.registration(registration.character_confidences)
        if reading.pattern.format is registration.format:
            settled = registration
        return Categorized(
            replace(settled, category=category, alternatives=registration.alternatives), False
        )
    return Categorized(registration, conflict=any(map(_has_colours, readings)))


def conflicts(category: Category | None, vehicle_label: str, country: str = "IN") -> bool:
    """Whether a vehicle cannot belong to a category: an auto-rickshaw on a private plate.

    Args:
        category: of its registration, None where it is not known.
        vehicle_label: a name of the taxonomy; what is not in it conflicts with nothing.
        country: `Registration.country`; the rule is India's, others register buses, lorries and
            three-wheelers of private owners.
    """
    return (
        country == "IN" and category in _NEVER_FOR_TRANSPORT and vehicle_label in _ALWAYS_TRANSPORT
    )


def _agreed(reading: Reading, colour: PlateColour) -> Category | None:
    """The category on which text and colour agree; None where they do not."""
    said, kind = reading.category, reading.pattern.format
    if kind in _BY_OWNER:
        return said if said and colour in _BY_OWNER[kind].get(said, ()) else None
    if kind is RegistrationFormat.LEGACY:
        return _LEGACY.get(colour)
    if kind is RegistrationFormat.VINTAGE:
        return said if colour in _VINTAGE_COLOURS else None
    shown = INDIAN_CATEGORIES.get(colour)
    allowed = _OPEN if said is None else _WITHIN.get(said, frozenset({said}))
    return shown if shown in allowed else None


def _has_colours(reading: Reading) -> bool:
    """Whether it is known which colours such a registration has."""
    owners = _BY_OWNER.get(reading.pattern.format)
    return owners is None or reading.category in owners
