from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from detector_models import (
    BLUE,
    GREEN,
    RED,
    coco_detector,
    install,
    rectangle_detector,
)
from PIL import Image

from lipiyana.arrays import RgbArray
from lipiyana.errors import ModelUnavailable
from lipiyana.runtime.devices import Compute
from lipiyana.runtime.manifest import ModelEntry, Task
from lipiyana.runtime.session import LocalSession, Session
from lipiyana.runtime.store import ModelSource, ModelStore
from lipiyana.types import Box, RecognitionConfig
from lipiyana.vehicles.detection.detector import VehicleDetector
from lipiyana.vehicles.detection.letterbox import PADDING, InputShape
from lipiyana.vehicles.detection.network import OPERATING_POINT, operating_scores

SIZE = 128


@pytest.fixture(scope="module")
def model() -> bytes:
    return rectangle_detector(SIZE)


@pytest.fixture(scope="module")
def detector(model: bytes, tmp_path_factory: pytest.TempPathFactory) -> VehicleDetector:
    return VehicleDetector(ModelStore(install(tmp_path_factory.mktemp("models"), model), threads=1))


def street(
    height: int, width: int, *things: tuple[tuple[int, int, int], tuple[int, ...]]
) -> RgbArray:
    picture = np.full((height, width, 3), 128, np.uint8)
    for colour, (x_min, y_min, x_max, y_max) in things:
        picture[y_min:y_max, x_min:x_max] = colour
    return picture


def near(box: Box, expected: tuple[int, ...], within: float) -> bool:
    found = (box.x_min, box.y_min, box.x_max, box.y_max)
    return max(abs(a - b) for a, b in zip(found, expected, strict=True)) <= within


def test_each_thing_is_found_once(detector: VehicleDetector) -> None:
    car, bus, plate = (10, 20, 60, 50), (80, 10, 124, 90), (20, 30, 50, 42)
    found = detector.detect(street(100, 128, (RED, car), (BLUE, bus), (GREEN, plate)))
    assert [(d.label, round(d.confidence, 2)) for d in found] == [
        ("car", 0.95),
        ("bus", 0.95),
        ("plate", 0.71),
    ]
    for detection, expected in zip(found, (car, bus, plate), strict=True):
        assert near(detection.box, expected, 1)


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0])
def test_boxes_are_in_pixels_of_the_picture(detector: VehicleDetector, scale: float) -> None:
    car = tuple(round(scale * side) for side in (20, 16, 90, 60))
    (found,) = detector.detect(street(round(80 * scale), round(110 * scale), (RED, car)))
    assert near(found.box, car, 1 + scale)


def test_less_confident_results_are_left_out(detector: VehicleDetector) -> None:
    picture = street(128, 128, (RED, (10, 10, 60, 40)), (BLUE, (80, 80, 88, 88)))
    assert [d.label for d in detector.detect(picture)] == ["car", "bus"]
    assert [d.label for d in detector.detect(picture, least=0.6)] == ["car"]
    assert detector.detect(picture, least=1.0) == []


def test_an_empty_street(detector: VehicleDetector) -> None:
    assert detector.detect(street(300, 900)) == []
    assert detector.detect(street(2, 900)) == []
    assert detector.detect_each([]) == []


def test_a_far_vehicle_is_found_once_in_a_tile(
    detector: VehicleDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    far = (300, 200, 314, 212)
    picture = street(400, 600, (RED, far))
    (found,) = detector.detect(picture)
    assert near(found.box, far, 2)
    monkeypatch.setattr("lipiyana.vehicles.detection.detector.tiles", lambda *_, **__: [])
    assert [d.confidence for d in detector.detect(picture)] < [found.confidence]


@pytest.mark.parametrize("x", range(0, 420, 35))
def test_a_near_vehicle_across_tiles_is_one_box(detector: VehicleDetector, x: int) -> None:
    bus = (x, 120, x + 180, 250)
    (found,) = detector.detect(street(400, 600, (BLUE, bus)))
    assert found.label == "bus"
    assert near(found.box, bus, 600 / SIZE + 1)


@pytest.mark.parametrize("x", range(150, 330, 20))
def test_a_small_vehicle_anywhere_is_one_box(detector: VehicleDetector, x: int) -> None:
    car = (x, 190, x + 30, 210)
    (found,) = detector.detect(street(400, 600, (RED, car)))
    assert near(found.box, car, 3)


def test_several_pictures_in_one_batch(detector: VehicleDetector) -> None:
    pictures = [
        street(60, 90, (RED, (10, 10, 60, 40))),
        street(90, 60),
        street(50, 50, (GREEN, (5, 20, 45, 30))),
    ]
    each = detector.detect_each(pictures)
    assert [[d.label for d in found] for found in each] == [["car"], [], ["plate"]]
    assert each == [detector.detect(picture) for picture in pictures]


def test_thresholds_become_the_usual_confidence(model: bytes, tmp_path: Path) -> None:
    folder = install(tmp_path, model, parameters={"thresholds": {"car": 0.95}})
    detector = VehicleDetector(ModelStore(folder, threads=1))
    found = detector.detect(street(128, 128, (RED, (8, 8, 60, 40)), (BLUE, (80, 80, 120, 120))))
    by_label = {d.label: d.confidence for d in found}
    assert by_label["car"] == pytest.approx(OPERATING_POINT, abs=1e-3)
    assert by_label["bus"] == pytest.approx(0.95)
    assert RecognitionConfig().least_confidence == OPERATING_POINT


def test_a_calibration_lies_on_straight_lines_and_tells_the_operating_score(
    model: bytes, tmp_path: Path
) -> None:
    curve = [[0.5, 0.2], [0.9, 0.4]]
    folder = install(tmp_path, model, parameters={"calibration": {"car": curve}})
    store = ModelStore(folder, threads=1)
    found = VehicleDetector(store).detect(street(128, 128, (RED, (8, 8, 60, 40))))
    # the drawn model scores 0.95: halfway from 0.9 to 1
    assert [d.confidence for d in found] == [pytest.approx(0.7, abs=1e-3)]
    entry = store.default_for_task(Task.VEHICLE_DETECTOR)
    assert operating_scores(entry) == {"car": pytest.approx(0.7)}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"calibration": {"car": [[0.5, 0.2], [0.4, 0.3]]}}, "calibration"),
        ({"calibration": {"car": [[0.5, 1.0]]}}, "calibration"),
        ({"calibration": {"car": [0.5, 0.2]}}, "calibration"),
        ({"calibration": {"car": "sure"}}, "calibration"),
        ({"calibration": {"tractor": [[0.5, 0.2]]}}, "tractor"),
        ({"thresholds": {"tractor": 0.5}}, "tractor"),
        ({"thresholds": {"car": 1.5}}, "1.5"),
        ({"input_size": 640}, "640"),
    ],
)
def test_parameters_that_make_no_sense(
    model: bytes, tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    detector = VehicleDetector(ModelStore(install(tmp_path, model, parameters=change), threads=1))
    with pytest.raises(ModelUnavailable, match=said) as caught:
        detector.detect(street(64, 64))
    assert caught.value.reason == "MODEL_CORRUPT"


def test_a_model_of_another_kind(store: ModelStore) -> None:
    reader = VehicleDetector(store, store.entries[0].name)
    with pytest.raises(ModelUnavailable, match="not boxes and scores") as caught:
        reader.detect(street(64, 64))
    assert caught.value.reason == "MODEL_CORRUPT"


def test_more_classes_than_names(tmp_path: Path, model: bytes) -> None:
    import onnx

    loaded = onnx.load_from_string(model)
    del loaded.metadata_props[:]
    for names, said in ((None, "no classes"), ("car\nplate", "3 classes and names 2")):
        if names:
            onnx.helper.set_model_props(loaded, {"classes": names})
        folder = install(tmp_path, loaded.SerializeToString(), name=f"m{bool(names)}")
        detector = VehicleDetector(ModelStore(folder, threads=1), f"m{bool(names)}")
        with pytest.raises(ModelUnavailable, match=said):
            detector.detect(street(64, 64))


def test_without_a_detector(store_without_detector: ModelStore) -> None:
    with pytest.raises(ModelUnavailable, match="vehicle detector"):
        VehicleDetector(store_without_detector)


def test_a_real_network_finds_real_vehicles(shared_data: Path, tmp_path: Path) -> None:
    weights = shared_data / "weights" / "yolox_nano.onnx"
    if not weights.is_file():
        pytest.skip("the weights of YOLOX-nano are missing")
    detector = VehicleDetector(ModelStore(install(tmp_path, coco_detector(weights)), threads=1))
    picture = np.asarray(
        Image.open(sorted((shared_data / "vehicles" / "train" / "images").glob("olx_plate*"))[0])
    )
    found = detector.detect(picture, least=0.3)
    assert found[0].label in {"car", "truck"}
    enlarged = np.asarray(Image.fromarray(picture).resize([4 * s for s in picture.shape[1::-1]]))
    (best, again) = found[0].box, detector.detect(enlarged, least=0.3)[0].box
    assert near(
        again, tuple(round(4 * v) for v in (best.x_min, best.y_min, best.x_max, best.y_max)), 40
    )


def test_pictures_of_any_shape_come_back_in_their_order() -> None:
    detector = VehicleDetector(ModelStore(threads=1))
    rng = np.random.default_rng(0)
    shapes = ((90, 160), (160, 90), (128, 128), (90, 160), (20, 300))
    pictures = [rng.integers(0, 255, (*shape, 3), np.uint8) for shape in shapes]
    network = detector.network()
    together = network.run(pictures, 1e-4)
    for picture, found in zip(pictures, together, strict=True):
        (alone,) = network.run([picture], 1e-4)
        assert len(alone) == len(found) > 0
        np.testing.assert_allclose(found.boxes, alone.boxes, rtol=1e-3, atol=1e-2)
        assert (found.classes == alone.classes).all()


class Watched(LocalSession):
    """A session that tells what it is run on."""

    seen: list[npt.NDArray[np.float32]]

    def run(self, batch: npt.NDArray[np.float32]) -> list[npt.NDArray[Any]]:
        self.seen.append(batch)
        return super().run(batch)


class WatchedModels(ModelSource):
    def open(self, entry: ModelEntry, threads: int, compute: Compute) -> Session:
        return Watched(entry, threads, compute=compute)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[npt.NDArray[np.float32]]:
    """What watched sessions are run on."""
    batches: list[npt.NDArray[np.float32]] = []
    monkeypatch.setattr(Watched, "seen", batches, raising=False)
    return batches


def test_a_fixed_square_stays_a_square(
    model: bytes, tmp_path: Path, seen: list[npt.NDArray[np.float32]]
) -> None:
    store = ModelStore(install(tmp_path, model), threads=1, source=WatchedModels())
    detector = VehicleDetector(store)
    assert detector.network().shape == InputShape(SIZE, None)
    car, bus = (20, 10, 120, 50), (5, 9, 60, 200)
    wide, high = detector.detect_each([street(64, 256, (RED, car)), street(256, 64, (BLUE, bus))])
    assert [batch.shape for batch in seen] == [(2, 3, SIZE, SIZE)]
    assert [(d.label, near(d.box, car, 2)) for d in wide] == [("car", True)]
    assert [(d.label, near(d.box, bus, 2)) for d in high] == [("bus", True)]


@pytest.mark.parametrize("sides", [(32, 704), (20, 704), (704, 20)])
def test_a_thin_picture_is_one_stride_of_the_input(
    sides: tuple[int, int], seen: list[npt.NDArray[np.float32]]
) -> None:
    network = VehicleDetector(ModelStore(threads=1, source=WatchedModels())).network()
    assert network.shape == InputShape(704)
    picture = np.random.default_rng(0).integers(0, 255, (*sides, 3), np.uint8)
    (found,) = network.run([picture], 1e-4)
    rows, columns = (max(32, side) for side in sides)
    expected = np.full((1, 3, rows, columns), PADDING, np.float32)
    expected[0, :, : sides[0], : sides[1]] = picture[..., ::-1].transpose(2, 0, 1)
    (batch,) = seen
    np.testing.assert_array_equal(batch, expected)
    assert len(found) > 0
    assert np.isfinite(found.boxes).all()


@pytest.mark.parametrize("sides", [(1, 5000), (5000, 1), (1, 1)])
def test_lines_of_pixels_are_looked_at(
    sides: tuple[int, int], detector: VehicleDetector, seen: list[npt.NDArray[np.float32]]
) -> None:
    picture = np.random.default_rng(0).integers(0, 255, (*sides, 3), np.uint8)
    detector.detect(picture)
    found = VehicleDetector(ModelStore(threads=1, source=WatchedModels())).detect(
        picture, least=1e-4
    )
    assert all(set(batch.shape[2:]) <= {32, 288, 704} for batch in seen)
    for box in (detection.box for detection in found):
        assert 0 <= box.x_min < box.x_max <= sides[1]
        assert 0 <= box.y_min < box.y_max <= sides[0]


def test_a_free_size_that_the_network_cannot_take(tmp_path: Path) -> None:
    store = ModelStore(threads=1)
    data = store.default_for_task(Task.VEHICLE_DETECTOR).read_bytes()
    folder = install(tmp_path, data, parameters={"input_size": 500})
    with pytest.raises(ModelUnavailable, match=r"500.*multiple of 32") as caught:
        VehicleDetector(ModelStore(folder, threads=1)).network()
    assert caught.value.reason == "MODEL_CORRUPT"
    install(tmp_path, data, name="smaller", parameters={"input_size": 416})
    smaller = VehicleDetector(ModelStore(folder, threads=1), "smaller")
    assert smaller.network().shape == InputShape(416)
