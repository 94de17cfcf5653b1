from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lipiyana.ocr.geometry import Bounds, enclosing_quad, rectangle
from lipiyana.ocr.plates.choice import choose_plate, find_plates
from lipiyana.ocr.plates.grammar_search import CHARACTERS, OTHER
from lipiyana.ocr.plates.settings import PLATES
from lipiyana.ocr.recognition.reader import LineReading, ReadLine


def row(text: str, quad: np.ndarray, sure: float = 0.9) -> ReadLine:
    """A row that was read like this, with the rest of each step's probability on the blank."""
    letters = [character for character in text if character.isalnum()]
    probabilities = np.zeros((2 * len(text) + 1, 1 + OTHER), np.float32)
    probabilities[:, 0] = 1
    for place, character in enumerate(letters):
        step = 2 * place + 1
        probabilities[step] = 0
        probabilities[step, OTHER] = 1 - sure
        probabilities[step, CHARACTERS.index(character) + 1] = sure
    return ReadLine(quad, LineReading(text, sure, (sure,) * len(text), probabilities))


UPPER, LOWER = rectangle(10, 10, 110, 40), rectangle(10, 45, 110, 75)
LEFT, RIGHT = rectangle(10, 10, 60, 40), rectangle(70, 10, 120, 40)


def test_a_line_that_parses_is_a_plate() -> None:
    lines = [row("BAKERY", LOWER), row("KA 01 AB 1234", UPPER)]
    (plate,) = find_plates(lines)
    assert plate.registration.canonical == "KA01AB1234"
    assert plate.rows == (lines[1],)
    assert plate.confidence > 0.9


def test_other_settings_decide_otherwise() -> None:
    lines = [row("KA 01 AB 1234", UPPER)]
    assert find_plates(lines, settings=replace(PLATES, valid_confidence=1.1)) == []
    longer = replace(PLATES, searched_min_characters=11)
    assert find_plates(lines, settings=longer) == []
    assert choose_plate([lines]).registration.valid
    doubted = choose_plate([lines], settings=replace(PLATES, valid_confidence=1.1))
    assert (doubted.registration.canonical, doubted.registration.valid) == ("KA01AB1234", False)


def at_the_edge(text: str) -> ReadLine:
    """A row whose first and last characters stand at the ends of its crop."""
    whole = row(text, UPPER)
    assert whole.reading.reduced is not None
    probabilities = np.repeat(whole.reading.reduced, 5, axis=0)[5:-5]
    return replace(whole, reading=replace(whole.reading, reduced=probabilities[4:-4]))


def test_the_crop_of_a_line_cuts_no_character_and_that_of_a_plate_does() -> None:
    line = at_the_edge("KA01AB1234")
    (found,) = find_plates([line])
    assert found.registration.valid
    assert min(found.registration.character_confidences) > 0.8
    plate = choose_plate([[line]])
    assert plate.registration.canonical == "KA01AB1234"
    assert not plate.registration.valid
    assert plate.registration.character_confidences[0] == 0.5
    assert plate.registration.character_confidences[-1] == 0.5


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


def by_two_models(text: str, sure: float, other: str, other_sure: float) -> ReadLine:
    first, second = row(text, UPPER, sure), row(other, UPPER, other_sure)
    theirs = replace(second.reading, model="other")
    return ReadLine(UPPER, replace(first.reading, model="one", others=(theirs,)))


def test_of_two_models_the_one_that_sees_a_registration_wins() -> None:
    line = by_two_models("KA1MAB1234", 0.9, "KA01AB1234", 0.95)
    plate = choose_plate([[line]])
    assert plate.registration.canonical == "KA01AB1234"
    assert plate.rows[0].reading.text == "KA01AB1234"
    (found,) = find_plates([line])
    assert found.registration.canonical == "KA01AB1234"


def test_a_plate_is_read_by_one_model_in_all_its_rows() -> None:
    def read(text: str, quad: np.ndarray, model: str, sure: float) -> LineReading:
        return replace(row(text, quad, sure).reading, model=model)

    # each model is surer of one row; together they would say what neither says
    upper = replace(
        read("KA01AB", UPPER, "one", 0.9), others=(read("KA01A8", UPPER, "other", 0.8),)
    )
    lower = replace(read("1284", LOWER, "other", 0.9), others=(read("1234", LOWER, "one", 0.85),))
    plate = choose_plate([[ReadLine(UPPER, upper), ReadLine(LOWER, lower)]])
    assert plate.registration.canonical == "KA01AB1234"
    assert [part.reading.model for part in plate.rows] == ["one", "one"]


def test_the_reading_of_the_other_model_is_an_alternative() -> None:
    plate = choose_plate([[by_two_models("KA01AB1234", 0.95, "KA01AB1284", 0.9)]])
    assert plate.registration.canonical == "KA01AB1234"
    assert plate.registration.alternatives == ("KA01AB1284",)


def test_a_faint_registration_is_not_valid_but_has_its_canonical() -> None:
    plate = choose_plate([[row("KA01AB1234", UPPER, sure=0.35)]])
    assert not plate.registration.valid
    assert plate.registration.canonical == ""
    assert plate.registration.alternatives[0] == "KA01AB1234"
    assert find_plates([row("KA01AB1234", UPPER, sure=0.35)]) == []


def test_one_doubtful_character_is_no_reason_to_refuse() -> None:
    doubtful = row("KA01AB1234", UPPER, sure=0.99)
    seen = doubtful.reading.reduced
    assert seen is not None
    eight, three = (1 + CHARACTERS.index(c) for c in "83")
    seen[17] = 0  # its last digit but one
    seen[17, [OTHER, eight, three]] = 0.1, 0.3, 0.6
    registration = choose_plate([[doubtful]]).registration
    assert registration.valid
    assert registration.canonical == "KA01AB1234"
    assert registration.alternatives == ("KA01AB1284",)
    assert registration.character_confidences[8] == pytest.approx(0.6, abs=0.1)
    assert min(registration.character_confidences[:8]) > 0.9


@pytest.mark.parametrize("text", ["MH6706", "ABC12", "ML153"])
def test_a_part_of_a_plate_is_no_plate(text: str) -> None:
    assert not choose_plate([[row(text, UPPER, sure=0.97)]]).registration.valid


@pytest.mark.parametrize("text", ["KL41M93", "MMC8259", "AR08983", "77CD12", "22BH6517A"])
def test_short_and_seldom_forms_are_read_where_they_are_clear(text: str) -> None:
    assert choose_plate([[row(text, UPPER, sure=0.97)]]).registration.canonical == text


@pytest.mark.parametrize("text", ["KA01AB1", "DL1CA7", "12CD5"])
def test_the_shortest_forms_are_read_where_they_are_beyond_doubt(text: str) -> None:
    (clear, doubtful) = (choose_plate([[row(text, UPPER, sure)]]) for sure in (0.97, 0.8))
    assert clear.registration.canonical == text
    assert clear.confidence > 0.8
    assert not doubtful.registration.valid


def test_the_second_row_of_a_trade_plate_counts() -> None:
    rows = [row("AS70F5067", UPPER), row("TC4798", LOWER, sure=0.7)]
    assert choose_plate([rows]).registration.canonical == "AS70F5067TC4798"


def test_letters_that_no_registration_has_speak_against_it() -> None:
    clear = row("KA01AB1234", UPPER, sure=0.99)
    seen = clear.reading.reduced
    assert seen is not None
    assert choose_plate([[clear]]).registration.valid
    # between its characters the reader saw others
    seen[2:14:2] = 0
    seen[2:14:2, OTHER] = 1
    reading = LineReading("KಕAಕ0ಕ1ಕAಕBಕ1234", 0.99, (0.99,) * 16, seen)
    assert not choose_plate([[ReadLine(UPPER, reading)]]).registration.valid


def test_nothing_read_is_one_empty_row() -> None:
    empty = ReadLine(UPPER, LineReading("", 0.0, (), np.ones((1, 1 + OTHER), np.float32)))
    plate = choose_plate([[empty]])
    assert len(plate.rows) == 1
    assert plate.confidence == 0.0


def test_one_quad_around_a_row() -> None:
    assert enclosing_quad([LEFT, RIGHT]) == pytest.approx(rectangle(10, 10, 120, 40))
    box = Bounds.of(enclosing_quad([LEFT, RIGHT + np.array([0, 10])]))
    assert box.x_max >= 120
    assert box.y_max >= 50


def test_a_scene_of_many_plates_is_searched_in_few_places() -> None:
    places = [rectangle(10, 100 * number, 110, 100 * number + 30) for number in range(100)]
    lines = [row(f"KA 01 AB {1000 + number}", place) for number, place in enumerate(places)]
    assert len(find_plates(lines)) == len(lines)
    doubtful = [
        replace(line, reading=replace(line.reading, text="KA 01 AB 10?!")) for line in lines
    ]
    assert len(find_plates(doubtful)) == PLATES.most_searched
