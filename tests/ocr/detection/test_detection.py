from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lipiyana.ocr.detection.detector import TextDetector, scaled_size
from lipiyana.ocr.detection.settings import DetectionSettings
from lipiyana.ocr.geometry import Bounds
from lipiyana.runtime.store import ModelStore


@given(st.integers(1, 20_000), st.integers(1, 20_000))
def test_the_network_sees_multiples_of_32_within_the_limits(height: int, width: int) -> None:
    settings = DetectionSettings()
    sides = scaled_size(height, width, settings)
    assert all(side % 32 == 0 and 32 <= side <= settings.max_long_side + 16 for side in sides)


def test_small_pictures_are_enlarged_and_large_ones_reduced() -> None:
    settings = DetectionSettings(min_long_side=640, max_long_side=960, max_enlargement=2.0)
    assert scaled_size(480, 640, settings) == (480, 640)
    assert scaled_size(240, 320, settings) == (480, 640)
    assert scaled_size(96, 128, settings) == (192, 256)
    assert scaled_size(1440, 1920, settings) == (736, 960)


def test_large_photos_keep_half_of_their_size() -> None:
    settings = DetectionSettings(max_long_side=960, largest_long_side=1280)
    assert scaled_size(960, 1280, settings) == (736, 960)
    assert scaled_size(1664, 2240, settings) == (832, 1120)
    assert scaled_size(3000, 4000, settings) == (960, 1280)


def test_both_boards_of_a_scene_are_found(store: ModelStore, scene: np.ndarray) -> None:
    regions = TextDetector(store).detect(scene)
    boxes = sorted((Bounds.of(region.polygon) for region in regions), key=lambda box: box.y_min)
    assert len(boxes) == 2
    assert boxes[0].y_max < 150
    assert boxes[1].y_min > 230
    assert all(region.score > 0.5 for region in regions)


def test_corners_run_clockwise_from_the_top_left(store: ModelStore, scene: np.ndarray) -> None:
    for region in TextDetector(store).detect(scene):
        top_left, top_right, bottom_right, bottom_left = region.polygon
        assert top_left[0] < top_right[0]
        assert bottom_left[0] < bottom_right[0]
        assert top_left[1] < bottom_left[1]
        assert top_right[1] < bottom_right[1]


@pytest.mark.parametrize("shape", [(4, 4), (4, 10_000), (10_000, 4), (1, 1)])
def test_odd_shapes_have_no_text(store: ModelStore, shape: tuple[int, int]) -> None:
    assert TextDetector(store).detect(np.full((*shape, 3), 200, np.uint8)) == []


def test_as_pp_ocr_boxes_are_widened_evenly(store: ModelStore, scene: np.ndarray) -> None:
    regions = TextDetector(store, DetectionSettings(unclip_ratio=1.6)).detect(scene)
    wider = TextDetector(store, DetectionSettings(unclip_ratio=2.6)).detect(scene)
    for region, wide in zip(regions, wider, strict=True):
        tight, loose = Bounds.of(region.polygon), Bounds.of(wide.polygon)
        assert loose.height > tight.height
        growth = loose.height - tight.height
        assert growth == pytest.approx(loose.width - tight.width, rel=0.1)


def test_the_picture_is_left_alone(store: ModelStore, scene: np.ndarray) -> None:
    before = scene.copy()
    TextDetector(store).detect(scene)
    assert (scene == before).all()


def test_nothing_is_printed(
    store: ModelStore, scene: np.ndarray, capfd: pytest.CaptureFixture[str]
) -> None:
    TextDetector(store).detect(scene)
    assert capfd.readouterr() == ("", "")
