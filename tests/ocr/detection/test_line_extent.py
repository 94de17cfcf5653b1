from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lipiyana.ocr.detection.lines import Line, line_quads
from lipiyana.ocr.detection.settings import SCENE_DETECTION
from lipiyana.ocr.detection.text_map import Core
from lipiyana.ocr.geometry import Bounds

INK = 40
CORE = Core(200, 100, 300, 24, 0.0, 0.9)


def board(*, mark_to: int = 0, mark_from: int = 122) -> np.ndarray:
    """Strokes from y 78 to 122, the core's ink, and a mark below to `mark_to`."""
    picture = np.full((200, 400, 3), 220, np.uint8)
    for x in range(52, 350, 14):
        cv2.rectangle(picture, (x, 78), (x + 5, 121), (INK,) * 3, -1)
    if mark_to:
        cv2.rectangle(picture, (180, mark_from), (186, mark_to - 1), (INK,) * 3, -1)
        cv2.rectangle(picture, (194, mark_from), (200, mark_to - 1), (INK,) * 3, -1)
    return picture


def bounds(picture: np.ndarray, *lines: Line) -> list[Bounds]:
    return [Bounds.of(quad) for quad in line_quads(picture, lines)]


def test_a_box_ends_soon_after_the_ink() -> None:
    (box,) = bounds(board(), Line(CORE))
    assert 72 <= box.y_min <= 78
    assert 122 <= box.y_max <= 128


def test_a_box_takes_in_what_hangs_below() -> None:
    (box,) = bounds(board(mark_to=136), Line(CORE))
    assert 136 <= box.y_max <= 142
    assert box.y_min >= 72


def test_on_a_ground_without_gaps_the_usual_is_taken() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (200, 400, 3), np.uint8)
    (box,) = bounds(noise, Line(CORE))
    assert 0.6 * SCENE_DETECTION.above.usual < (88 - box.y_min) / 24 <= SCENE_DETECTION.above.usual
    assert 0.6 * SCENE_DETECTION.below.usual < (box.y_max - 112) / 24 <= SCENE_DETECTION.below.usual


def test_a_box_ends_before_the_next_line() -> None:
    picture = board(mark_to=136)
    below = Line(Core(200, 150, 300, 24, 0.0, 0.9))
    box, _ = bounds(picture, Line(CORE), below)
    alone, *_ = bounds(picture, Line(CORE))
    assert 122 < box.y_max < 133 < alone.y_max


def test_marks_found_apart_are_taken_in() -> None:
    (box,) = bounds(board(), Line(CORE, below=40.0))
    assert box.y_max == pytest.approx(112 + 40)


def test_short_words_are_widened_less() -> None:
    blank = np.full((200, 400, 3), 220, np.uint8)
    long, short = bounds(blank, Line(CORE), Line(Core(200, 100, 30, 24, 0.0, 0.9)))
    assert short.height < long.height


@given(
    st.lists(
        st.builds(
            Core,
            st.floats(-50, 450),
            st.floats(-50, 250),
            st.floats(3, 500),
            st.floats(3, 100),
            st.floats(-0.8, 0.8),
            st.just(0.9),
        ),
        max_size=5,
    )
)
def test_every_core_lies_in_its_box(cores: list[Core]) -> None:
    quads = line_quads(np.zeros((200, 400, 3), np.uint8), [Line(core) for core in cores])
    assert len(quads) == len(cores)
    for core, quad in zip(cores, quads, strict=True):
        local = (quad - core.centre) @ np.stack(core.axes).T
        assert (np.abs(local) >= np.array([core.width, core.height]) / 2).all()
