from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lipiyana.ocr.plates.grammar_search import CHARACTERS, OTHER, align


def row(text: str, sure: float = 0.9, padding: int = 0) -> np.ndarray:
    """A character in every second step, blanks between and behind."""
    kept = np.zeros((2 * len(text) + 1 + padding, 1 + OTHER), np.float32)
    kept[:, 0] = 1
    for place, character in enumerate(text):
        kept[2 * place + 1, 0] = 0
        kept[2 * place + 1, OTHER] = 1 - sure
        kept[2 * place + 1, 1 + CHARACTERS.index(character)] = sure
    return kept


def test_each_character_is_found_in_its_row() -> None:
    upper, lower = row("KA01A"), row("A1234", sure=0.7, padding=9)
    evidence = align([upper, lower], "KA01AA1234", [len(upper), len(lower) - 9])
    assert [one.row for one in evidence.characters] == [0] * 5 + [1] * 5
    assert [one.probability for one in evidence.characters] == pytest.approx([0.9] * 5 + [0.7] * 5)
    places = [one.place for one in evidence.characters]
    assert places[:5] == pytest.approx(places[5:])
    assert places == sorted(places[:5]) + sorted(places[5:])
    assert evidence.ignored == 0


def test_the_rival_of_a_character_is_found() -> None:
    evidence = align([row("8A2CHA9081")], "GA2CHA9081")
    first = evidence.characters[0]
    assert (first.rival, first.probability) == ("8", pytest.approx(0, abs=1e-6))
    assert first.rival_probability == pytest.approx(0.9)


@pytest.mark.parametrize(("seen", "ignored"), [("INDKA01AB1234", 3), ("KA01AB12345", 1)])
def test_seen_characters_that_are_left_out_are_counted(seen: str, ignored: int) -> None:
    assert align([row(seen)], "KA01AB1234").ignored == ignored


def test_a_character_twice_is_two() -> None:
    steps = [step for one in align([row("HR26DD7777")], "HR26DD7777").characters
             for step in [one.place]]  # fmt: skip
    assert len(set(steps)) == 10


@given(st.lists(st.integers(1, 30), min_size=1, max_size=3), st.integers(0, 10**6))
def test_any_rows_and_text_align(lengths: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = [rng.dirichlet(np.ones(1 + OTHER), count).astype(np.float32) for count in lengths]
    total = sum(lengths)
    labels = "".join(rng.choice(list("KA01B"), max(1, total // 2 - len(lengths))))
    if 2 * len(labels) - 1 > total:
        return
    evidence = align(rows, labels)
    assert len(evidence.characters) == len(labels)
    order = [(one.row, one.place) for one in evidence.characters]
    assert order == sorted(order)
