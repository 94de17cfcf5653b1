from __future__ import annotations

import numpy as np
import pytest
from detector_models import GREEN, RED, install, rectangle_detector

from lipiyana.runtime.store import ModelStore
from lipiyana.scene.settings import SCENE
from lipiyana.scene.vehicle_plates import drop_duplicates, find_plates_in_vehicles
from lipiyana.types import Box
from lipiyana.vehicles.detection.detector import PLATE, Detection, VehicleDetector


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> VehicleDetector:
    folder = install(tmp_path_factory.mktemp("models"), rectangle_detector(128))
    return VehicleDetector(ModelStore(folder, threads=1))


def street(*cars: tuple[int, int], plates: bool = True) -> tuple[np.ndarray, list[Detection]]:
    """Cars of 120x100 pixels with plates of 40x12, which are 5x1.5 pixels of the input."""
    picture = np.full((600, 1000, 3), 128, np.uint8)
    for x, y in cars:
        picture[y : y + 100, x : x + 120] = RED
        if plates:
            picture[y + 70 : y + 82, x + 40 : x + 80] = GREEN
    boxes = [Box(x, y, x + 120, y + 100) for x, y in cars]
    return picture, [Detection("car", 0.9, box) for box in boxes]


def centre(found: Detection) -> tuple[float, float]:
    box = found.box
    return (box.x_min + box.x_max) / 2, (box.y_min + box.y_max) / 2


def test_plates_are_found_in_enlarged_vehicles(detector: VehicleDetector) -> None:
    picture, vehicles = street((50, 60), (700, 400))
    found = find_plates_in_vehicles(picture, detector, vehicles, [], 0.3)
    assert {one.label for one in found} == {PLATE}
    centres = sorted(map(centre, found))
    assert np.abs(np.array(centres) - [(110, 136), (760, 476)]).max() < 3


def test_a_vehicle_with_a_plate_is_not_searched(detector: VehicleDetector) -> None:
    picture, vehicles = street((50, 60))
    known = Detection(PLATE, 0.8, Box(92, 131, 128, 141))
    assert find_plates_in_vehicles(picture, detector, vehicles, [known], 0.3) == [known]
    # one that is hardly believed does not count
    doubted = Detection(PLATE, 0.1, Box(60, 70, 90, 78))
    found = find_plates_in_vehicles(picture, detector, vehicles, [doubted], 0.3)
    assert len(found) == 2
    assert found[1] == doubted


@pytest.mark.parametrize(
    "vehicle",
    [
        Detection("car", 0.1, Box(50, 60, 170, 160)),  # hardly believed
        Detection("car", 0.9, Box(90, 120, 140, 160)),  # too small for a legible plate
        Detection("car", 0.9, Box(0, 0, 1000, 600)),  # as large as what was searched
    ],
)
def test_vehicles_that_are_not_worth_it(detector: VehicleDetector, vehicle: Detection) -> None:
    picture, _ = street((50, 60))
    assert find_plates_in_vehicles(picture, detector, [vehicle], [], 0.3) == []


def test_a_plate_that_the_crop_cuts_is_another_vehicle_s(detector: VehicleDetector) -> None:
    picture, _ = street((50, 60))
    beside = Detection("car", 0.9, Box(115, 60, 225, 160))
    assert find_plates_in_vehicles(picture, detector, [beside], [], 0.3) == []


def test_the_largest_vehicles_are_searched(
    detector: VehicleDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture, _ = street()
    boxes = [Box(0, 0, 100 + number, 90) for number in range(SCENE.most_vehicle_crops + 5)]
    widths: list[int] = []

    def look(images: list[np.ndarray], least: float) -> list[list[Detection]]:
        widths.extend(image.shape[1] for image in images)
        return [[] for _ in images]

    monkeypatch.setattr(detector, "detect_each", look)
    vehicles = [Detection("car", 0.9, box) for box in boxes]
    assert find_plates_in_vehicles(picture, detector, vehicles, [], 0.3) == []
    assert len(widths) == SCENE.most_vehicle_crops
    assert min(widths) >= 105


def test_one_plate_a_place() -> None:
    whole, row = Box(100, 100, 200, 150), Box(105, 125, 195, 148)
    other = Box(300, 100, 400, 120)
    plates = [Detection(PLATE, c, b) for c, b in ((0.5, row), (0.9, whole), (0.4, other))]
    assert drop_duplicates(plates) == [plates[1], plates[2]]
    assert drop_duplicates([]) == []
