from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lipiyana.ocr.geometry import rectangle
from lipiyana.ocr.reading_order import group_rows, reading_order

ROWS = [
    rectangle(200, 12, 300, 42),  # first row, second word
    rectangle(10, 60, 100, 90),
    rectangle(10, 10, 150, 40),
    rectangle(120, 55, 300, 85),
]


def turned(quad: np.ndarray, degrees: float) -> np.ndarray:
    angle = np.radians(degrees)
    return quad @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])


def test_rows_from_the_top_words_from_the_left() -> None:
    assert group_rows(ROWS) == [[2, 0], [1, 3]]
    assert reading_order(ROWS) == [2, 0, 1, 3]


def test_words_from_the_right() -> None:
    assert group_rows(ROWS, right_to_left=True) == [[0, 2], [3, 1]]


@pytest.mark.parametrize("degrees", [-30, -10, 10, 30])
def test_a_tilted_picture_has_the_same_rows(degrees: float) -> None:
    assert group_rows([turned(quad, degrees) for quad in ROWS]) == [[2, 0], [1, 3]]


def test_a_high_word_beside_two_rows_joins_one() -> None:
    rows = group_rows(
        [rectangle(0, 0, 50, 100), rectangle(60, 0, 90, 40), rectangle(60, 60, 90, 100)]
    )
    assert sorted(index for row in rows for index in row) == [0, 1, 2]


def test_no_lines() -> None:
    assert group_rows([]) == []


@given(st.lists(st.tuples(*[st.floats(-1e3, 1e3)] * 8), max_size=8), st.booleans())
def test_every_line_comes_once(numbers: list[tuple[float, ...]], right_to_left: bool) -> None:
    quads = [np.array(line).reshape(4, 2) for line in numbers]
    order = reading_order(quads, right_to_left=right_to_left)
    assert sorted(order) == list(range(len(quads)))
