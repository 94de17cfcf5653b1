"""Whether a vehicle and the category of its registration go together."""

from __future__ import annotations

from lipiyana.ocr.registrations.formats import COUNTRIES
from lipiyana.ocr.registrations.formats.india import INDIA
from lipiyana.types import Category
from lipiyana.vehicles.taxonomy import CLASSES


def conflicts(category: Category | None, vehicle_label: str, country: str = INDIA.code) -> bool:
    """Whether a vehicle cannot belong to a category: an auto-rickshaw on a private plate of India.

    Args:
        category: of its registration, None where it is not known.
        vehicle_label: a name of the taxonomy; what is not in it conflicts with nothing.
        country: `Registration.country`; the rule is the country's, see `Country`.
    """
    vehicle, rule = CLASSES.get(vehicle_label), COUNTRIES.get(country)
    if vehicle is None or rule is None:
        return False
    return vehicle.always_transport and category in rule.never_for_transport
