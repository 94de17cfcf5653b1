"""Scores of a fine-tuned detector: thresholds and the report."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from needs import TORCH

torch = pytest.importorskip("torch", reason=TORCH)
from boxes_drawn import drawn_street

from lipiyana.learning.finetune.common.course import CourseState
from lipiyana.learning.finetune.detector.checking import CheckedBoxes
from lipiyana.learning.finetune.detector.scoring import (
    DetectorFacts,
    DetectorScore,
    Validation,
    render_detector_report,
    thresholds,
)
from lipiyana.vehicles.training.data.labels import CLASSES
from lipiyana.vehicles.training.evaluation import ClassScore, Found


def test_classes_with_few_objects_keep_the_thresholds_of_the_base() -> None:
    precision = np.zeros(101)
    scores = {
        "car": ClassScore(0.9, 0.5, 40, precision, 0.41),
        "bus": ClassScore(0.9, 0.5, 2, precision, 0.7),
        "tractor": ClassScore(0.9, 0.5, 2, precision, 0.99),
    }
    assert thresholds(scores, {"bus": 0.2, "van": 0.1}) == {
        "bus": 0.2, "van": 0.1, "car": 0.41, "tractor": 0.9,
    }  # fmt: skip


def test_the_report_shows_the_pictures_that_changed(tmp_path: Path) -> None:
    known = np.ones(len(CLASSES), np.bool_)
    picture = drawn_street(tmp_path, known)
    car = picture.boxes.astype(np.float64)
    nothing = Found(np.empty((0, 4)), np.empty(0), np.empty(0, np.intp))
    right = Found(car, np.array([0.8]), picture.classes.astype(np.intp))
    wrong = Found(car + 60, np.array([0.8]), picture.classes.astype(np.intp))
    scores = {"car": ClassScore(0.5, 0.4, 1, np.zeros(101), 0.3)}
    data = CheckedBoxes(1, (), (picture,), CLASSES, ("car",), (), ("mind the goat",))
    validation = Validation((picture,), (), CLASSES, ("car",))

    def report(before: Found, after: Found) -> str:
        facts = DetectorFacts(
            "new", "old", data, CourseState("k", ending="time"),
            DetectorScore(scores, None, (before,)), DetectorScore(scores, None, (after,)),
            None, (0.5, 0.5), (2.0, 1.0), (),
        )  # fmt: skip
        return render_detector_report(facts, validation)

    assert "mind the goat" in report(nothing, nothing)
    assert "<p>Nothing.</p>" in report(right, right)
    assert report(nothing, right).count("data:image/jpeg;base64,") == 2
    assert report(nothing, wrong).count("data:image/jpeg;base64,") == 2
