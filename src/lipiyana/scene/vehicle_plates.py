"""Which plate belongs to which vehicle."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from lipiyana.scene.category_conflict import conflicts
from lipiyana.types import Plate, Vehicle
from lipiyana.vehicles.boxes import Boxes, areas, array_of, inside, iou
from lipiyana.vehicles.detection.nms import ONE_THING

_MOST_OF_IT = 0.6


def joined(
    vehicles: Sequence[Vehicle], plates: Sequence[Plate]
) -> tuple[tuple[Vehicle, ...], tuple[Plate, ...]]:
    """Give each plate the smallest vehicle whose box has most of it, and each vehicle its plates.

    Where one vehicle was given several names, it is the surest of them that has the plates.

    Returns:
        Copies in the same order, with `plate_indices` and `vehicle_index` set; a category that
        does not go with the type of its vehicle is a conflict.
    """
    boxes = array_of([vehicle.box for vehicle in vehicles])
    shares = inside(array_of([plate.box for plate in plates]), boxes)
    sizes = np.where(shares > _MOST_OF_IT, areas(boxes)[None, :], np.inf)
    owners = [int(row.argmin()) if len(row) and np.isfinite(row.min()) else None for row in sizes]
    surest = _surest_names(vehicles, boxes)
    owners = [None if owner is None else surest[owner] for owner in owners]
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


def _surest_names(vehicles: Sequence[Vehicle], boxes: Boxes) -> list[int]:
    """For each vehicle, which of those that are the same thing has the greatest confidence."""
    confidences = np.array([vehicle.confidence for vehicle in vehicles])
    one_thing = iou(boxes, boxes) > ONE_THING
    np.fill_diagonal(one_thing, True)
    return [int(i) for i in np.where(one_thing, confidences, -1.0).argmax(1)] if vehicles else []


def _owned(plate: Plate, index: int | None, vehicle: Vehicle | None) -> Plate:
    said = plate.registration
    conflict = vehicle is not None and conflicts(said.category, vehicle.label, said.country)
    return dataclasses.replace(
        plate, vehicle_index=index, category_conflict=plate.category_conflict or conflict
    )
