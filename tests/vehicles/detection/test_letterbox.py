from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lipiyana.vehicles.detection.letterbox import PADDING, STRIDE, InputShape, letterbox


def test_it_stands_at_the_top_left_in_bgr() -> None:
    image = np.zeros((60, 120, 3), np.uint8)
    image[...] = (10, 20, 30)
    pixels, scale = letterbox(image, InputShape(96, None))
    assert pixels.shape == (3, 96, 96)
    assert pixels.dtype == np.float32
    assert pixels[:, 0, 0].tolist() == [30, 20, 10]
    assert pixels[:, 47, 95].tolist() == [30, 20, 10]
    assert (pixels[:, 48:] == PADDING).all()
    assert scale.tolist() == [0.8, 0.8]


@given(st.integers(1, 300), st.integers(1, 300), st.sampled_from([32, 96]))
def test_any_shape(height: int, width: int, size: int) -> None:
    pixels, scale = letterbox(np.full((height, width, 3), 7, np.uint8), InputShape(size, None))
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
    square, scale = letterbox(image, InputShape(96, None))
    pixels, same = letterbox(image, InputShape(96))
    rows, columns = pixels.shape[1:]
    assert (rows, columns) == InputShape(96).sides(height, width)
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
    pixels, scale = letterbox(image, InputShape(64, None))
    ys, xs = np.nonzero(pixels[0] == 255)
    found = np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]) / np.tile(scale, 2)
    assert np.abs(found - [20, 40, 60, 80]).max() <= 200 / 64


def test_shrinking_keeps_what_is_thin() -> None:
    image = np.zeros((400, 400, 3), np.uint8)
    image[:, ::5] = 255  # a fifth of the picture, in lines of one pixel
    pixels, _ = letterbox(image, InputShape(80, None))
    assert np.abs(pixels - 51).max() <= 1


@given(st.integers(1, 5000), st.integers(1, 5000), st.integers(1, 20))
def test_sides_are_the_least_multiples_that_hold_the_picture(
    height: int, width: int, strides: int
) -> None:
    shape = InputShape(strides * STRIDE)
    filled, sides = shape.scaled(height, width), shape.sides(height, width)
    assert max(filled) == max(sides) == shape.size
    for part, side in zip(filled, sides, strict=True):
        assert side % STRIDE == 0
        assert part <= side < part + STRIDE
    assert InputShape(shape.size, None).sides(height, width) == (shape.size, shape.size)
    assert InputShape(shape.size, None).scaled(height, width) == filled


@pytest.mark.parametrize("sides", [(1, 5000), (5000, 1)])
def test_a_line_of_pixels_has_one_stride_of_rows(sides: tuple[int, int]) -> None:
    pixels, scale = letterbox(np.full((*sides, 3), 7, np.uint8), InputShape(512))
    assert sorted(pixels.shape[1:]) == [STRIDE, 512]
    assert (pixels == 7).sum() == 3 * 512
    assert sorted(scale) == [512 / 5000, 1]


@pytest.mark.parametrize("shape", [(0, None), (-416, None), (0, 32), (16, 32), (500, 32)])
def test_shapes_that_cannot_be(shape: tuple[int, int | None]) -> None:
    with pytest.raises(ValueError, match=str(shape[0])):
        InputShape(*shape)
