from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lipiyana.ocr.crops import Margins, crop_quad, widen
from lipiyana.ocr.geometry import rectangle


def gradient(height: int = 60, width: int = 80) -> np.ndarray:
    """Red tells x, green tells y."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[..., 0] = np.arange(width)
    picture[..., 1] = np.arange(height)[:, None]
    return picture


def test_an_upright_quad_is_a_slice() -> None:
    picture = gradient()
    crop = crop_quad(picture, rectangle(10, 20, 50, 35))
    assert (crop == picture[20:35, 10:50]).all()


def test_a_turned_quad_is_made_upright() -> None:
    quad = np.roll(rectangle(10, 20, 50, 35), -2, axis=0)  # text upside down
    assert (crop_quad(gradient(), quad) == gradient()[20:35, 10:50][::-1, ::-1]).all()


def test_margins_are_shares_of_the_height() -> None:
    wider = widen(rectangle(10, 20, 50, 30), Margins(x=0.5, y=0.1))
    assert wider == pytest.approx(rectangle(5, 19, 55, 31))


def test_outside_the_picture_its_edge_is_repeated() -> None:
    crop = crop_quad(gradient(), rectangle(-10, 0, 20, 10))
    assert crop.shape == (10, 30, 3)
    assert (crop[:, :10, 0] == 0).all()


def test_text_that_runs_down_is_laid_flat() -> None:
    picture = gradient()
    crop = crop_quad(picture, rectangle(10, 5, 20, 55))
    assert (crop == np.rot90(picture[5:55, 10:20])).all()
    assert crop_quad(picture, rectangle(10, 5, 20, 20)).shape == (15, 10, 3)


@given(
    arrays(np.float64, (4, 2), elements=st.one_of(st.integers(-200, 200), st.floats(width=32))),
    st.integers(1, 12),
    st.integers(1, 12),
)
def test_any_quad_gives_a_crop(quad: np.ndarray, height: int, width: int) -> None:
    crop = crop_quad(np.zeros((height, width, 3), np.uint8), quad, Margins(0.1, 0.1))
    assert crop.ndim == 3
    assert min(crop.shape[:2]) >= 1
    assert max(crop.shape[:2]) <= 8192


@pytest.mark.parametrize("turned", [False, True])
def test_a_very_long_picture_is_cut_like_any_other(turned: bool) -> None:
    long = np.tile(gradient(60, 80), (1, 500, 1))
    quad, near_edge = rectangle(30_010, 20, 30_050, 35), rectangle(-10, 0, 20, 10)
    if turned:
        quad = quad + np.array([[0, 0], [0, 5], [0, 5], [0, 0]])
    part = crop_quad(np.ascontiguousarray(long[:, 29_920:30_160]), quad - [29_920, 0])
    assert np.abs(crop_quad(long, quad).astype(int) - part).max() <= 1
    assert (crop_quad(long, near_edge)[:, :10, 0] == 0).all()
    whole = crop_quad(long, rectangle(0, 0, long.shape[1], 60))
    assert whole.shape[0] == 60
    assert 0 < whole.shape[1] <= long.shape[1]
