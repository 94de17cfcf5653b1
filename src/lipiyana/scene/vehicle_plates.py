"""Which plate belongs to which vehicle, and whether the two contradict each other.

`has_category_conflict` alone decides `Plate.category_conflict`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from lipiyana.ocr.registrations import categorize
from lipiyana.ocr.registrations.formats import COUNTRIES
from lipiyana.ocr.registrations.formats.india import INDIA
from lipiyana.scene.settings import SCENE, SceneSettings
from lipiyana.types import Category, Plate, PlateColour, Registration, Vehicle
from lipiyana.vehicles.boxes import Boxes, areas, array_of, inside, iou
from lipiyana.vehicles.detection.settings import VEHICLE_DETECTION
from lipiyana.vehicles.taxonomy import CLASSES


def assign_plates(
    vehicles: Sequence[Vehicle], plates: Sequence[Plate], *, settings: SceneSettings = SCENE
) -> tuple[tuple[Vehicle, ...], tuple[Plate, ...]]:
    """Assign each plate to the smallest vehicle whose box contains most of it.

    Where one vehicle was detected as several classes, the most confident detection gets the plates.

    Returns:
        Copies in the same order, with `plate_indices`, `vehicle_index` and `category_conflict` set.
    """
    boxes = array_of([vehicle.box for vehicle in vehicles])
    shares = inside(array_of([plate.box for plate in plates]), boxes)
    sizes = np.where(shares > settings.owner_overlap, areas(boxes)[None, :], np.inf)
    owners = [int(row.argmin()) if len(row) and np.isfinite(row.min()) else None for row in sizes]
    best = _most_confident(vehicles, boxes)
    owners = [None if owner is None else best[owner] for owner in owners]
    plates_of: dict[int | None, list[int]] = {}
    for plate_index, owner in enumerate(owners):
        plates_of.setdefault(owner, []).append(plate_index)
    return (
        tuple(
            dataclasses.replace(vehicle, plate_indices=tuple(plates_of.get(index, ())))
            for index, vehicle in enumerate(vehicles)
        ),
        tuple(
            _owned(plate, owner, None if owner is None else vehicles[owner])
            for plate, owner in zip(plates, owners, strict=True)
        ),
    )


def has_category_conflict(
    registration: Registration, colour: PlateColour | None, vehicle_label: str = ""
) -> bool:
    """Whether the colours of a plate or the class of its vehicle contradict its registration.

    Args:
        registration: what the plate says.
        colour: of the plate; None if it is not known.
        vehicle_label: class of the vehicle that carries it; "" if it is not known.
    """
    return categorize(registration, colour).conflict or conflicts(
        registration.category, vehicle_label, registration.country
    )


def conflicts(category: Category | None, vehicle_label: str, country: str = INDIA.code) -> bool:
    """Whether a class of vehicle cannot have a category, as an auto-rickshaw in India cannot have a
    private plate.

    Args:
        category: of its registration; None if it is not known.
        vehicle_label: a class of the taxonomy; any other name conflicts with nothing.
        country: `Registration.country`; each country has its own rule, see `Country`.
    """
    vehicle, rule = CLASSES.get(vehicle_label), COUNTRIES.get(country)
    if vehicle is None or rule is None:
        return False
    return vehicle.always_transport and category in rule.never_for_transport


def _most_confident(vehicles: Sequence[Vehicle], boxes: Boxes) -> list[int]:
    """For each vehicle, the index of the most confident detection of the same object."""
    confidences = np.array([vehicle.confidence for vehicle in vehicles])
    one_thing = iou(boxes, boxes) > VEHICLE_DETECTION.same_object_iou
    np.fill_diagonal(one_thing, True)
    return [int(i) for i in np.where(one_thing, confidences, -1.0).argmax(1)] if vehicles else []


def _owned(plate: Plate, index: int | None, vehicle: Vehicle | None) -> Plate:
    label = "" if vehicle is None else vehicle.label
    return dataclasses.replace(
        plate,
        vehicle_index=index,
        category_conflict=has_category_conflict(plate.registration, plate.colour, label),
    )
