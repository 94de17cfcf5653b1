from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from needs import TORCH

pytest.importorskip("torch", reason=TORCH)

from lipiyana.rendering.fonts.families import FontLibrary
from lipiyana.vehicles.training.data.canvases import Canvases
from lipiyana.vehicles.training.data.labels import CLASSES
from lipiyana.vehicles.training.data.mounted_plates import MountedPlates
from lipiyana.vehicles.training.data.street_pictures import UNDECIDED, load_pictures
from lipiyana.vehicles.training.data.variety import Variety
from lipiyana.vehicles.training.data.views import View

AUTO, CAR, BICYCLE, PLATE = map(CLASSES.index, ("auto_rickshaw", "car", "bicycle", "plate"))
BOX = [100.0, 60.0, 220.0, 200.0]
BARE = np.ones(1, bool)


@pytest.fixture(scope="module")
def plates(font_library: FontLibrary) -> MountedPlates:
    return MountedPlates(np.random.default_rng(0), of_each_kind=6)


def _street(*vehicles: tuple[int, list[float]]) -> View:
    return View(
        np.full((240, 320, 3), 96, np.uint8),
        np.array([box for _, box in vehicles], np.float32),
        np.array([label for label, _ in vehicles]),
    )


def test_a_plate_lies_in_its_vehicle_and_nothing_else_changes(plates: MountedPlates) -> None:
    street = _street((AUTO, BOX))
    for seed in range(20):
        mounted = plates.mount(street, BARE, 1.0, np.random.default_rng(seed))
        assert mounted.classes.tolist() == [AUTO, PLATE]
        x_min, y_min, x_max, y_max = mounted.boxes[1]
        assert 100 <= x_min < x_max <= 220
        assert 60 <= y_min < y_max <= 200
        changed = (mounted.pixels != street.pixels).any(2)
        rows, columns = np.nonzero(changed)
        # within the box, up to the frame of the plate
        assert len(rows) > 0.4 * (x_max - x_min) * (y_max - y_min)
        assert x_min - 4 <= columns.min()
        assert columns.max() <= x_max + 4
        assert y_min - 4 <= rows.min()
        assert rows.max() <= y_max + 4
    assert (street.pixels == 96).all()


@pytest.mark.parametrize(
    ("label", "box", "bare"),
    [
        pytest.param(BICYCLE, BOX, True, id="carries none"),
        pytest.param(UNDECIDED, BOX, True, id="nobody knows what it is"),
        pytest.param(AUTO, BOX, False, id="its own plate has a box"),
        pytest.param(AUTO, [100.0, 60.0, 118.0, 84.0], True, id="far away"),
        pytest.param(CAR, [20.0, 60.0, 300.0, 160.0], True, id="from the side"),
    ],
)
def test_unsuitable_vehicles_get_no_plate(
    plates: MountedPlates, label: int, box: list[float], bare: bool
) -> None:
    street = _street((label, box))
    for seed in range(10):
        mounted = plates.mount(street, np.array([bare]), 1.0, np.random.default_rng(seed))
        assert mounted is street


def test_no_plate_on_what_stands_before_a_vehicle(plates: MountedPlates) -> None:
    street = _street((AUTO, BOX), (BICYCLE, [90.0, 110.0, 230.0, 210.0]))
    for seed in range(10):
        mounted = plates.mount(street, np.ones(2, bool), 1.0, np.random.default_rng(seed))
        assert mounted is street


def test_a_canvas_knows_of_the_plates_that_were_mounted(plates, streets) -> None:
    pictures = load_pictures(streets("iiith_auto"), "train")
    pictures = [replace(picture, known=picture.known.copy()) for picture in pictures]
    size = 640
    canvases = Canvases(pictures, size, Variety(mounted=1.0))
    rng, seen = np.random.default_rng(0), 0
    for _ in range(12):
        canvas = canvases.draw(rng, 0.0)
        mounted = canvas.boxes[canvas.classes == PLATE]
        seen += len(mounted)
        # plates are unknown elsewhere in pictures of this source
        assert canvas.known[:, PLATE].any() == bool(len(mounted))
    assert seen > 3


def test_cars_with_boxes_of_plates_get_no_second_one(plates, streets) -> None:
    pictures = load_pictures(streets("olx_plate"), "train")
    with_cars = [
        replace(
            p,
            boxes=np.concatenate([p.boxes, np.array([BOX], np.float32)]),
            classes=np.append(p.classes, CAR),
        )
        for p in pictures
    ]
    rngs = np.random.default_rng(1), np.random.default_rng(1)
    plain, mounted = (
        Canvases(with_cars, 320, variety).draw(rng, 0.0)
        for variety, rng in zip((Variety(), Variety(mounted=1.0)), rngs, strict=True)
    )
    assert (plain.classes == PLATE).sum() == (mounted.classes == PLATE).sum()
