from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lipiyana.ocr.plates.grammar_search import OTHER, best_path, grammar_probabilities, search
from lipiyana.ocr.plates.remembered_searches import RememberedSearches
from lipiyana.ocr.registrations import GRAMMAR
from lipiyana.ocr.registrations.formats import Pattern

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


def blurred(text: str, seed: int) -> np.ndarray:
    """A row that says `text`, of which each character was seen with some doubt."""
    rng = np.random.default_rng(seed)
    row = seen(*text)
    noise = rng.dirichlet(np.full(row.shape[1], 0.02), len(row))
    share = rng.uniform(0, 0.6, (len(row), 1))
    return ((1 - share) * row + share * noise).astype(np.float32)


@given(st.sampled_from(["KA01AB1234", "HORNPLEASE", "1234", "TN02BM"]), st.integers(0, 2**16))
def test_a_search_that_ends_early_leaves_out_nothing_likely(text: str, seed: int) -> None:
    row = blurred(text, seed)
    everything = search([row])
    for least in [one.log_probability for one in everything] or [best_path([row]) - 8]:
        found = search([row], least=least)
        assert found in ([], everything)
        assert all(one.log_probability < least for one in everything if one not in found)


def test_what_cannot_become_likely_ends_the_search() -> None:
    row = seen(*"KA01AB", {"#": 0.5, "1": 0.5}, *"234")
    assert search([row])
    assert search([row], least=-0.5) == []


def test_a_search_is_repeated_only_for_what_it_left_out() -> None:
    row = seen(*"KA01AB", {"#": 0.5, "1": 0.5}, *"234")
    searches = RememberedSearches()
    assert searches.search([row], -0.5) == []
    assert searches.search([row], -8.0) == search([row])
    assert searches.search([row], -8.0) is searches.search([row], -0.5)


@pytest.mark.parametrize("pattern", GRAMMAR.patterns, ids=lambda pattern: pattern.format.value)
def test_no_form_is_likelier_than_certain(pattern: Pattern) -> None:
    prior = pattern.variant.prior
    longest = max((slot.most for slot in pattern.slots if slot.role == "number"), default=4)
    lots = [*prior.lot_lengths, 99]
    assert all(prior.log_probability("A" * lot, "1" * longest) <= 0 for lot in lots)


@pytest.mark.parametrize("seen_as", ["103B123456A", "031B123456A", "03B123456A"])
def test_the_arrow_of_a_military_plate_is_no_digit(seen_as: str) -> None:
    assert search([seen(*seen_as)])[0].text == "03B123456A"


def test_a_year_is_no_arrow() -> None:
    assert search([seen(*"11B123456A")])[0].text == "11B123456A"
