from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st

from lipiyana.vehicles.boxes import areas, inside, iou
from lipiyana.vehicles.detection.network import Candidates
from lipiyana.vehicles.detection.nms import first_apart, suppress, suppress_and_vote, vote_boxes
from lipiyana.vehicles.detection.settings import VEHICLE_DETECTION

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


def test_boxes_suppress_those_of_their_class_alone() -> None:
    boxes = some_boxes((0, 0, 100, 100), (0, 0, 100, 70), (1, 0, 100, 100))
    scores = np.array([0.9, 0.8, 0.7])
    assert suppress(boxes, scores, np.array([0, 0, 0])).tolist() == [0]
    assert suppress(boxes, scores, np.array([0, 1, 1])).tolist() == [0, 1]
    assert suppress(boxes, scores, np.array([0, 1, 2])).tolist() == [0, 1, 2]


def test_the_second_class_of_an_object_loses_confidence() -> None:
    boxes = some_boxes((1, 0, 100, 100), (0, 0, 100, 100), (0, 0, 100, 55), (300, 0, 400, 100))
    kept = suppress_and_vote(boxes, np.array([0.7, 0.9, 0.8, 0.5]), np.array([2, 0, 1, 2]))
    assert kept.indices.tolist() == [1, 2, 3, 0]
    assert kept.scores.tolist() == [0.9, 0.8, 0.5, VEHICLE_DETECTION.second_class_cap]
    kept = suppress_and_vote(boxes[:2], np.array([0.1, 0.9]), np.array([2, 0]))
    assert kept.scores.tolist() == [0.9, 0.1], "nothing grows surer"


def test_boxes_of_one_object_vote_on_its_position() -> None:
    boxes = some_boxes((0, 0, 100, 100), (8, 0, 108, 100), (0, 0, 100, 30), (0, 4, 100, 100))
    scores, classes = np.array([0.6, 0.2, 0.5, 0.4]), np.array([0, 0, 0, 1])
    kept = suppress_and_vote(boxes, scores, classes)
    assert kept.indices.tolist() == [0, 2, 3]
    assert np.allclose(kept.boxes, [[2, 0, 102, 100], [0, 0, 100, 30], [0, 4, 100, 100]])


def test_nothing_found() -> None:
    empty = np.empty((0, 4))
    assert suppress(empty, np.empty(0), np.empty(0, np.intp)).tolist() == []
    assert suppress_and_vote(empty, np.empty(0), np.empty(0, np.intp)).boxes.shape == (0, 4)


@given(found())
def test_it_keeps_what_one_box_after_the_other_would(
    values: tuple[Boxes, npt.NDArray[np.float64], npt.NDArray[np.intp]],
) -> None:
    boxes, scores, classes = values
    kept: list[int] = []
    for index in sorted(range(len(boxes)), key=lambda i: -scores[i]):
        overlaps = [
            iou(boxes[[index]], boxes[[better]])[0, 0]
            for better in kept
            if classes[index] == classes[better]
        ]
        if all(overlap <= VEHICLE_DETECTION.same_class_iou for overlap in overlaps):
            kept.append(index)
    assert suppress(boxes, scores, classes).tolist() == kept


@given(found())
def test_suppressing_twice_changes_nothing(
    values: tuple[Boxes, npt.NDArray[np.float64], npt.NDArray[np.intp]],
) -> None:
    boxes, scores, classes = values
    kept = suppress(boxes, scores, classes)
    again = suppress(boxes[kept], scores[kept], classes[kept])
    assert again.tolist() == list(range(len(kept)))


@given(found())
def test_at_most_one_class_of_an_object_is_confident(
    values: tuple[Boxes, npt.NDArray[np.float64], npt.NDArray[np.intp]],
) -> None:
    boxes, scores, classes = values
    kept = suppress_and_vote(boxes, scores, classes)
    assert (kept.scores <= scores[kept.indices]).all()
    assert (np.diff(kept.scores) <= 0).all()
    believed = kept.boxes[kept.scores > VEHICLE_DETECTION.second_class_cap]
    overlap = iou(believed, believed)
    assert (np.triu(overlap, 1) <= VEHICLE_DETECTION.same_object_iou).all()


@given(found())
def test_a_vote_is_of_those_around_alone(
    values: tuple[Boxes, npt.NDArray[np.float64], npt.NDArray[np.intp]],
) -> None:
    boxes, scores, classes = values
    kept = suppress(boxes, scores, classes)
    places = vote_boxes(boxes, scores, classes, kept)
    for index, place in zip(kept.tolist(), places, strict=True):
        near = (iou(boxes[[index]], boxes)[0] > VEHICLE_DETECTION.agreeing_iou) & (
            classes == classes[index]
        )
        near[index] = True
        assert (boxes[near].min(axis=0) - 1e-9 <= place).all()
        assert (place <= boxes[near].max(axis=0) + 1e-9).all()


def test_the_surest_stay_in_their_order() -> None:
    confidences = np.array([0.2, 0.9, 0.1, 0.5, 0.7])
    every = Candidates(np.zeros((5, 4)), confidences, np.arange(5))
    assert every.surest(3).classes.tolist() == [1, 3, 4]
    assert every.surest(5) is every


def test_of_very_many_the_surest_stay_and_few_are_compared() -> None:
    side = 100
    numbers = np.arange(side * side)
    corners = np.stack([numbers % side, numbers // side], axis=1) * 20.0
    boxes = np.hstack([corners, corners + 15])
    scores = np.random.default_rng(0).uniform(0.01, 1, len(boxes))
    compared = []

    def clash(a: Boxes, b: Boxes) -> npt.NDArray[np.bool_]:
        compared.append(len(a) * len(b))
        return np.asarray(iou(a, b) > VEHICLE_DETECTION.same_class_iou)

    order = np.argsort(-scores)
    assert first_apart(boxes[order], clash).tolist() == list(
        range(VEHICLE_DETECTION.most_detections)
    )
    assert sum(compared) < (VEHICLE_DETECTION.most_detections + 200) * len(boxes)
    assert max(compared) < 200 * len(boxes)
    kept = suppress_and_vote(boxes, scores, numbers % 3)
    assert kept.indices.tolist() == order[: VEHICLE_DETECTION.most_detections].tolist()
    assert np.allclose(kept.boxes, boxes[kept.indices])


def test_of_very_many_around_one_place_one_stays() -> None:
    boxes = np.random.default_rng(0).uniform(0, 5, (10_000, 4))
    boxes[:, 2:] += 100
    scores = np.random.default_rng(1).uniform(0.01, 1, len(boxes))
    compared = []

    def clash(a: Boxes, b: Boxes) -> npt.NDArray[np.bool_]:
        compared.append(len(a) * len(b))
        return np.asarray(iou(a, b) > VEHICLE_DETECTION.same_class_iou)

    assert first_apart(boxes, clash).tolist() == [0]
    assert sum(compared) < 10 * len(boxes), "what is out is compared no more"
    assert suppress(boxes, scores, np.zeros(len(boxes), np.intp)).tolist() == [scores.argmax()]


def test_a_small_one_within_a_surer_one_of_its_class_is_a_part_of_it() -> None:
    car, mirror, far_car = [0.0, 0, 100, 80], [5.0, 20, 25, 40], [90.0, 0, 120, 30]
    driver = [10.0, 10, 50, 70]
    boxes = np.array([car, mirror, far_car, driver])
    scores, classes = np.array([0.9, 0.8, 0.7, 0.6]), np.array([0, 0, 0, 1])
    kept = suppress_and_vote(boxes, scores, classes)
    by_index = dict(zip(kept.indices.tolist(), kept.scores.tolist(), strict=True))
    assert by_index == {0: 0.9, 1: VEHICLE_DETECTION.second_class_cap, 2: 0.7, 3: 0.6}
    # the surer one of both is no part, however small
    kept = suppress_and_vote(boxes[:2], scores[[1, 0]], classes[:2])
    assert kept.scores.tolist() == [0.9, 0.8]
