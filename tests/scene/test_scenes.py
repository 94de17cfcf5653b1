"""Whole pictures with a detector of rectangles in place of a trained one, and the real readers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from detector_models import BLUE, GREEN, INK, RED, install, rectangle_detector

from lipiyana.pipeline import LocalRecognizer
from lipiyana.runtime.store import ModelStore
from lipiyana.types import Feature, Frame, RawImage, Recognition, RecognitionConfig

CAR, BUS, PLATE = (60, 120, 420, 380), (460, 60, 620, 340), (110, 290, 370, 360)
VEHICLES = RecognitionConfig(features=frozenset({Feature.VEHICLES}))
PLATES = RecognitionConfig(features=frozenset({Feature.PLATES}))

Box4 = tuple[int, int, int, int]


def paint(picture: np.ndarray, box: Box4, colour: tuple[int, int, int]) -> None:
    picture[box[1] : box[3], box[0] : box[2]] = colour


def street(text: str = "KA01AB1234") -> np.ndarray:
    """A car with a plate, a bus without, and a word on a wall, (400, 640, 3) RGB."""
    picture = np.full((400, 640, 3), 128, np.uint8)
    font = cv2.FONT_HERSHEY_SIMPLEX
    cv2.putText(picture, "BAKERY", (60, 80), font, 1.6, (0, 0, 0), 4, cv2.LINE_AA)
    paint(picture, CAR, RED)
    paint(picture, BUS, BLUE)
    paint(picture, PLATE, GREEN)
    cv2.putText(picture, text, (PLATE[0] + 12, PLATE[3] - 22), font, 1.2, INK, 4, cv2.LINE_AA)
    return picture


def raw(picture: np.ndarray) -> RawImage:
    return RawImage.from_array(picture, "rgb8")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(tmp_path_factory.mktemp("models"), rectangle_detector(160))


@pytest.fixture(scope="module")
def finder(models: Path) -> LocalRecognizer:
    return LocalRecognizer(ModelStore(models, threads=1))


def test_everything_is_found_and_belongs_together(finder: LocalRecognizer) -> None:
    assert finder.features == frozenset(Feature)
    found = finder.recognize(raw(street()))
    assert [vehicle.label for vehicle in found.vehicles] == ["car", "bus"]
    assert [vehicle.plate_indices for vehicle in found.vehicles] == [(0,), ()]
    (plate,) = found.plates
    assert plate.registration.canonical == "KA01AB1234"
    assert plate.vehicle_index == 0
    for value, expected in zip(
        (plate.box.x_min, plate.box.y_min, plate.box.x_max, plate.box.y_max), PLATE, strict=True
    ):
        assert abs(value - expected) <= 4
    assert "BAKERY" in [line.text for line in found.text_lines]
    assert all(vehicle.track_id is None for vehicle in found.vehicles)
    assert "detector" in [info.name for info in found.models]
    assert {"detect_vehicles", "detect_plates", "read_plates", "detect_text"} <= set(found.timings)


def test_vehicles_alone_read_nothing(finder: LocalRecognizer) -> None:
    found = finder.recognize(raw(street()), VEHICLES)
    assert [vehicle.label for vehicle in found.vehicles] == ["car", "bus"]
    assert (found.plates, found.text_lines) == ((), ())
    assert set(found.timings) == {"decode", "detect_vehicles"}


def test_plates_alone(finder: LocalRecognizer) -> None:
    found = finder.recognize(raw(street()), PLATES)
    assert [plate.registration.canonical for plate in found.plates] == ["KA01AB1234"]
    assert found.plates[0].vehicle_index is None
    assert (found.vehicles, found.text_lines) == ((), ())


def test_plates_that_no_detector_finds_stand_in_the_text(
    finder: LocalRecognizer, scene: np.ndarray
) -> None:
    for config in (PLATES, RecognitionConfig()):
        found = finder.recognize(raw(scene), config)
        assert [plate.registration.canonical for plate in found.plates] == ["KA01AB1234"]
        assert "detect_text" in found.timings


def test_a_plate_without_a_registration_is_found(finder: LocalRecognizer) -> None:
    picture = street(text="")
    (plate,) = finder.recognize(raw(picture), PLATES).plates
    assert not plate.registration.valid
    assert 0.3 < plate.confidence < 0.96


def test_less_confident_results_are_left_out(finder: LocalRecognizer) -> None:
    picture = street()
    paint(picture, (500, 350, 524, 374), RED)
    counts = []
    for least in (0.01, 0.3, 0.9, 1.0):
        config = RecognitionConfig(VEHICLES.features, min_confidence=least)
        counts.append(len(finder.recognize(raw(picture), config).vehicles))
    assert counts == [3, 3, 2, 0]


def test_one_letter_alone_is_doubted_in_a_scene(finder: LocalRecognizer) -> None:
    picture = np.full((240, 320, 3), 230, np.uint8)
    cv2.putText(picture, "B", (130, 150), cv2.FONT_HERSHEY_SIMPLEX, 3, (0, 0, 0), 9, cv2.LINE_AA)
    cv2.putText(picture, "NO", (20, 60), cv2.FONT_HERSHEY_SIMPLEX, 1.5, (0, 0, 0), 4, cv2.LINE_AA)
    lines = finder.recognize(raw(picture), RecognitionConfig(min_confidence=0.0)).text_lines
    sure = {line.text: line.confidence for line in lines}
    assert sure["NO"] > 0.9
    assert 0.4 < sure["B"] <= 0.5


def test_a_detector_of_plates_alone_comes_first(models: Path, tmp_path: Path) -> None:
    data = (models / "detector.onnx").read_bytes()
    install(tmp_path, data, name="vehicles")
    thresholds = {"thresholds": {"plate": 0.9}}
    install(tmp_path, data, name="plates", task="plate_detector", parameters=thresholds)
    reader = LocalRecognizer(ModelStore(tmp_path, threads=1))
    assert {"vehicles", "plates"} <= {info.name for info in reader.models}
    (plate,) = reader.recognize(raw(street(text="")), PLATES).plates
    # the threshold makes 0.65 of 0.95, and nothing is read there
    assert plate.confidence == pytest.approx(0.325, abs=0.01)


def test_the_plan_tells_the_detector_and_its_parameters(
    finder: LocalRecognizer, recognizer: LocalRecognizer, models: Path, tmp_path: Path
) -> None:
    data = (models / "detector.onnx").read_bytes()
    other = install(tmp_path, data, parameters={"thresholds": {"car": 0.5}})
    plans = {
        finder.plan_digest(),
        recognizer.plan_digest(),
        LocalRecognizer(ModelStore(other, threads=1)).plan_digest(),
    }
    assert len(plans) == 3


def test_a_stream_follows_its_vehicles(finder: LocalRecognizer) -> None:
    asked = threading.Semaphore(1)

    def frames() -> Iterator[Frame]:
        for number in range(4):
            asked.acquire()
            yield Frame(number, raw(np.roll(street(), 4 * number, axis=1)))

    ids = []
    for result in finder.recognize_stream(frames(), VEHICLES):
        assert isinstance(result.outcome, Recognition)
        ids.append({v.label: v.track_id for v in result.outcome.vehicles})
        asked.release()
    assert [one["car"] for one in ids] == [ids[0]["car"]] * 4
    assert [one["bus"] for one in ids] == [ids[0]["bus"]] * 4
    assert {ids[0]["car"], ids[0]["bus"]} == {1, 2}
