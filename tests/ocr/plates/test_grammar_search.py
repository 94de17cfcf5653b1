from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lipiyana.ocr.plates.grammar_search import OTHER, best_path, grammar_probabilities, search
from lipiyana.ocr.registrations import GRAMMAR

CHARSET = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZabk0123456789 -#")


def seen(*steps: str | dict[str, float]) -> np.ndarray:
    """Probabilities of a reader with `CHARSET`: a blank after each step, the rest is `#`."""
    rows = []
    for step in steps:
        chances = {step: 0.99} if isinstance(step, str) else step
        row = np.zeros(len(CHARSET) + 1, np.float32)
        for character, chance in chances.items():
            row[CHARSET.index(character) + 1] = chance
        row[CHARSET.index("#") + 1] += 1 - row.sum()
        blank = np.zeros_like(row)
        blank[0] = 1
        rows += [row, blank]
    return grammar_probabilities(np.array(rows), CHARSET)


def test_the_grammar_decides_between_what_was_seen() -> None:
    hesitant = {"0": 0.6, "D": 0.3, "O": 0.1}
    best, *others = search([seen(*"BR01", hesitant, *"G6692")])
    assert best.text == "BR01DG6692"
    assert "BR010G6692" not in {other.text for other in others}


def test_characters_that_were_not_seen_are_not_found() -> None:
    assert search([seen(*"HORN")]) == []
    assert search([seen(*"BR01", {"#": 1.0}, *"G6692")]) == []


def test_lower_case_and_separators_do_not_matter() -> None:
    assert search([seen(*"ka-01 ab 1234")])[0].text == "KA01AB1234"


def test_every_step_sums_to_one_and_the_unknown_is_other() -> None:
    row = seen("K", {"#": 0.75, "A": 0.25})
    assert row.sum(axis=1) == pytest.approx(1)
    assert row[:, OTHER] == pytest.approx([0.01, 0, 0.75, 0], abs=1e-6)


def test_sister_digits_count_by_their_shapes() -> None:
    charset = ("૬", "੬", "६")
    row = grammar_probabilities(np.array([[0.1, 0.2, 0.3, 0.4]], np.float32), charset)
    assert row[0, 0] == pytest.approx(0.1)
    assert row.max() == pytest.approx(0.9)


def test_rows_are_joined_and_equal_characters_stay_two() -> None:
    found = search([seen(*"KA01AB1"), seen(*"1234")])
    assert found == []
    assert search([seen(*"KA01A1"), seen(*"123")])[0].text == "KA01A1123"


@given(st.integers(0, 2**32 - 1), st.integers(1, 12))
def test_all_that_is_found_is_a_registration_and_best_first(seed: int, steps: int) -> None:
    raw = np.random.default_rng(seed).random((steps, 1 + OTHER))
    row = (raw / raw.sum(axis=1, keepdims=True)).astype(np.float32)
    found = search([row])
    scores = [candidate.log_probability for candidate in found]
    assert scores == sorted(scores, reverse=True)
    assert all(GRAMMAR.accepts(candidate.text) for candidate in found)
    assert best_path([row]) <= 0


@pytest.mark.parametrize("seen_as", ["103B123456A", "031B123456A", "03B123456A"])
def test_the_arrow_of_a_military_plate_is_no_digit(seen_as: str) -> None:
    assert search([seen(*seen_as)])[0].text == "03B123456A"


def test_a_year_is_no_arrow() -> None:
    assert search([seen(*"11B123456A")])[0].text == "11B123456A"
