from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from lipiyana.ocr.detection.text_map import Core, cores, usual_tilt
from lipiyana.ocr.geometry import rectangle


def drawn(*boxes: np.ndarray, size: tuple[int, int] = (200, 400)) -> np.ndarray:
    """A map in which each quadrilateral is text."""
    probabilities = np.zeros(size, np.float32)
    for box in boxes:
        cv2.fillPoly(probabilities, [np.rint(box).astype(np.int32)], 0.9)
    return probabilities


def found(probabilities: np.ndarray) -> list[Core]:
    return cores(probabilities, pixel_threshold=0.2, box_threshold=0.5)


def turned(width: float, height: float, degrees: float) -> np.ndarray:
    return Core(200, 100, width, height, math.radians(degrees), 1.0).quad()


def test_a_level_line() -> None:
    (core,) = found(drawn(rectangle(50, 80, 250, 100)))
    assert core.quad() == pytest.approx(rectangle(50, 80, 250, 100), abs=1.5)
    assert core.score > 0.8


@pytest.mark.parametrize("degrees", [-40, -15, 15, 40])
def test_a_tilted_line_keeps_its_tilt(degrees: float) -> None:
    (core,) = found(drawn(turned(160, 16, degrees)))
    assert math.degrees(core.angle) == pytest.approx(degrees, abs=1.5)
    assert core.width == pytest.approx(160, abs=4)


def test_a_short_word_lies_as_the_long_lines_do() -> None:
    word = turned(26, 22, 40) + np.array([0, 60])
    alone = found(drawn(word))
    assert math.degrees(alone[0].angle) == 0
    both = found(drawn(turned(200, 14, 10) - np.array([0, 50]), word))
    assert [math.degrees(core.angle) for core in both] == pytest.approx([10, 10], abs=1.5)


def test_faint_and_tiny_regions_are_no_lines() -> None:
    probabilities = drawn(rectangle(10, 10, 11, 11))
    cv2.fillPoly(probabilities, [rectangle(50, 80, 250, 100).astype(np.int32)], 0.3)
    assert found(probabilities) == []


def test_sides_move_out_by_pixels() -> None:
    core = Core(100, 50, 40, 20, 0.0, 1.0)
    assert core.quad(1, 2, 3, 4) == pytest.approx(rectangle(77, 39, 124, 62))


def test_no_lines_no_tilt() -> None:
    assert usual_tilt([]) is None


@given(arrays(np.float32, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40),
              elements=st.floats(0, 1, width=32)))  # fmt: skip
def test_any_map_gives_finite_cores(probabilities: np.ndarray) -> None:
    for core in found(probabilities):
        assert np.isfinite(core.quad()).all()
        assert min(core.width, core.height) > 0
