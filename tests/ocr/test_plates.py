from __future__ import annotations

import numpy as np
import pytest

from lipiyana.ocr.geometry import Bounds, enclosing_quad, rectangle
from lipiyana.ocr.grammar_search import CHARACTERS
from lipiyana.ocr.plate_crops import emptiest_line
from lipiyana.ocr.plates import PlateRow, choose_plate, find_plates
from lipiyana.ocr.recognition import LineReading


def row(text: str, quad: np.ndarray, sure: float = 0.9) -> PlateRow:
    """A row that was read like this, with the rest of each step's probability on the blank."""
    letters = [character for character in text if character.isalnum()]
    kept = np.zeros((2 * len(text) + 1, 1 + len(CHARACTERS)), np.float32)
    kept[:, 0] = 1
    for place, character in enumerate(letters):
        step = 2 * place + 1
        kept[step, 0] = 1 - sure
        kept[step, CHARACTERS.index(character) + 1] = sure
    return PlateRow(quad, LineReading(text, sure, (sure,) * len(text), kept))


UPPER, LOWER = rectangle(10, 10, 110, 40), rectangle(10, 45, 110, 75)
LEFT, RIGHT = rectangle(10, 10, 60, 40), rectangle(70, 10, 120, 40)


def test_a_line_that_parses_is_a_plate() -> None:
    lines = [row("BAKERY", LOWER), row("KA 01 AB 1234", UPPER)]
    (plate,) = find_plates(lines)
    assert plate.registration.canonical == "KA01AB1234"
    assert plate.rows == (lines[1],)
    assert plate.confidence == pytest.approx(0.9)


@pytest.mark.parametrize("places", [(UPPER, LOWER), (LEFT, RIGHT)])
def test_neighbours_are_joined(places: tuple[np.ndarray, np.ndarray]) -> None:
    (plate,) = find_plates([row("1234", places[1]), row("KA01AB", places[0])])
    assert plate.registration.canonical == "KA01AB1234"
    assert [part.reading.text for part in plate.rows] == ["KA01AB", "1234"]


def test_lines_that_are_far_apart_are_not() -> None:
    assert find_plates([row("KA01AB", UPPER), row("1234", UPPER + 300)]) == []


@pytest.mark.parametrize("text", ["BAKERY", "9845012345", "Rs 450", "SINCE 1984", "560001"])
def test_other_text_is_no_plate(text: str) -> None:
    assert find_plates([row(text.upper(), UPPER)]) == []


def test_the_attempt_that_parses_wins() -> None:
    as_one = [row("NT3J", rectangle(10, 10, 110, 75), sure=0.55)]
    as_two = [row("KA01AB", UPPER), row("1234", LOWER)]
    plate = choose_plate([as_one, as_two])
    assert plate.registration.canonical == "KA01AB1234"
    assert len(plate.rows) == 2


def test_a_row_that_is_not_the_plate_s_is_left_out() -> None:
    plate = choose_plate([[row("MARUTI", UPPER - 40), row("KA01AB", UPPER), row("1234", LOWER)]])
    assert plate.registration.canonical == "KA01AB1234"


def test_where_nothing_parses_the_surer_attempt_stays() -> None:
    vague, sure = [row("QXW", UPPER, sure=0.3)], [row("HORN", UPPER)]
    plate = choose_plate([vague, sure])
    assert [part.reading.text for part in plate.rows] == ["HORN"]
    assert not plate.registration.valid


def test_nothing_read_is_one_empty_row() -> None:
    empty = PlateRow(UPPER, LineReading("", 0.0, (), np.ones((1, 1 + len(CHARACTERS)), np.float32)))
    plate = choose_plate([[empty]])
    assert len(plate.rows) == 1
    assert plate.confidence == 0.0


def test_two_rows_are_cut_between_them() -> None:
    crop = np.full((60, 100, 3), 230, np.uint8)
    crop[5:25, ::4] = 0
    crop[35:55, ::4] = 0
    assert 25 <= emptiest_line(crop) <= 35


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (4, 4)])
def test_any_crop_can_be_cut(shape: tuple[int, int]) -> None:
    assert emptiest_line(np.zeros((*shape, 3), np.uint8)) >= 1


def test_one_quad_around_a_row() -> None:
    assert enclosing_quad([LEFT, RIGHT]) == pytest.approx(rectangle(10, 10, 120, 40))
    box = Bounds.of(enclosing_quad([LEFT, RIGHT + np.array([0, 10])]))
    assert box.x_max >= 120
    assert box.y_max >= 50
