from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st

from lipiyana.vehicles.boxes import areas, inside, iou
from lipiyana.vehicles.nms import ANY_CLASS, SAME_CLASS, suppress

Boxes = npt.NDArray[np.float64]


def some_boxes(*rows: tuple[float, float, float, float]) -> Boxes:
    return np.array(rows, np.float64).reshape(-1, 4)


@st.composite
def found(draw: st.DrawFn) -> tuple[Boxes, npt.NDArray[np.float64], npt.NDArray[np.intp]]:
    number = st.integers(0, 40)
    rows = draw(st.lists(st.tuples(number, number, number, number), max_size=25))
    boxes = some_boxes(*((x, y, x + w, y + h) for x, y, w, h in rows))
    scores = draw(st.lists(st.integers(1, 9), min_size=len(rows), max_size=len(rows)))
    classes = draw(st.lists(st.integers(0, 2), min_size=len(rows), max_size=len(rows)))
    return boxes, np.array(scores, float) / 10, np.array(classes, np.intp)


def test_overlaps_of_two_squares() -> None:
    a, b = some_boxes((0, 0, 10, 10)), some_boxes((5, 0, 15, 10), (2, 2, 4, 4), (20, 0, 30, 9))
    assert np.allclose(iou(a, b), [[1 / 3, 0.04, 0]])
    assert np.allclose(inside(a, b), [[0.5, 0.04, 0]])
    assert np.allclose(inside(b, a), [[0.5], [1], [0]])


def test_boxes_without_inside() -> None:
    flat = some_boxes((3, 3, 3, 9), (5, 5, 2, 2))
    assert areas(flat).tolist() == [0, 0]
    assert iou(flat, flat).tolist() == [[0, 0], [0, 0]]
    assert inside(flat, some_boxes((0, 0, 9, 9))).tolist() == [[0], [0]]


def test_classes_suppress_each_other_only_where_boxes_are_nearly_equal() -> None:
    boxes = some_boxes((0, 0, 100, 100), (0, 0, 100, 70), (1, 0, 100, 100))
    scores = np.array([0.9, 0.8, 0.7])
    assert suppress(boxes, scores, np.array([0, 0, 0])).tolist() == [0]
    assert suppress(boxes, scores, np.array([0, 1, 1])).tolist() == [0, 1]
    assert suppress(boxes, scores, np.array([0, 1, 2])).tolist() == [0, 1]


def test_nothing_found() -> None:
    empty = np.empty((0, 4))
    assert suppress(empty, np.empty(0), np.empty(0, np.intp)).tolist() == []


@given(found())
def test_it_keeps_what_one_box_after_the_other_would(
    values: tuple[Boxes, npt.NDArray[np.float64], npt.NDArray[np.intp]],
) -> None:
    boxes, scores, classes = values
    kept: list[int] = []
    for index in sorted(range(len(boxes)), key=lambda i: -scores[i]):
        overlaps = [
            (iou(boxes[[index]], boxes[[better]])[0, 0], classes[index] == classes[better])
            for better in kept
        ]
        if all(overlap <= (SAME_CLASS if same else ANY_CLASS) for overlap, same in overlaps):
            kept.append(index)
    assert suppress(boxes, scores, classes).tolist() == kept


@given(found())
def test_what_is_kept_stays_if_suppressed_again(
    values: tuple[Boxes, npt.NDArray[np.float64], npt.NDArray[np.intp]],
) -> None:
    boxes, scores, classes = values
    kept = suppress(boxes, scores, classes)
    again = suppress(boxes[kept], scores[kept], classes[kept])
    assert again.tolist() == list(range(len(kept)))
