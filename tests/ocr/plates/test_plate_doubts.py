"""Kinds of plates of which another registration than the painted one was called valid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from lipiyana.ocr.geometry import rectangle
from lipiyana.ocr.plates.choice import PlateReading, choose_plate, find_plates
from lipiyana.ocr.plates.grammar_search import CHARACTERS, OTHER
from lipiyana.ocr.recognition.reader import LineReading, ReadLine
from lipiyana.ocr.scripts.label_order import to_labels

Step = str | dict[str, float]
_STEPS = 6  # of a character: as many as at the scale of the reader
_PIXELS = 4 * 40 / 48


def row(steps: Sequence[Step], top: float = 10, sure: float = 0.995, cut: int = 0) -> ReadLine:
    """A row, 40 pixels high, that shows these characters; of some, several are possible.

    `cut` steps at its end are missing.
    """
    kept = np.zeros((_STEPS * len(steps), 1 + OTHER), np.float32)
    kept[:, 0] = 1
    text = ""
    for place, step in enumerate(steps):
        chances = {step: sure} if isinstance(step, str) else step
        text += max(chances, key=lambda label: chances[label])
        here = _STEPS * place + _STEPS // 2
        kept[here, 0] = 0
        for label, chance in chances.items():
            kept[here, 1 + CHARACTERS.index(label)] = chance
        kept[here, OTHER] = max(0.0, 1 - sum(chances.values()))
    kept = kept[: len(kept) - cut]
    quad = rectangle(10, top, 10 + _PIXELS * len(kept), top + 40)
    return ReadLine(quad, LineReading(text, sure, (sure,) * len(text), kept))


def plate(*rows: ReadLine) -> PlateReading:
    return choose_plate([list(rows)])


def test_a_clear_reading_is_valid() -> None:
    clear = plate(row("KA01AB1234"))
    assert clear.registration.valid
    assert clear.registration.canonical == "KA01AB1234"
    assert clear.confidence > 0.9
    nepali = plate(row(to_labels("को३२प")), row("१७४५", top=60))
    assert nepali.registration.canonical == "को३२प१७४५"
    assert nepali.registration.valid


@pytest.mark.parametrize("loose", [0.994, 0.996])
def test_of_rows_that_show_it_equally_well_the_tightest_are_its_rows(loose: float) -> None:
    tight = row("KA01AB1234")
    around = replace(row("KA01AB1234", sure=loose), polygon=rectangle(0, 0, 400, 60))
    for attempts in ([[tight], [around]], [[around], [tight]]):
        (shown,) = choose_plate(attempts).rows
        assert np.array_equal(shown.polygon, tight.polygon)
    unlike = replace(tight, reading=row("KA01AB1234", sure=0.5).reading)
    (shown,) = choose_plate([[unlike], [around]]).rows
    assert np.array_equal(shown.polygon, around.polygon)


@pytest.mark.parametrize("four", [0.004, 0.05, 0.2])
def test_a_latin_digit_among_devanagari_ones_is_a_doubt(four: float) -> None:
    """8 was seen; ४ (four) is painted, and ८ (eight) has another shape."""
    seen = {"8": 0.9 - four, "४": four, "८": 0.02}
    reading = plate(row(to_labels("बा२च")), row(["३", seen, "५", "६"], top=60))
    assert not reading.registration.valid
    as_text = choose_plate([[row("बा२च३8५६")]])
    assert not as_text.registration.valid


@pytest.mark.parametrize(("painted", "other"), [("क", "झ"), ("ख", "ब"), ("ग", "म")])
@pytest.mark.parametrize("sure", [0.5, 0.6])
def test_a_letter_that_may_be_another_one_is_a_doubt(painted: str, other: str, sure: float) -> None:
    """Whether a registration may have the other one there or not."""
    letter = {painted: sure, other: 0.95 - sure}
    top = row([*to_labels("बा"), *"२", letter])
    assert not plate(top, row("३४५६", top=60)).registration.valid
    zone = row([{"ग": sure, "ब": 0.95 - sure}, *"२", "च"])
    assert not plate(zone, row("३४५६", top=60)).registration.valid


@pytest.mark.parametrize("shape", ["8", "3"])
def test_a_digit_that_the_edge_cuts_in_halves_is_not_sure(shape: str) -> None:
    """However sure the reader is of what it sees of it."""
    whole, half = row("KA01AB123" + shape), row("KA01AB123" + shape, cut=2)
    assert plate(whole).registration.valid
    reading = plate(half)
    assert not reading.registration.valid
    assert reading.registration.character_confidences[-1] <= 0.5
    assert min(reading.registration.character_confidences[:-1]) > 0.9


@pytest.mark.parametrize("painted", ["BA2CHA9081", "LU12PA345", "NA4JHA1022", "BHE1KHA77"])
def test_zones_of_nepal_do_not_become_states_of_india(painted: str) -> None:
    registration = plate(row(painted)).registration
    assert (registration.canonical, registration.country) == (painted, "NP")


@pytest.mark.parametrize("seen", ["8A02CB9081", "MX12AB1234", "KA01AB12S4", "XH12AB1234"])
def test_no_repair_overrides_what_was_read_surely(seen: str) -> None:
    """Though what makes a registration of it was seen too, hardly."""
    hardly = {"8": "G", "X": "H", "S": "5"}
    steps: list[Step] = [
        {letter: 0.97, hardly[letter]: 0.02} if letter in hardly else letter for letter in seen
    ]
    reading = plate(row(steps))
    assert not reading.registration.valid
    assert find_plates([row(steps)]) == []


def test_an_unsure_letter_is_repaired_where_its_place_tells() -> None:
    steps: list[Step] = list("KA01AB1234")
    steps[2] = {"O": 0.6, "0": 0.39}
    assert plate(row(steps)).registration.canonical == "KA01AB1234"


def test_a_zero_of_the_number_is_no_letter_of_the_series() -> None:
    """KA 01 A 0123 and KA 01 AD 123: three digits are seldom."""
    steps: list[Step] = [*"KA01A", {"D": 0.8, "0": 0.19}, *"123"]
    assert not plate(row(steps)).registration.valid


@pytest.mark.parametrize("lower", ["TC4798", ["T", "C", {"4": 0.4, "1": 0.4}, "7", "9", "8"]])
def test_the_first_row_of_a_trade_plate_is_not_all_of_it(lower: Sequence[Step]) -> None:
    registration = plate(row("AS70F5067"), row(lower, top=60)).registration
    assert registration.canonical.startswith("AS70F5067TC") or not registration.valid
    assert registration.canonical != "AS70F5067" or not registration.valid


def test_a_second_row_that_no_format_has_makes_the_first_doubtful() -> None:
    assert not plate(row("AS70F5067"), row("7X98", top=60)).registration.valid
    # but a maker's name is no part of a plate
    assert plate(row("MARUTI"), row("AS70F5067", top=60)).registration.canonical == "AS70F5067"


@pytest.mark.parametrize("seen", ["103B123456A", "031B123456A"])
def test_a_military_arrow_is_no_digit(seen: str) -> None:
    registration = plate(row(seen)).registration
    assert registration.canonical == "03B123456A"
    assert len(registration.character_confidences) == 10


def test_a_province_plate_in_three_rows() -> None:
    rows = (
        row(to_labels("प्रदेश३") + "०१"),
        row("०२४" + to_labels("च"), top=60),
        row("१२३४", top=110),
    )
    registration = plate(*rows).registration
    assert registration.canonical == "प्रदेश३०१०२४च१२३४"
    assert (registration.lot, registration.number) == ("०२४", "१२३४")
