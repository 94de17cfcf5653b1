from __future__ import annotations

import numpy as np
import pytest

from lipiyana.watch.inputs.frames import GreyArray
from lipiyana.watch.motion import MotionGate
from lipiyana.watch.settings import WATCH

NOISE = np.random.default_rng(3)


def picture(level: float = 100.0, noise: float = 2.5) -> GreyArray:
    """A grey copy of an empty street: its noise is what is left of 20 levels in 64 pixels."""
    return np.clip(NOISE.normal(level, noise, (90, 160)), 0, 255).astype(np.uint8)


def test_noise_is_no_motion_and_a_vehicle_is() -> None:
    gate = MotionGate()
    assert gate.passes(picture(), 0.0)
    assert not any(gate.passes(picture(), time / 10) for time in range(1, 200))
    with_vehicle = picture()
    with_vehicle[40:48, 70:80] += 40
    assert gate.passes(with_vehicle, 21.0)
    assert not gate.passes(with_vehicle, 22.0)  # it stands
    assert gate.passes(picture(), 23.0)  # it has gone


def test_a_cloud_over_everything_is_no_motion() -> None:
    gate = MotionGate()
    assert gate.passes(picture(100), 0.0)
    assert not gate.passes(picture(70), 1.0)


def test_a_lorry_that_fills_the_picture_is_motion() -> None:
    gate = MotionGate()
    assert gate.passes(picture(), 0.0)
    lorry = picture()
    lorry[:, :120] = NOISE.integers(0, 255, (90, 120))
    assert gate.passes(lorry, 1.0)
    flat = picture()
    flat[:, :120] = 30
    assert gate.passes(flat, 2.0)


def test_slow_changes_add_up() -> None:
    gate = MotionGate()
    assert gate.passes(picture(noise=0), 0.0)
    passed = []
    for step in range(1, 30):
        creeping = picture(noise=0)
        creeping[40:60, 70:90] += step
        passed.append(gate.passes(creeping, step / 10))
    assert passed.index(True) == WATCH.motion_difference - 1
    assert sum(passed) == 2


def test_a_still_picture_is_read_again_now_and_then() -> None:
    gate = MotionGate()
    still = picture()
    assert gate.passes(still, 0.0)
    assert not gate.passes(still, WATCH.motion_refresh - 0.1)
    assert gate.passes(still, WATCH.motion_refresh)
    assert not gate.passes(still, WATCH.motion_refresh + 1)


def test_what_could_not_be_read_and_another_size_pass() -> None:
    gate = MotionGate()
    still = picture()
    assert gate.passes(still, 0.0)
    gate.forget()
    assert gate.passes(still, 0.1)
    assert gate.passes(still[:45], 0.2)


@pytest.mark.parametrize("pixels", [1, WATCH.motion_pixels - 1])
def test_a_spark_is_no_motion(pixels: int) -> None:
    gate = MotionGate()
    still = picture(noise=0)
    assert gate.passes(still, 0.0)
    spark = still.copy()
    spark[0, :pixels] = 255
    assert not gate.passes(spark, 0.1)
