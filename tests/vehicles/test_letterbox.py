from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lipiyana.vehicles.letterbox import PADDING, letterbox


def test_it_stands_at_the_top_left_in_bgr() -> None:
    image = np.zeros((60, 120, 3), np.uint8)
    image[...] = (10, 20, 30)
    pixels, scale = letterbox(image, 96)
    assert pixels.shape == (3, 96, 96)
    assert pixels.dtype == np.float32
    assert pixels[:, 0, 0].tolist() == [30, 20, 10]
    assert pixels[:, 47, 95].tolist() == [30, 20, 10]
    assert (pixels[:, 48:] == PADDING).all()
    assert scale.tolist() == [0.8, 0.8]


@given(st.integers(1, 300), st.integers(1, 300), st.sampled_from([32, 96]))
def test_any_shape(height: int, width: int, size: int) -> None:
    pixels, scale = letterbox(np.full((height, width, 3), 7, np.uint8), size)
    rows, columns = round(height * scale[1]), round(width * scale[0])
    assert max(rows, columns) == size
    assert (pixels[:, :rows, :columns] == 7).all()
    assert (pixels[:, rows:] == PADDING).all()
    assert (pixels[:, :, columns:] == PADDING).all()
    assert (
        abs(scale * [width, height] - size / max(height, width) * np.array([width, height])).max()
        < 1
    )


@given(st.integers(1, 300), st.integers(1, 300))
def test_a_rectangle_is_no_larger_than_it_must_be(height: int, width: int) -> None:
    image = np.full((height, width, 3), 7, np.uint8)
    square, scale = letterbox(image, 96)
    pixels, same = letterbox(image, 96, 32)
    rows, columns = pixels.shape[1:]
    assert max(rows, columns) == 96
    assert rows % 32 == columns % 32 == 0
    assert (pixels == square[:, :rows, :columns]).all()
    assert (square[:, rows:] == PADDING).all()
    assert (square[:, :, columns:] == PADDING).all()
    assert (scale == same).all()
    assert min(rows, columns) - round(min(height * scale[1], width * scale[0])) < 32


@pytest.mark.parametrize("shape", [(200, 100), (100, 200)])
def test_coordinates_come_back(shape: tuple[int, int]) -> None:
    image = np.zeros((*shape, 3), np.uint8)
    image[40:80, 20:60] = 255
    pixels, scale = letterbox(image, 64)
    ys, xs = np.nonzero(pixels[0] == 255)
    found = np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]) / np.tile(scale, 2)
    assert np.abs(found - [20, 40, 60, 80]).max() <= 200 / 64


def test_shrinking_keeps_what_is_thin() -> None:
    image = np.zeros((400, 400, 3), np.uint8)
    image[:, ::5] = 255  # a fifth of the picture, in lines of one pixel
    pixels, _ = letterbox(image, 80)
    assert np.abs(pixels - 51).max() <= 1
