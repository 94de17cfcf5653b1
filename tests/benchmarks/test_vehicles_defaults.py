from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from vehicles_defaults import at_defaults

from lipiyana.vehicles.training.data.labels import CLASSES
from lipiyana.vehicles.training.data.street_pictures import UNDECIDED, StreetPicture, without_any
from lipiyana.vehicles.training.evaluation import Found

CAR, BUS, PLATE = map(CLASSES.index, ("car", "bus", "plate"))
ONE, TWO, SPECK = [10.0, 10, 130, 130], [200.0, 10, 320, 130], [330.0, 10, 350, 30]


def _picture(folder: Path, *objects: tuple[int, list[float]]) -> StreetPicture:
    path = folder / "street.png"
    cv2.imwrite(str(path), np.full((200, 400, 3), 90, np.uint8))
    boxes = np.array([box for _, box in objects], np.float32)
    classes = np.array([label for label, _ in objects])
    return StreetPicture(path, "drawn", boxes, classes, np.ones(len(CLASSES), bool))


def _found(*objects: tuple[int, float, list[float]]) -> Found:
    return Found(
        np.array([box for _, _, box in objects], np.float64).reshape(-1, 4),
        np.array([score for _, score, _ in objects], np.float64),
        np.array([label for label, _, _ in objects], np.intp),
    )


def _nothing(_: np.ndarray) -> Found:
    return _found()


@pytest.mark.parametrize(
    ("found", "recall", "precision", "anyhow"),
    [
        (_found((CAR, 0.9, ONE), (BUS, 0.8, TWO)), 1.0, 1.0, 1.0),
        (_found((CAR, 0.9, ONE), (CAR, 0.8, TWO)), 0.5, 0.5, 1.0),
        (_found((CAR, 0.9, ONE), (BUS, 0.2, TWO)), 0.5, 1.0, 0.5),
        (_found((CAR, 0.9, ONE), (CAR, 0.8, ONE)), 0.5, 0.5, 0.5),
        # a speck is neither asked for nor wrong
        (_found((CAR, 0.9, ONE), (CAR, 0.8, SPECK), (BUS, 0.7, [60.0, 160, 80, 180])), 0.5, 1, 0.5),
    ],
)
def test_recall_and_precision_of_what_is_large_enough(
    tmp_path: Path, found: Found, recall: float, precision: float, anyhow: float
) -> None:
    picture = _picture(tmp_path, (CAR, ONE), (BUS, TWO), (CAR, SPECK))
    figures = at_defaults([picture], [found], [], _nothing)
    assert (figures.recall, figures.precision, figures.found) == (recall, precision, anyhow)


def test_detections_on_undecided_objects_are_not_judged(tmp_path: Path) -> None:
    picture = _picture(tmp_path, (CAR, ONE), (UNDECIDED, TWO))
    figures = at_defaults([picture], [_found((CAR, 0.9, ONE), (BUS, 0.8, TWO))], [], _nothing)
    assert (figures.recall, figures.precision) == (1, 1)


def test_phantoms_are_counted_a_picture_and_plates_apart(tmp_path: Path) -> None:
    picture = _picture(tmp_path, (CAR, ONE))
    signs = [without_any(picture.path, "wall")] * 4
    seen = iter([_found((CAR, 0.9, ONE), (PLATE, 0.5, TWO)), *[_found((BUS, 0.29, ONE))] * 3])
    figures = at_defaults([], [], signs, lambda _: next(seen))
    assert (figures.phantoms, figures.phantom_plates) == (0.25, 0.25)


def test_a_vehicle_that_fills_the_picture_is_asked_for_its_type(tmp_path: Path) -> None:
    picture = _picture(tmp_path, (CAR, ONE), (BUS, TWO), (CAR, SPECK))
    sizes = []

    def detect(image: np.ndarray) -> Found:
        sizes.append(image.shape[:2])
        return _found((PLATE, 0.95, ONE), (CAR, 0.6, ONE))

    figures = at_defaults([picture], [_found()], [], detect)
    assert (figures.filling, figures.type_right) == (2, 0.5)
    assert all(120 <= side <= 150 for size in sizes for side in size)


def test_plates_are_counted_by_what_carries_them(tmp_path: Path) -> None:
    on_bus, alone = [240.0, 90, 270, 100], [340.0, 150, 370, 160]
    picture = _picture(tmp_path, (BUS, TWO), (PLATE, on_bus), (PLATE, alone))
    found = _found((PLATE, 0.9, on_bus), (PLATE, 0.1, alone))
    figures = at_defaults([picture], [found], [], _nothing)
    assert dict(figures.plates) == {"bus": (1, 1), "others": (1, 0)}
    assert ("plates found: bus", "1 of 1") in figures.rows()
