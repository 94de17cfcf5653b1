from __future__ import annotations

import math

import numpy as np
import pytest

from lipiyana.errors import ModelUnavailable
from lipiyana.learning.quantize.floor import TOO_WEAK, require_answers, require_useful
from lipiyana.learning.quantize.search import says_nothing
from lipiyana.runtime.manifest import Task


@pytest.mark.parametrize(
    ("reached", "before"),
    [(0.0, 0.0), (0.0, 0.9), (0.44, 0.9), (0.04, 0.0), (0.04, 0.05), (math.nan, 0.5)],
)
def test_a_model_far_below_its_reference_is_refused(reached: float, before: float) -> None:
    with pytest.raises(ModelUnavailable, match="mine is not registered: lines found") as caught:
        require_useful("mine", "lines found", reached, before)
    assert caught.value.reason == TOO_WEAK
    assert f"{before:.1%}" in caught.value.message


@pytest.mark.parametrize(
    ("reached", "before"), [(0.45, 0.9), (0.9, 0.9), (1.0, 0.1), (0.05, 0.0), (0.06, 0.1)]
)
def test_a_model_at_half_of_its_reference_is_accepted(reached: float, before: float) -> None:
    require_useful("mine", "lines found", reached, before)


def test_a_model_without_answers_is_refused() -> None:
    def spelt(*classes: int) -> list[np.ndarray]:
        return [np.eye(5, dtype=np.float32)[list(classes)][None]]

    dark = [np.zeros((1, 1, 8, 8), np.float32)]
    bright = [np.ones((1, 1, 8, 8), np.float32)]
    assert says_nothing(Task.LINE_READER, [spelt(0, 0), spelt(0)])
    assert not says_nothing(Task.LINE_READER, [spelt(0, 0), spelt(0, 3)])
    assert says_nothing(Task.TEXT_DETECTOR, [dark, dark])
    assert not says_nothing(Task.TEXT_DETECTOR, [dark, bright])
    assert not says_nothing(Task.VEHICLE_DETECTOR, [dark])
    require_answers("mine", says_nothing=False)
    with pytest.raises(ModelUnavailable, match="finds nothing") as caught:
        require_answers("mine", says_nothing=True)
    assert caught.value.reason == TOO_WEAK
