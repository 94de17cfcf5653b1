"""What is measured of pixels and counted of answers."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from drift_pictures import Street, street_pixels

from lipiyana.arrays import RgbArray
from lipiyana.drift.counting.answers import observe_answer
from lipiyana.drift.counting.picture import observe_pixels
from lipiyana.drift.counting.signals import LINE_FEATURES, SIGNALS
from lipiyana.types import Recognition, TextLine

LEVEL = ((0, 0), (80, 0), (80, 20), (0, 20))


def _one(pixels: RgbArray, name: str) -> float:
    (value,) = observe_pixels(pixels)[name]
    assert not isinstance(value, str)
    return value


def _turned(pixels: RgbArray, degrees: float) -> RgbArray:
    height, width = pixels.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.5)
    return np.asarray(cv2.warpAffine(pixels, matrix, (width, height)), np.uint8)


def test_each_effect_moves_its_signal() -> None:
    sharp = street_pixels(np.random.default_rng(1))
    blurred = np.asarray(cv2.GaussianBlur(sharp, (0, 0), 3), np.uint8)
    hazy = (sharp * 0.4 + 120).astype(np.uint8)
    grey = np.repeat(sharp.mean(2, keepdims=True), 3, 2).astype(np.uint8)
    assert _one(blurred, "sharpness") < _one(sharp, "sharpness") - 3
    assert _one(hazy, "contrast") < _one(sharp, "contrast") / 2
    assert _one(grey, "saturation") < 1 < _one(sharp, "saturation")
    assert _one((sharp // 2).astype(np.uint8), "brightness") == pytest.approx(
        _one(sharp, "brightness") / 2, abs=1
    )
    assert _one(_turned(sharp, 20), "upright") < _one(sharp, "upright") - 0.4
    left, right = _one(_turned(sharp, 12), "slant"), _one(_turned(sharp, -12), "slant")
    assert left * right < 0
    assert min(abs(left), abs(right)) > 0.3


def test_a_blurred_part_is_seen() -> None:
    rng = np.random.default_rng(2)
    pixels = street_pixels(rng) // 2 + rng.integers(0, 60, (240, 320, 3)).astype(np.uint8)
    before = _one(pixels, "least_sharpness")
    pixels[:80, :110] = cv2.GaussianBlur(pixels[:80, :110], (0, 0), 12)
    assert _one(pixels, "least_sharpness") < before - 2


@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 700, 3), (2000, 2, 3), (41, 41, 3)])
def test_pictures_of_any_shape_are_measured(shape: tuple[int, int, int]) -> None:
    found = observe_pixels(np.full(shape, 7, np.uint8))
    assert found["brightness"] == (7.0,)
    assert "upright" not in found  # it has no edges
    assert set(found) <= {name for name, one in SIGNALS.items() if one.of_pixels}


def test_every_signal_is_counted() -> None:
    rng = np.random.default_rng(3)
    found = set(observe_pixels(street_pixels(rng)))
    for _ in range(30):
        found |= set(Street().observation(rng))
    assert found == set(SIGNALS) - set(LINE_FEATURES)
    features = [rng.random((2, 32), np.float32), rng.random((3, 32), np.float32)]
    values = observe_answer(Street().answer(rng), features)
    assert set(LINE_FEATURES) <= set(values)
    np.testing.assert_allclose(
        [values[name][0] for name in LINE_FEATURES],
        np.concatenate(features).mean(axis=0),
        rtol=1e-5,
    )


def test_no_text_is_kept() -> None:
    lines = (TextLine("Secret 98765 words", "Latn", 0.9, LEVEL),)
    for values in observe_answer(Recognition(1, 1, text_lines=lines)).values():
        assert not any(isinstance(v, str) and len(v) > 4 for v in values)
    for text in ("98765 43210", "KA 01 AB 1234", "MH12"):
        lines = (TextLine(text, "Latn", 0.9, LEVEL),)
        assert "letters" not in observe_answer(Recognition(1, 1, text_lines=lines))


def test_an_empty_answer_is_counted() -> None:
    assert observe_answer(Recognition(0, 0)) == {
        "vehicles": (0.0,), "lines": (0.0,), "rotation": ("0",),
    }  # fmt: skip


def test_a_line_of_no_size_is_counted() -> None:
    point = ((5, 5),) * 4
    found = observe_answer(Recognition(1, 1, text_lines=(TextLine("a", "Latn", 1, point),)))
    assert found["line_tilt"] == (0.0,)
