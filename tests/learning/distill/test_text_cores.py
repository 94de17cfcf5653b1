"""Training targets of text detectors: cores of lines, corrected by labelled words."""

from __future__ import annotations

import numpy as np
import pytest

from lipiyana.learning.distill.text_cores import (
    CORE,
    UNKNOWN,
    cores_of,
    mended,
    no_quads,
    teacher_cores,
)


def quad(x0: float, y0: float, x1: float, y1: float) -> np.ndarray:
    """Corners (1, 4, 2) of a box."""
    return np.array([[[x0, y0], [x1, y0], [x1, y1], [x0, y1]]], np.float64)


def test_a_core_is_the_shrunk_line() -> None:
    core = cores_of(quad(20, 30, 180, 70), (100, 200, 3))
    rows, columns = np.nonzero(core)
    distance = 0.21 * 160 * 40 / 200  # area by half of the circumference
    assert abs(rows.min() - (30 + distance)) <= 1
    assert abs(rows.max() - (70 - distance)) <= 1
    assert abs(columns.min() - (20 + distance)) <= 1
    assert abs(columns.max() - (180 - distance)) <= 1
    assert set(np.unique(core)) == {0, CORE}


def test_a_turned_line_has_a_turned_core() -> None:
    angle = np.deg2rad(25)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    level = quad(-80, -20, 80, 20)
    area = np.count_nonzero(cores_of(level + 100, (200, 200)))
    turned = cores_of(level @ turn + 100, (200, 200))
    assert np.count_nonzero(turned) == pytest.approx(area, rel=0.05)
    assert turned[100, 100] == CORE


def test_outlines_without_an_area_leave_nothing() -> None:
    assert not cores_of(quad(10, 10, 10, 40), (50, 50)).any()
    assert not cores_of(no_quads(), (50, 50)).any()


def test_the_teacher_is_followed_where_it_is_sure() -> None:
    probabilities = np.zeros((40, 60), np.float32)
    probabilities[4:10, 5:50] = 0.9
    probabilities[9, 5:50] = 0.15  # the gap between two rows
    probabilities[20:30, 5:50] = 0.25
    cores = teacher_cores(probabilities)
    assert (cores[4:9, 5:50] == CORE).all()
    assert (cores[20:30, 5:50] == UNKNOWN).all()
    assert np.count_nonzero(cores) == 5 * 45 + 10 * 45


def test_labelled_words_correct_the_teacher() -> None:
    cores = np.zeros((200, 300), np.uint8)
    cores[22:38, 12:190] = CORE  # two columns in one core: the words end at 80, and begin at 120
    cores[150:170, 200:280] = CORE  # no word is there
    cores[82:98, 15:60] = UNKNOWN  # a word of which the teacher is unsure
    words = np.concatenate([
        quad(10, 20, 80, 40), quad(120, 20, 200, 40), quad(10, 80, 65, 100),
        quad(10, 120, 100, 150),  # missed by the teacher
    ])  # fmt: skip
    result = mended(cores, words, quad(220, 10, 290, 60))
    assert (result[25:35, 20:75] == CORE).all()
    assert (result[25:35, 125:185] == CORE).all()
    assert not result[25:35, 90:110].any()
    assert not result[140:180, 190:290].any()
    assert (result[85:95, 20:55] == CORE).all()
    assert (result[132:138, 30:80] == CORE).all()
    assert (result[20:50, 230:280] == UNKNOWN).all()


def test_words_of_one_row_stay_one_line() -> None:
    cores = np.zeros((60, 200), np.uint8)
    cores[24:36, 14:186] = CORE
    words = np.concatenate([quad(10, 20, 95, 40), quad(105, 20, 190, 40)])
    assert (mended(cores, words, no_quads())[26:34, 20:180] == CORE).all()
