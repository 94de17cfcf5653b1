from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lipiyana.ocr.plates.rows import split_two_rows, three_rows, two_rows

STROKES = 20


def plate(cut: float = 0.5, slope: float = 0.0, size: tuple[int, int] = (60, 100)) -> np.ndarray:
    """Two rows of upright strokes with ground between them, along a tilted line."""
    height, width = size
    crop = np.full((height, width, 3), 230, np.uint8)
    for x in range(4, width - 4, width // STROKES):
        middle = round(cut * height + slope * (x - width / 2))
        crop[max(0, middle - round(0.32 * height)) : middle - 4, x : x + 2] = 20
        crop[middle + 4 : middle + round(0.32 * height), x : x + 2] = 20
    return crop


@pytest.mark.parametrize("cut", [0.42, 0.5, 0.58])
@pytest.mark.parametrize("slope", [-0.2, -0.1, 0.0, 0.1, 0.2])
def test_the_cut_follows_the_ground_between_the_rows(cut: float, slope: float) -> None:
    upper, lower = two_rows(plate(cut, slope))
    for x, corners in ((0, (3, 0)), (100, (2, 1))):
        truth = cut * 60 + slope * (x - 50)
        assert (upper[corners[0], 1] + lower[corners[1], 1]) / 2 == pytest.approx(truth, abs=4)


def test_ground_above_all_text_is_no_cut() -> None:
    crop = np.full((80, 100, 3), 230, np.uint8)
    crop[20:] = plate()
    upper, lower = two_rows(crop)
    assert 44 <= (upper[3, 1] + lower[0, 1]) / 2 <= 56


def test_a_line_that_is_painted_between_the_rows_is_cut_along() -> None:
    crop = plate()
    cv2.line(crop, (0, 30), (99, 30), (200, 30, 30), 3)
    upper, lower = two_rows(crop)
    assert 26 <= (upper[3, 1] + lower[0, 1]) / 2 <= 34


def test_the_rows_come_level() -> None:
    upper, lower = split_two_rows(plate(slope=0.2))
    for row in (upper, lower):
        dark = np.argwhere(row[..., 0] < 120)
        left, right = (dark[dark[:, 1] < 30], dark[dark[:, 1] > 70])
        assert left[:, 0].max() == pytest.approx(right[:, 0].max(), abs=6)


@pytest.mark.parametrize("slope", [-0.2, 0.0, 0.15])
def test_both_cuts_between_three_rows(slope: float) -> None:
    crop = np.full((96, 100, 3), 230, np.uint8)
    for x in range(4, 96, 5):
        for middle in (20, 48, 76):
            y = round(middle + slope * (x - 50))
            crop[max(0, y - 9) : y + 9, x : x + 2] = 20
    first, middle_row, last = three_rows(crop)
    for x, corners in ((0, (3, 0)), (100, (2, 1))):
        for upper, lower, cut in ((first, middle_row, 34), (middle_row, last, 62)):
            found = (upper[corners[0], 1] + lower[corners[1], 1]) / 2
            assert found == pytest.approx(cut + slope * (x - 50), abs=5)


@given(st.integers(1, 70), st.integers(1, 300), st.integers(0, 255))
def test_any_crop_can_be_cut(height: int, width: int, shade: int) -> None:
    upper, lower = split_two_rows(np.full((height, width, 3), shade, np.uint8))
    assert min(*upper.shape[:2], *lower.shape[:2]) >= 1
