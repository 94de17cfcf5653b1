"""Finds plates: in the whole picture, then in enlarged vehicles on which none was found."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lipiyana.arrays import RgbArray
from lipiyana.scene.settings import SCENE, SceneSettings
from lipiyana.types import Box
from lipiyana.vehicles.boxes import Boxes, array_of, inside
from lipiyana.vehicles.detection.detector import PLATE, Detection, VehicleDetector
from lipiyana.vehicles.detection.nms import first_apart, suppress
from lipiyana.vehicles.detection.tiles import Tile, cut_off


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
