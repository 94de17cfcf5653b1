from dataclasses import replace

import numpy as np
import pytest

from lipiyana.vehicles.detection.letterbox import InputShape
from lipiyana.vehicles.detection.settings import VEHICLE_DETECTION
from lipiyana.vehicles.training.data.labels import CLASSES
from lipiyana.vehicles.training.data.street_pictures import UNDECIDED, load_pictures
from lipiyana.vehicles.training.evaluation import Found, find, mean_ap50, score
from lipiyana.vehicles.training.operating_point import best_threshold, judged

CAR, BUS = CLASSES.index("car"), CLASSES.index("bus")


def _as_labelled(picture, confidence: float = 0.9) -> Found:
    return Found(
        picture.boxes.astype(float), np.full(len(picture.boxes), confidence), picture.classes
    )


def test_the_labels_themselves_score_one(streets) -> None:
    pictures = load_pictures(streets("dhaka"), None)
    scores = score(pictures, [_as_labelled(picture) for picture in pictures])
    assert set(scores) == {"auto_rickshaw", "car", "bus"}
    assert mean_ap50(scores) == pytest.approx(1)
    assert scores["car"].ap == pytest.approx(1)
    assert scores["car"].objects == len(pictures)
    assert scores["car"].precision.shape == (101,)
    assert VEHICLE_DETECTION.min_confidence < scores["car"].threshold < 0.9


def test_the_threshold_lies_between_the_least_sure_right_and_the_next_wrong_detection(
    streets,
) -> None:
    pictures = load_pictures(streets("dhaka", count=4), None)
    found = [_as_labelled(p, 0.9 - 0.1 * number) for number, p in enumerate(pictures)]
    beside = np.array([[0.0, 0, 9, 9], [20, 0, 29, 9]])
    wrong = Found(beside, np.array([0.4, 0.1]), np.array([CAR, CAR]))
    found[0] = _joined(found[0], wrong)
    # a new picture that is as clear, but 0.01 less sure than the least sure one, counts as found
    assert score(pictures, found)["car"].threshold == pytest.approx((0.6 + 0.4) / 2)
    surer = Found(beside, np.array([0.65, 0.64]), np.array([CAR, CAR]))
    found[0] = _joined(found[0], surer)
    # two wrong ones before the last right one: it is worth less than they cost
    assert score(pictures, found)["car"].threshold == pytest.approx((0.7 + 0.65) / 2)


def _joined(one: Found, other: Found) -> Found:
    names = ("boxes", "scores", "classes")
    return Found(*(np.concatenate([getattr(one, n), getattr(other, n)]) for n in names))


@pytest.mark.parametrize(
    ("outcomes", "objects", "chosen"),
    [
        ([], 3, 1.0),
        ([(0.9, False)], 3, 1.0),
        ([(0.8, True), (0.8, False), (0.4, False)], 1, 0.6),
        ([(0.8, True), (0.5, True), (0.3, False)], 2, 0.4),
    ],
)
def test_the_best_threshold_of_a_list_of_outcomes(outcomes, objects, chosen) -> None:
    assert best_threshold(outcomes, objects) == pytest.approx(chosen)


def test_only_the_surest_detection_of_an_object_is_right() -> None:
    box = np.array([[0.0, 0, 10, 10]])
    outcomes = judged(np.repeat(box, 3, 0), np.array([0.5, 0.9, 0.7]), box, np.empty((0, 4)))
    assert outcomes == [(0.9, True), (0.7, False), (0.5, False)]
    assert judged(box, np.array([0.5]), np.empty((0, 4)), box) == []


def test_half_found_scores_half_and_a_wrong_box_before_it_less(streets) -> None:
    pictures = load_pictures(streets("dhaka", count=2), None)
    none = Found(np.zeros((0, 4)), np.zeros(0), np.zeros(0, int))
    half = score(pictures, [_as_labelled(pictures[0]), none])
    assert half["car"].ap50 == pytest.approx(0.5, abs=0.01)
    wrong = Found(np.array([[0.0, 0, 9, 9]]), np.array([0.95]), np.array([CAR]))
    assert score(pictures, [_as_labelled(pictures[0]), wrong])["car"].ap50 < 0.3


def test_a_class_counts_only_where_it_is_labelled(streets) -> None:
    partial = load_pictures(streets("iiith_auto"), None)
    assert set(score(partial, [_as_labelled(p) for p in partial])) == {"auto_rickshaw"}
    both = [*load_pictures(streets("dhaka"), None), *partial]
    assert score(both, [_as_labelled(p) for p in both])["car"].objects == 4
    assert score(both, [_as_labelled(p) for p in both])["car"].ap50 == pytest.approx(1)


def test_objects_below_the_label_size_of_a_source_are_ignored(streets) -> None:
    pictures = load_pictures(streets("dhaka", count=2), None)
    found = [_as_labelled(picture) for picture in pictures]
    whole = score(pictures, found)["car"]
    speck = Found(np.array([[50.0, 50, 58, 90]]), np.array([0.99]), np.array([CAR]))
    found[0] = Found(
        *(
            np.concatenate([getattr(one, name) for one in (found[0], speck)])
            for name in ("boxes", "scores", "classes")
        )
    )
    assert score(pictures, found)["car"].ap50 < whole.ap50
    pictures[0] = replace(
        pictures[0],
        boxes=np.concatenate([pictures[0].boxes, np.array([[10, 10, 19, 60]], np.float32)]),
        classes=np.append(pictures[0].classes, CAR),
        smallest=10.0,
    )
    scored = score(pictures, found)["car"]
    assert scored.objects == whole.objects
    assert scored.ap50 == pytest.approx(whole.ap50)


def test_what_matches_an_undecided_box_is_neither_right_nor_wrong(streets) -> None:
    pictures = load_pictures(streets("dhaka", count=2), None)
    found = [_as_labelled(picture) for picture in pictures]
    first = pictures[0]
    undecided = np.where(first.classes == BUS, UNDECIDED, first.classes)
    pictures[0] = replace(first, classes=undecided)
    scored = score(pictures, found)["bus"]
    assert scored.objects == 1
    assert scored.ap50 == pytest.approx(1)


@pytest.mark.parametrize("shape", [InputShape(160), InputShape(160, None)])
def test_boxes_come_back_from_the_letterbox(streets, shape: InputShape) -> None:
    (picture,) = load_pictures(streets("dhaka", count=1), None)
    height, width = picture.pixels().shape[:2]

    shapes = []

    def predict(pixels: np.ndarray):
        shapes.append(pixels.shape[2:])
        size = pixels.shape[3]
        anchors = sum((size // stride) ** 2 for stride in (8, 16, 32))
        boxes = np.zeros((1, anchors, 4), np.float32)
        scores = np.zeros((1, anchors, len(CLASSES)), np.float32)
        for row, (box, label) in enumerate(zip(picture.boxes, picture.classes, strict=True)):
            boxes[0, row] = box * size / max(height, width)
            scores[0, row, label] = 0.9 - 0.1 * row
        return boxes, scores

    (found,) = find([picture], predict, shape)
    assert shapes == ([(160, 160)] if shape.stride is None else [(128, 160), (64, 64)])
    np.testing.assert_allclose(found.boxes, picture.boxes, atol=1e-3)
    np.testing.assert_array_equal(found.classes, picture.classes)
