from __future__ import annotations

import numpy as np

from lipiyana.ocr.geometry import rectangle
from lipiyana.ocr.plates.crop_reader import stacked_before_number

UPPER, LOWER = rectangle(60, 0, 160, 45), rectangle(90, 48, 140, 90)
NUMBER = rectangle(175, 10, 320, 85)


def test_a_number_beside_two_small_rows() -> None:
    found = stacked_before_number([NUMBER, LOWER, UPPER])
    assert found is not None
    for quad, expected in zip(found, (UPPER, LOWER, NUMBER), strict=True):
        np.testing.assert_allclose(quad, expected)


def test_a_mark_at_the_left_is_passed_over() -> None:
    mark = [rectangle(0, 0, 40, 50), rectangle(2, 55, 42, 85)]
    found = stacked_before_number([*mark, UPPER, LOWER, NUMBER])
    assert found is not None
    np.testing.assert_allclose(found[0], UPPER)


def test_a_number_in_two_blocks_is_one_row() -> None:
    left, right = rectangle(175, 15, 220, 80), rectangle(230, 10, 320, 85)
    found = stacked_before_number([UPPER, LOWER, right, left])
    assert found is not None
    np.testing.assert_allclose(found[2], rectangle(175, 10, 320, 85))


def test_plates_of_two_rows_are_not_stacked_blocks() -> None:
    assert stacked_before_number([UPPER, LOWER]) is None
    beside_the_lower = rectangle(175, 50, 320, 88)
    assert stacked_before_number([UPPER, LOWER, beside_the_lower]) is None
    four = [UPPER, LOWER, rectangle(175, 0, 320, 40), rectangle(175, 50, 320, 90)]
    assert stacked_before_number(four) is None


def test_nothing_found_is_no_such_plate() -> None:
    assert stacked_before_number([]) is None
