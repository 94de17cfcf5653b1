"""Canvases of pictures without vehicles, and of vehicles that fill the picture."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from needs import TORCH

pytest.importorskip("torch", reason=TORCH)

from lipiyana.rendering.fonts.families import FontLibrary
from lipiyana.vehicles.training.data.batches import BatchSource, CanvasMix
from lipiyana.vehicles.training.data.canvases import Canvases
from lipiyana.vehicles.training.data.labels import CLASSES
from lipiyana.vehicles.training.data.rendered_scenes import drawn_streets, empty_scenes
from lipiyana.vehicles.training.data.street_pictures import UNDECIDED, load_pictures, without_any
from lipiyana.vehicles.training.data.variety import Variety
from lipiyana.vehicles.training.data.views import close_up
from lipiyana.vehicles.training.train_detector import mining_chances

SIZE = 128
CAR = CLASSES.index("car")


def _wall(path: Path, colour: tuple[int, int, int]):
    cv2.imwrite(str(path), np.full((90, 120, 3), colour, np.uint8))
    return without_any(path, "wall")


def test_a_share_of_the_canvases_is_empty_and_nothing_is_unknown_there(
    streets, tmp_path: Path
) -> None:
    pictures = load_pictures(streets("dhaka"), None)
    wall = _wall(tmp_path / "wall.png", (40, 80, 120))
    canvases = Canvases(pictures, SIZE, Variety(empty=0.4, pastes=1), [wall])
    rng = np.random.default_rng(0)
    drawn = [canvases.draw(rng, 0.5) for _ in range(60)]
    empty = [canvas for canvas in drawn if not len(canvas.boxes) and canvas.known.all()]
    assert 12 <= len(empty) <= 36


def test_a_batch_has_one_of_the_shapes_and_all_of_them_come(streets) -> None:
    pictures = tuple(load_pictures(streets("dhaka"), None))
    shapes = (((128, 64), 1.0), ((64, 128), 1.0))
    mix = CanvasMix(pictures, SIZE, batch=2, workers=0, shapes=shapes)
    batches = iter(BatchSource(mix))
    seen = set()
    for _ in range(12):
        batch = next(batches)
        seen.add(tuple(batch.pixels.shape[2:]))
        assert batch.known.shape[1] == batch.smallest.shape[1] == 16 * 8 + 8 * 4 + 4 * 2
        assert (batch.boxes[..., 2] <= batch.pixels.shape[3]).all()
        assert (batch.boxes[..., 3] <= batch.pixels.shape[2]).all()
    assert seen == {(64, 128), (128, 64)}


def test_a_close_up_is_filled_by_its_vehicle_or_a_part_of_it(streets) -> None:
    (picture,) = load_pictures(streets("dhaka", count=1), None)
    image, rng = picture.pixels(), np.random.default_rng(1)
    box = picture.boxes[0]
    shares = []
    for _ in range(40):
        view = close_up(picture, image, box, 120, 80, rng)
        assert view.pixels.shape == (80, 120, 3)
        sizes = np.prod(view.boxes[:, 2:] - view.boxes[:, :2], axis=1)
        largest = int(sizes.argmax())
        assert view.classes[largest] == picture.classes[0]
        shares.append(sizes[largest] / (120 * 80))
    assert max(shares) == pytest.approx(1)
    assert min(shares) > 0.15


def test_the_smallest_labelled_size_scales_with_the_view(streets) -> None:
    pictures = [replace(p, smallest=24.0) for p in load_pictures(streets("dhaka"), None)]
    canvas = Canvases(pictures, 640).draw(np.random.default_rng(3), 0.0)
    (smallest,) = np.unique(canvas.smallest)
    assert 24 * 0.5 < smallest < 24 * 4
    assert (Canvases(load_pictures(streets("dhaka", seed=1), None), SIZE)
            .draw(np.random.default_rng(3), 1.0).smallest == 0).all()  # fmt: skip


def test_pictures_with_false_detections_are_drawn_more_often(tmp_path: Path) -> None:
    walls = [_wall(tmp_path / f"{c}.png", (c, c, c)) for c in (20, 200)]

    def predict(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        boxes = np.array([[[4, 4, 60, 60], [70, 4, 120, 60]]], np.float32)
        scores = np.zeros((1, 2, len(CLASSES)), np.float32)
        scores[0, :, CAR] = 0.8 if pixels[0, :, 5, 5].mean() > 100 else 0.02
        return boxes, scores

    calm, wrong = mining_chances(walls, predict, SIZE)
    assert wrong > 2 * calm > 0


def test_rendered_scenes_are_reused_and_have_no_objects(tmp_path: Path) -> None:
    if not all(FontLibrary.load().families(script) for script in ("Deva", "Beng", "Latn")):
        pytest.skip("no fonts")
    first = empty_scenes(tmp_path, 3)
    pixels = [picture.pixels() for picture in first]
    assert all(image.std() > 5 for image in pixels)
    assert not any(len(picture.boxes) for picture in first)
    before = first[0].path.stat().st_mtime_ns
    again = empty_scenes(tmp_path, 3)
    assert again[0].path.stat().st_mtime_ns == before
    assert UNDECIDED not in again[0].classes


def test_drawn_vehicles_fill_their_boxes_and_have_plates(tmp_path: Path) -> None:
    if not all(FontLibrary.load().families(script) for script in ("Deva", "Beng", "Latn")):
        pytest.skip("no fonts")
    pictures = drawn_streets(tmp_path, 4)
    plate = CLASSES.index("plate")
    for picture in pictures:
        assert picture.known.all()
        plates = picture.boxes[picture.classes == plate]
        vehicles = picture.boxes[picture.classes != plate]
        assert len(plates) == len(vehicles) > 0
        height, width = picture.pixels().shape[:2]
        assert (picture.boxes >= 0).all()
        assert (vehicles <= (width, height, width, height)).all()
        middles = (plates[:, None, :2] + plates[:, None, 2:]) / 2
        lies = (middles > vehicles[None, :, :2]) & (middles < vehicles[None, :, 2:])
        assert lies.all(2).any(1).all()
    again = drawn_streets(tmp_path, 4)
    assert all((a.boxes == b.boxes).all() for a, b in zip(pictures, again, strict=True))
