"""In which kinds two results of one picture differ. Nothing of what they say leaves this module."""

from __future__ import annotations

from collections import Counter

from lipiyana.ocr.scripts.normalization import normalize
from lipiyana.types import Recognition

KINDS = ("vehicles", "classes", "plates", "registrations", "lines", "text")
"""Numbers of vehicles, plates and lines; and, where the numbers are equal, what they are."""


def differences(one: Recognition, other: Recognition) -> tuple[str, ...]:
    """Return the kinds in which two results differ, in the order of `KINDS`.

    Places and confidences do not count, nor does the order.
    """
    found = []
    for count, content, of_one, of_other in (
        ("vehicles", "classes", _classes(one), _classes(other)),
        ("plates", "registrations", _registrations(one), _registrations(other)),
        ("lines", "text", _texts(one), _texts(other)),
    ):
        if of_one.total() != of_other.total():
            found.append(count)
        elif of_one != of_other:
            found.append(content)
    return tuple(found)


def _classes(found: Recognition) -> Counter[str]:
    return Counter(vehicle.label for vehicle in found.vehicles)


def _registrations(found: Recognition) -> Counter[str]:
    return Counter(plate.registration.canonical or plate.text for plate in found.plates)


def _texts(found: Recognition) -> Counter[str]:
    return Counter(normalize(line.text) for line in found.text_lines)
