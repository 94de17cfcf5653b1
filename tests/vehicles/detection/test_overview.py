from __future__ import annotations

import numpy as np
import pytest

from lipiyana.vehicles.detection.letterbox import InputShape
from lipiyana.vehicles.detection.network import Candidates
from lipiyana.vehicles.detection.overview import overview_of, with_overview
from lipiyana.vehicles.detection.settings import VEHICLE_DETECTION


def boxes_of(*sides: float) -> Candidates:
    """Boxes of these longer sides, whose confidence tells which is which."""
    rows = [(0, 0, side, side / 2) for side in sides]
    return Candidates(
        np.array(rows, np.float64).reshape(-1, 4),
        np.array(sides, np.float64) / 1000,
        np.zeros(len(sides), np.intp),
    )


@pytest.mark.parametrize(("size", "second"), [(704, 288), (416, 160), (32, 32)])
def test_the_second_input_is_a_multiple_of_the_stride(size: int, second: int) -> None:
    assert overview_of(InputShape(size)) == InputShape(second)


def test_a_model_of_one_size_has_none() -> None:
    assert overview_of(InputShape(416, None)) is None


def test_large_objects_come_from_the_second_input_and_small_ones_from_the_first() -> None:
    # of a picture of 1000 pixels
    first, second = boxes_of(100, 400, 600), boxes_of(101, 401, 601)
    assert VEHICLE_DETECTION.overview_from < 0.4 < VEHICLE_DETECTION.overview_alone_from
    joined = with_overview(first, second, 500, 1000)
    assert (joined.boxes[:, 2]).tolist() == [100, 400, 401, 601]
    upright = with_overview(first, second, 1000, 500)
    assert (upright.boxes[:, 2]).tolist() == [100, 400, 401, 601]


def test_nothing_found_twice_is_nothing() -> None:
    assert len(with_overview(boxes_of(), boxes_of(), 10, 10)) == 0
