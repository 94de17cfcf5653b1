"""The plates of vehicles: found in enlarged vehicles, assigned, and compared with the vehicle.

Plates are searched in the whole picture first, then in vehicles on which none was found.

`has_category_conflict` alone decides `Plate.category_conflict`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lipiyana.arrays import RgbArray
from lipiyana.ocr.registrations import categorize
from lipiyana.ocr.registrations.formats import COUNTRIES
from lipiyana.ocr.registrations.formats.india import INDIA
from lipiyana.scene.settings import SCENE, SceneSettings
from lipiyana.types import Box, Category, Plate, PlateColour, Registration, Vehicle
from lipiyana.vehicles.boxes import Boxes, areas, array_of, inside, iou
from lipiyana.vehicles.detection.detector import PLATE, Detection, VehicleDetector
from lipiyana.vehicles.detection.nms import first_apart, suppress
from lipiyana.vehicles.detection.settings import VEHICLE_DETECTION
from lipiyana.vehicles.detection.tiles import Tile, cut_off
from lipiyana.vehicles.taxonomy import CLASSES


def find_plates_in_vehicles(
    image: RgbArray,
    detector: VehicleDetector,
    vehicles: Sequence[Detection],
    plates: Sequence[Detection],
    least: float,
    *,
    settings: SceneSettings = SCENE,
) -> list[Detection]:
    """Search the vehicles that have no plate yet and are large enough for a legible one.

    Args:
        image: (height, width, 3) RGB.
        detector: one that knows plates.
        vehicles: found in `image`.
        plates: found in `image`.
        least: smallest confidence.
        settings: tuned constants.

    Returns:
        `plates` and those that were found in vehicles, each plate once, the surest first.

    Raises:
        ModelUnavailable: see `VehicleDetector.network`.
    """
    height, width = image.shape[:2]
    views = [
        _surroundings(v.box, height, width, settings)
        for v in _without_plate(vehicles, plates, settings)
    ]
    views = [view for view in views if settings.min_enlargement * _side(view) <= max(height, width)]
    views = sorted(views, key=_side, reverse=True)[: settings.most_vehicle_crops]
    crops = [image[view.y_min : view.y_max, view.x_min : view.x_max] for view in views]
    found = list(plates)
    for view, in_crop in zip(views, detector.detect_each(crops, least), strict=True):
        moved = [_moved(one, view) for one in in_crop if one.label == PLATE]
        cut = cut_off(array_of([one.box for one in moved]), view, height, width)
        found += [one for one, is_cut in zip(moved, cut.tolist(), strict=True) if not is_cut]
    return drop_duplicates(found, settings=settings)


def drop_duplicates(
    plates: Sequence[Detection], *, settings: SceneSettings = SCENE
) -> list[Detection]:
    """Drop plates that overlap, contain or lie in a more confident one.

    Returns:
        The most confident first, at most `VehicleDetectionSettings.most_detections`.
    """

    def at_one_place(a: Boxes, b: Boxes) -> npt.NDArray[np.bool_]:
        return np.asarray(np.maximum(inside(a, b), inside(b, a).T) > settings.duplicate_overlap)

    boxes = array_of([plate.box for plate in plates])
    confidences = np.array([plate.confidence for plate in plates])
    survivors = suppress(boxes, confidences, np.zeros(len(plates), np.intp))
    survivors = survivors[first_apart(boxes[survivors], at_one_place)]
    return [plates[index] for index in survivors.tolist()]


def _without_plate(
    vehicles: Sequence[Detection], plates: Sequence[Detection], settings: SceneSettings
) -> list[Detection]:
    believed = [plate.box for plate in plates if plate.confidence >= settings.believed_confidence]
    shares = inside(array_of(believed), array_of([vehicle.box for vehicle in vehicles]))
    has_plate = np.asarray((shares > settings.within_overlap).any(axis=0))
    return [
        vehicle
        for vehicle, found in zip(vehicles, has_plate.tolist(), strict=True)
        if not found
        and vehicle.confidence >= settings.believed_confidence
        and _legible(vehicle.box, settings)
    ]


def _legible(box: Box, settings: SceneSettings) -> bool:
    return max(box.x_max - box.x_min, box.y_max - box.y_min) >= settings.legible_vehicle_side


def _surroundings(box: Box, height: int, width: int, settings: SceneSettings) -> Tile:
    x, y = (
        settings.vehicle_margin * (box.x_max - box.x_min),
        settings.vehicle_margin * (box.y_max - box.y_min),
    )
    return Tile(
        max(0, int(box.x_min - x)),
        max(0, int(box.y_min - y)),
        min(width, round(box.x_max + x)),
        min(height, round(box.y_max + y)),
    )


def _side(view: Tile) -> int:
    return max(view.x_max - view.x_min, view.y_max - view.y_min)


def _moved(found: Detection, view: Tile) -> Detection:
    box = found.box
    x, y = view.x_min, view.y_min
    moved = Box(box.x_min + x, box.y_min + y, box.x_max + x, box.y_max + y)
    return Detection(found.label, found.confidence, moved)


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
