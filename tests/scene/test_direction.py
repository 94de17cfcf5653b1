"""Pictures that come on their side or upside down are read as upright ones are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from detector_models import BLUE, RED, install, rectangle_detector

from lipiyana.images.loading import load
from lipiyana.ocr.detection.detector import TextDetector
from lipiyana.pipeline import LocalRecognizer
from lipiyana.runtime.store import ModelStore
from lipiyana.scene.direction import turned
from lipiyana.types import Box, Feature, Layout, Polygon, RawImage, Recognition, RecognitionConfig

Draw = Callable[..., np.ndarray]
SAMPLES = Path(__file__).parents[2] / "samples"
TURNS = (90, 180, 270)
TEXT = RecognitionConfig(features=frozenset({Feature.TEXT}))


def raw(picture: np.ndarray) -> RawImage:
    return RawImage.from_array(np.ascontiguousarray(picture), "rgb8")


def texts(found: Recognition) -> list[str]:
    return [line.text for line in found.text_lines]


def in_turned(box: Box, degrees: int, width: int, height: int) -> tuple[float, ...]:
    """Give the box of an upright picture of this size after the picture was turned clockwise."""
    x0, y0, x1, y1 = box.x_min, box.y_min, box.x_max, box.y_max
    return {
        90: (height - y1, x0, height - y0, x1),
        180: (width - x1, height - y1, width - x0, height - y0),
        270: (y0, width - x1, y1, width - x0),
    }[degrees]


def bounds(polygon: Polygon) -> Box:
    xs, ys = zip(*polygon, strict=True)
    return Box(min(xs), min(ys), max(xs), max(ys))


def close(one: Box, other: tuple[float, ...], reach: float) -> bool:
    mine = (one.x_min, one.y_min, one.x_max, one.y_max)
    return all(abs(a - b) <= reach for a, b in zip(mine, other, strict=True))


@pytest.mark.parametrize("degrees", TURNS)
@pytest.mark.parametrize("name", ["01_sweet_shop_delhi", "10_books_lucknow"])
def test_a_turned_street_is_read_as_the_upright_one(
    name: str, degrees: int, recognizer: LocalRecognizer
) -> None:
    street = load(SAMPLES / "scenes" / f"{name}.jpg")
    upright = recognizer.recognize(raw(street))
    assert upright.rotation_degrees == 0
    found = recognizer.recognize(raw(turned(street, degrees)))
    assert found.rotation_degrees == 360 - degrees
    height, width = street.shape[:2]
    turned_size = (width, height) if degrees == 180 else (height, width)
    assert (found.image_width, found.image_height) == turned_size
    # the same pixels were read, so all but the places is the same
    assert texts(found) == texts(upright)
    assert [p.registration for p in found.plates] == [p.registration for p in upright.plates]
    assert [v.label for v in found.vehicles] == [v.label for v in upright.vehicles]
    for mine, its in zip(found.vehicles, upright.vehicles, strict=True):
        assert close(mine.box, in_turned(its.box, degrees, width, height), 1e-3)
    for one, other in zip(found.plates, upright.plates, strict=True):
        assert close(one.box, in_turned(other.box, degrees, width, height), 1e-3)
        assert (one.colour, one.vehicle_index) == (other.colour, other.vehicle_index)
    for line, same in zip(found.text_lines, upright.text_lines, strict=True):
        place = in_turned(bounds(same.polygon), degrees, width, height)
        assert close(bounds(line.polygon), place, 1e-3)


def test_corners_begin_at_the_first_character(recognizer: LocalRecognizer, draw_text: Draw) -> None:
    board = np.full((400, 600, 3), 255, np.uint8)
    sign = draw_text("SECOND CLASS", scale=1.6)
    board[150 : 150 + sign.shape[0], 60 : 60 + sign.shape[1]] = sign
    (line,) = recognizer.recognize(raw(turned(board, 180)), TEXT).text_lines
    assert line.text == "SECOND CLASS"
    (x0, y0), (x1, _), (_, y2), _ = line.polygon
    assert x0 > x1, "the text runs to the left"
    assert y0 > y2, "its top is below"


@pytest.mark.parametrize("word", ["HOTEL", "SOS", "NOON", "OXO", "A"])
def test_one_short_upright_line_is_not_turned(
    word: str, recognizer: LocalRecognizer, draw_text: Draw
) -> None:
    found = recognizer.recognize(raw(draw_text(word, scale=3, margin=60)), TEXT)
    assert found.rotation_degrees == 0
    assert texts(found) == [word]


def test_a_picture_without_text_stays(recognizer: LocalRecognizer) -> None:
    noise = np.random.default_rng(1).integers(100, 140, (300, 400, 3), np.uint8)
    assert recognizer.recognize(raw(noise)).rotation_degrees == 0


def test_a_clear_upright_picture_is_looked_at_once(
    recognizer: LocalRecognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = []
    detect = TextDetector.detect
    monkeypatch.setattr(
        TextDetector, "detect", lambda self, image: looks.append(image.shape) or detect(self, image)
    )
    street = load(SAMPLES / "scenes" / "02_highway_bengaluru.jpg")
    found = recognizer.recognize(raw(street), TEXT)
    assert found.rotation_degrees == 0
    assert looks == [street.shape]


def test_a_tall_banner_beside_level_text_turns_nothing(
    recognizer: LocalRecognizer, draw_text: Draw
) -> None:
    picture = np.full((700, 700, 3), 255, np.uint8)
    banner = turned(draw_text("GENERAL STORES", scale=2.2), 90)
    picture[40 : 40 + banner.shape[0], 20 : 20 + banner.shape[1]] = banner
    level = draw_text("MEDICAL HALL")
    picture[300 : 300 + level.shape[0], 250 : 250 + level.shape[1]] = level
    found = recognizer.recognize(raw(picture), TEXT)
    assert found.rotation_degrees == 0
    assert "MEDICAL HALL" in texts(found)


@pytest.mark.parametrize("with_vehicles", [False, True])
def test_vehicles_that_stand_upright_outweigh_text(
    with_vehicles: bool, draw_text: Draw, tmp_path: Path
) -> None:
    street = np.full((400, 640, 3), 128, np.uint8)
    sign = draw_text("RAILWAY")
    street[20 : 20 + sign.shape[0], 20 : 20 + sign.shape[1]] = turned(sign, 180)
    if with_vehicles:
        street[140:380, 60:300] = RED
        street[140:380, 400:620] = BLUE
    models = install(tmp_path, rectangle_detector(160))
    found = LocalRecognizer(ModelStore(models, threads=1)).recognize(raw(street))
    assert len(found.vehicles) == 2 * with_vehicles
    assert found.rotation_degrees == (0 if with_vehicles else 180)
    assert ("RAILWAY" in texts(found)) is not with_vehicles


@pytest.mark.parametrize("name", ["02_standard_2row", "04_delhi_1row", "07_nepal_2row"])
def test_a_plate_upside_down(name: str, recognizer: LocalRecognizer) -> None:
    config = RecognitionConfig(layout=Layout.PLATE)
    crop = load(SAMPLES / "plates" / f"{name}.jpg")
    upright = recognizer.recognize(raw(crop), config)
    found = recognizer.recognize(raw(turned(crop, 180)), config)
    assert (upright.rotation_degrees, found.rotation_degrees) == (0, 180)
    assert found.plates[0].registration == upright.plates[0].registration
    assert found.plates[0].colour == upright.plates[0].colour
    height, width = crop.shape[:2]
    place = in_turned(upright.plates[0].box, 180, width, height)
    assert close(found.plates[0].box, place, 1e-3)


@pytest.mark.parametrize(("file", "degrees"), [("E_thanks_90.jpg", 90), ("E_thanks_180.jpg", 180)])
def test_a_sign_on_a_turned_photo(
    file: str, degrees: int, recognizer: LocalRecognizer, shared_data: Path
) -> None:
    found = recognizer.recognize(shared_data / "cases" / file)
    assert found.rotation_degrees == degrees
    assert {"धन्यवाद", "THANKS"} <= set(texts(found))
