from pathlib import Path

import numpy as np
import pytest
from needs import TORCH

pytest.importorskip("torch", reason=TORCH)

from lipiyana.vehicles.detection.settings import VEHICLE_DETECTION
from lipiyana.vehicles.training.calibration import Judged, calibrated, calibration_error, fit, judge
from lipiyana.vehicles.training.data.labels import CLASSES
from lipiyana.vehicles.training.data.street_pictures import UNDECIDED, StreetPicture
from lipiyana.vehicles.training.evaluation import Found

CAR, BUS, PLATE = map(CLASSES.index, ("car", "bus", "plate"))


def _picture(*objects: tuple[int, list[float]], smallest: float = 0.0) -> StreetPicture:
    known = np.array([label != "plate" for label in CLASSES])
    boxes = np.array([box for _, box in objects], np.float32).reshape(-1, 4)
    classes = np.array([label for label, _ in objects], np.int64)
    return StreetPicture(Path("drawn.png"), "drawn", boxes, classes, known, smallest)


def _found(*objects: tuple[int, float, list[float]]) -> Found:
    return Found(
        np.array([box for _, _, box in objects], np.float64).reshape(-1, 4),
        np.array([score for _, score, _ in objects], np.float64),
        np.array([label for label, _, _ in objects], np.intp),
    )


def test_the_surest_match_is_correct_and_unjudgeable_detections_are_dropped() -> None:
    here, there, small = [0.0, 0, 40, 40], [60.0, 0, 90, 40], [100.0, 0, 110, 10]
    picture = _picture((CAR, here), (UNDECIDED, there), smallest=24.0)
    found = _found(
        (CAR, 0.5, here), (CAR, 0.8, here), (BUS, 0.7, here), (CAR, 0.6, there),
        (CAR, 0.4, small), (PLATE, 0.9, here), (BUS, VEHICLE_DETECTION.second_class_cap, here),
    )  # fmt: skip
    judged = judge([picture], [found])
    judgements = sorted(zip(judged.scores.tolist(), judged.right.tolist(), strict=True))
    assert judgements == [(0.5, False), (0.7, False), (0.8, True)]


def test_confidence_equals_precision_after_calibration() -> None:
    rng = np.random.default_rng(0)
    scores = rng.uniform(0.01, 1, 6000)
    classes = np.where(rng.random(6000) < 0.5, CAR, BUS)
    # cars are overconfident, buses underconfident
    worth = np.where(classes == CAR, scores**3, np.sqrt(scores))
    judged = Judged(scores, classes, rng.random(6000) < worth)
    curves = fit(judged)
    for label in (CAR, BUS):
        mine = classes == label
        own = Judged(scores[mine], classes[mine], judged.right[mine])
        assert calibration_error(own, {}) > 0.1
        assert calibration_error(own, curves) < 0.04
    for curve in curves.values():
        pairs = np.array([(0, 0), *curve, (1, 1)])
        assert (np.diff(pairs, axis=0) > 0).all()
    found = calibrated(_found((CAR, 0.6, [0, 0, 1, 1]), (BUS, 0.5, [0, 0, 1, 1])), curves)
    assert found.classes.tolist() == [BUS, CAR]
    assert found.scores == pytest.approx([0.5**0.5, 0.6**3], abs=0.07)


def test_a_class_with_few_detections_follows_the_others() -> None:
    rng = np.random.default_rng(1)
    scores = np.concatenate([rng.uniform(0.01, 1, 3000), [0.9, 0.85]])
    classes = np.concatenate([np.full(3000, CAR), [BUS, BUS]])
    right = np.concatenate([rng.random(3000) < scores[:3000], [False, False]])
    curves = fit(Judged(scores, classes, right))
    place = [0.0, 0, 1, 1]
    high, low = calibrated(_found((BUS, 0.87, place), (CAR, 0.1, place)), curves).scores
    assert low == pytest.approx(0.1, abs=0.06)
    assert 0.6 < high < 0.95


def test_a_detector_that_finds_nothing_has_no_curves_and_no_error() -> None:
    judged = judge([_picture((CAR, [0.0, 0, 9, 9]))], [_found()])
    assert fit(judged) == {}
    assert calibration_error(judged, {}) == 0
