from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lipiyana.ocr.geometry import rectangle
from lipiyana.ocr.plates.choice import PlateReading
from lipiyana.ocr.plates.colour import UNKNOWN, plate_colour
from lipiyana.ocr.plates.settings import PLATES
from lipiyana.ocr.recognition.reader import LineReading, ReadLine
from lipiyana.ocr.registrations import parse
from lipiyana.scene.results import plate_from_reading, with_colours
from lipiyana.types import Category, PlateColour

PAINTS = {
    "black": (30, 30, 32),
    "white": (232, 233, 230),
    "yellow": (245, 198, 24),
    "green": (18, 124, 68),
    "red": (196, 24, 40),
    "blue": (20, 70, 166),
}
ROW = rectangle(30, 34, 290, 76)


def painted(colour: PlateColour, body: tuple[int, int, int] = (90, 92, 96)) -> np.ndarray:
    """A plate on a car: (110, 320, 3) RGB, its row at `ROW`."""
    ink, ground = (PAINTS[name] for name in colour.value.split("_on_"))
    picture = np.full((110, 320, 3), body, np.uint8)
    picture[14:96, 16:304] = ground
    cv2.putText(
        picture, "KA01AB1234", (32, 72), cv2.FONT_HERSHEY_SIMPLEX, 1.35, ink, 5, cv2.LINE_AA
    )
    noise = np.random.default_rng(3).normal(0, 3, picture.shape)
    return np.clip(cv2.GaussianBlur(picture, (0, 0), 0.8) + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("colour", list(PlateColour))
def test_every_pair_is_named(colour: PlateColour) -> None:
    read = plate_colour(painted(colour), [ROW])
    assert read.colour is colour
    assert PLATES.colour_min_confidence <= read.confidence <= 1


@pytest.mark.parametrize("colour", [PlateColour.BLACK_ON_WHITE, PlateColour.BLACK_ON_YELLOW])
@pytest.mark.parametrize("gains", [(0.82, 0.95, 1.12), (1.08, 0.95, 0.78), (0.45, 0.45, 0.48)])
def test_shade_lamps_and_dusk_do_not_change_the_answer(
    colour: PlateColour, gains: tuple[float, float, float]
) -> None:
    lit = np.clip(painted(colour) * np.array(gains), 0, 255).astype(np.uint8)
    assert plate_colour(lit, [ROW]).colour is colour


def test_the_whole_crop_will_do_for_a_row() -> None:
    crop = painted(PlateColour.BLACK_ON_YELLOW)[14:96, 16:304]
    height, width = crop.shape[:2]
    read = plate_colour(crop, [rectangle(0, 0, width, height)])
    assert read.colour is PlateColour.BLACK_ON_YELLOW


def test_grey_without_characters_has_no_colours() -> None:
    flat = np.full((40, 160, 3), 128, np.uint8)
    assert plate_colour(flat, [rectangle(0, 0, 160, 40)]) == UNKNOWN
    assert plate_colour(flat, []) == UNKNOWN


@given(st.integers(1, 24), st.integers(1, 60), st.integers(0, 2**32 - 1))
def test_any_pixels_get_an_answer(height: int, width: int, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    read = plate_colour(pixels, [rectangle(-3, -2, width + 5, height + 1)])
    assert 0 <= read.confidence <= 1
    assert (read.colour is not None) == (read.confidence >= PLATES.colour_min_confidence)


def reading(text: str) -> PlateReading:
    line = LineReading(text, 0.99, (0.99,) * len(text))
    return PlateReading((ReadLine(ROW, line),), parse(text))


def test_colours_give_a_plate_its_category() -> None:
    seen = painted(PlateColour.BLACK_ON_YELLOW)
    found = with_colours(plate_from_reading(reading("KA01AB1234"), False, seen.shape), seen)
    assert found.colour is PlateColour.BLACK_ON_YELLOW
    assert found.colour_confidence >= PLATES.colour_min_confidence
    assert found.registration.category is Category.TRANSPORT
    assert not found.category_conflict


def test_a_bharat_registration_on_yellow_is_a_conflict() -> None:
    seen = painted(PlateColour.BLACK_ON_YELLOW)
    found = with_colours(plate_from_reading(reading("22BH6517A"), False, seen.shape), seen)
    assert found.category_conflict
    assert found.registration.category is Category.PRIVATE


def test_colours_that_contradict_the_registration_must_be_clear() -> None:
    seen = painted(PlateColour.WHITE_ON_BLACK)
    read = plate_colour(seen, [rectangle(0, 0, seen.shape[1], seen.shape[0])])
    doubted = plate_colour(
        seen, [rectangle(0, 0, seen.shape[1], seen.shape[0])], [PlateColour.WHITE_ON_BLACK]
    )
    assert read.colour is PlateColour.WHITE_ON_BLACK
    assert doubted.confidence < read.confidence or doubted.colour is not read.colour


@pytest.mark.parametrize(
    "changed", [{"colour_min_spread": 200.0}, {"colour_min_pixels": 10**6}], ids=str
)
def test_colours_follow_the_settings(changed: dict[str, float]) -> None:
    picture = painted(PlateColour.BLACK_ON_WHITE)
    assert plate_colour(picture, [ROW]).colour is PlateColour.BLACK_ON_WHITE
    settings = dataclasses.replace(PLATES, **changed)
    assert plate_colour(picture, [ROW], settings=settings) == UNKNOWN
