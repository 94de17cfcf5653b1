"""Whether the category of a registration contradicts its plate's colours or its vehicle.

`has_category_conflict` alone decides `Plate.category_conflict`.
"""

from __future__ import annotations

from lipiyana.ocr.registrations import categorize
from lipiyana.ocr.registrations.formats import COUNTRIES
from lipiyana.ocr.registrations.formats.india import INDIA
from lipiyana.types import Category, PlateColour, Registration
from lipiyana.vehicles.taxonomy import CLASSES


def has_category_conflict(
    registration: Registration, colour: PlateColour | None, vehicle_label: str = ""
) -> bool:
    """Whether the colours of a plate or the class of its vehicle contradict its registration.

    Args:
        registration: what the plate says.
        colour: of the plate; None where it is not known.
        vehicle_label: class of the vehicle that carries it; "" where it is not known.
    """
    return categorize(registration, colour).conflict or conflicts(
        registration.category, vehicle_label, registration.country
    )


def conflicts(category: Category | None, vehicle_label: str, country: str = INDIA.code) -> bool:
    """Whether a class of vehicle cannot have a category, as an auto-rickshaw in India cannot have a
    private plate.

    Args:
        category: of its registration; None where it is not known.
        vehicle_label: a class of the taxonomy; any other name conflicts with nothing.
        country: `Registration.country`; each country has its own rule, see `Country`.
    """
    vehicle, rule = CLASSES.get(vehicle_label), COUNTRIES.get(country)
    if vehicle is None or rule is None:
        return False
    return vehicle.always_transport and category in rule.never_for_transport
