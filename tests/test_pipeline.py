from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lipiyana.errors import (
    DeadlineExceeded,
    InvalidImage,
    InvalidRequest,
    LipiyanaError,
    ModelUnavailable,
)
from lipiyana.images.decoding_memory import DecodingMemory
from lipiyana.images.loading import ImageLimits
from lipiyana.pipeline import LocalRecognizer
from lipiyana.recognizer import Recognizer
from lipiyana.runtime.store import ModelStore
from lipiyana.types import (
    Feature,
    Layout,
    Plate,
    RawImage,
    Recognition,
    RecognitionConfig,
    TextLine,
)

Draw = Callable[..., np.ndarray]


Encode = Callable[..., bytes]


LINE = RecognitionConfig(layout=Layout.LINE)


PLATE = RecognitionConfig(layout=Layout.PLATE)


def raw(picture: np.ndarray) -> RawImage:
    return RawImage.from_array(picture, "rgb8")


def test_it_is_a_recognizer(recognizer: LocalRecognizer) -> None:
    assert isinstance(recognizer, Recognizer)


def test_it_may_stand_in_a_with_block_as_a_client_does(
    store: ModelStore, draw_text: Draw, encode: Encode
) -> None:
    with LocalRecognizer(store) as inside:
        assert inside.recognize(encode(draw_text("KA 01"))).image_width > 0
    with pytest.raises(KeyError, match="passed on"), LocalRecognizer(store):
        raise KeyError("passed on")


def test_a_scene(recognizer: LocalRecognizer, scene: np.ndarray, encode: Encode) -> None:
    found = recognizer.recognize(encode(scene))
    assert (found.image_width, found.image_height) == (640, 400)
    assert [line.text.replace(" ", "") for line in found.text_lines] == ["BAKERY", "KA01AB1234"]
    assert {line.script for line in found.text_lines} == {"Latn"}
    (plate,) = found.plates
    assert plate.registration.canonical == "KA01AB1234"
    assert plate.registration.region_name == "Karnataka"
    assert plate.box.y_min > 230
    assert len(plate.registration.character_confidences) == 10
    assert {info.name for info in found.models} == {info.name for info in recognizer.models}
    assert {"decode", "detect_text", "read_lines"} <= set(found.timings)
    assert all(seconds >= 0 for seconds in found.timings.values())


def test_features_choose_what_comes_back(recognizer: LocalRecognizer, scene: np.ndarray) -> None:
    text = recognizer.recognize(raw(scene), RecognitionConfig(features=frozenset({Feature.TEXT})))
    assert (len(text.text_lines), len(text.plates)) == (2, 0)
    plates = recognizer.recognize(
        raw(scene), RecognitionConfig(features=frozenset({Feature.PLATES}))
    )
    assert (len(plates.text_lines), len(plates.plates)) == (0, 1)


def test_two_rows_in_a_scene_are_one_plate(recognizer: LocalRecognizer, draw_text: Draw) -> None:
    picture = np.full((400, 640, 3), 120, np.uint8)
    board = draw_text("MH 12 AB", "4567")
    picture[120 : 120 + board.shape[0], 200 : 200 + board.shape[1]] = board
    (plate,) = recognizer.recognize(raw(picture)).plates
    assert plate.registration.canonical == "MH12AB4567"
    assert len(plate.lines) == 2
    assert plate.text.count("\n") == 1


@pytest.mark.parametrize("rows", [("DL 8C AF 5030",), ("KA 03", "D 7238")])
def test_a_plate_of_one_row_or_two(
    recognizer: LocalRecognizer, draw_text: Draw, rows: tuple[str, ...]
) -> None:
    found = recognizer.recognize(raw(draw_text(*rows)), PLATE)
    (plate,) = found.plates
    assert plate.registration.canonical == "".join(rows).replace(" ", "")
    assert len(plate.lines) == len(rows)
    assert found.text_lines == ()
    assert 0 <= plate.box.x_min < plate.box.x_max <= found.image_width
    assert 0 <= plate.box.y_min < plate.box.y_max <= found.image_height


def test_a_plate_that_does_not_parse_keeps_its_text(
    recognizer: LocalRecognizer, draw_text: Draw
) -> None:
    (plate,) = recognizer.recognize(raw(draw_text("HORN PLEASE")), PLATE).plates
    assert plate.text.replace(" ", "") == "HORNPLEASE"
    assert (plate.registration.canonical, plate.registration.valid) == ("", False)


@pytest.mark.parametrize("layout", list(Layout))
def test_decoded_pixels_are_read_as_a_picture_is(
    recognizer: LocalRecognizer, draw_text: Draw, layout: Layout
) -> None:
    picture, config = draw_text("KA 01 AB 1234"), RecognitionConfig(layout=layout)
    found = recognizer.recognize_pixels(picture, config)
    assert replace(found, timings={}) == replace(
        recognizer.recognize(raw(picture), config), timings={}
    )


def test_a_line(recognizer: LocalRecognizer, draw_text: Draw) -> None:
    picture = draw_text("Fresh juice")
    (line,) = recognizer.recognize(raw(picture), LINE).text_lines
    assert line.text == "Fresh juice"
    height, width = picture.shape[:2]
    assert line.polygon == ((0, 0), (width, 0), (width, height), (0, height))


@pytest.mark.parametrize(
    ("layout", "shape"),
    [
        *((layout, shape) for layout in Layout for shape in ((4, 4), (4, 200), (200, 4), (48, 48))),
        (Layout.LINE, (4, 800)),
        (Layout.SCENE, (4, 3000)),
        (Layout.SCENE, (3000, 4)),
    ],
)
def test_pictures_without_text(
    recognizer: LocalRecognizer, layout: Layout, shape: tuple[int, int]
) -> None:
    blank = raw(np.full((*shape, 3), 255, np.uint8))
    found = recognizer.recognize(blank, RecognitionConfig(layout=layout))
    assert len(found.text_lines) == (layout is Layout.LINE)
    assert len(found.plates) == (layout is Layout.PLATE)


def test_too_small_pictures_are_refused(recognizer: LocalRecognizer) -> None:
    with pytest.raises(InvalidImage) as caught:
        recognizer.recognize(raw(np.zeros((1, 1, 3), np.uint8)))
    assert caught.value.reason == "IMAGE_TOO_SMALL"


@pytest.mark.parametrize("size", [(4, 1000), (1000, 4)])
@pytest.mark.parametrize("config", [LINE, PLATE])
def test_strips_are_no_line_and_no_plate(
    recognizer: LocalRecognizer, size: tuple[int, int], config: RecognitionConfig
) -> None:
    with pytest.raises(InvalidImage, match="times as long as high") as caught:
        recognizer.recognize(raw(np.zeros((*size, 3), np.uint8)), config)
    assert caught.value.reason == "BAD_SHAPE"


def test_a_shrunk_picture_is_read_in_its_own_pixels(
    recognizer: LocalRecognizer,
    scene: np.ndarray,
    encode: Encode,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    large = np.repeat(np.repeat(scene, 2, axis=0), 2, axis=1)
    monkeypatch.setattr("lipiyana.images.headers.header.SHRUNK_FROM", 640 * 400)
    found = recognizer.recognize(encode(large, "JPEG", quality=95))
    plain = recognizer.recognize(encode(scene, "JPEG", quality=95))
    assert (found.image_width, found.image_height) == (1280, 800)
    # a space is a matter of a pixel
    shrunk, texts = (
        [line.text.replace(" ", "") for line in one.text_lines] for one in (found, plain)
    )
    assert shrunk == texts
    for line, other in zip(found.text_lines, plain.text_lines, strict=True):
        assert np.allclose(line.polygon, 2 * np.array(other.polygon), atol=8)


def test_a_crop_that_was_shrunk_is_read_in_its_own_pixels(
    recognizer: LocalRecognizer, draw_text: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = draw_text("KA01AB1234")
    height, width = picture.shape[:2]
    monkeypatch.setattr("lipiyana.pipeline.SHRUNK_FROM", height * width - 1)
    found = recognizer.recognize(raw(picture), LINE)
    assert (found.image_width, found.image_height) == (width, height)
    assert found.text_lines[0].polygon == ((0, 0), (width, 0), (width, height), (0, height))
    assert found.text_lines[0].text.replace(" ", "") == "KA01AB1234"


def test_limits_reach_the_decoder(store: ModelStore, scene: np.ndarray) -> None:
    small = LocalRecognizer(store, limits=ImageLimits(max_pixels=1000))
    with pytest.raises(InvalidImage) as caught:
        small.recognize(raw(scene))
    assert caught.value.reason == "IMAGE_TOO_LARGE"


@pytest.mark.parametrize("config", [LINE, PLATE])
def test_min_confidence_holds_for_crops(
    recognizer: LocalRecognizer, draw_text: Draw, config: RecognitionConfig
) -> None:
    def rows(least: float | None) -> list[TextLine | Plate]:
        found = recognizer.recognize(picture, replace(config, min_confidence=least))
        return [*found.text_lines, *found.plates]

    picture = raw(draw_text("KA 01 AB 1234"))
    (row,) = rows(None)
    assert 0 < row.confidence < 1
    assert rows(0.0) == rows(row.confidence - 1e-6) == [row]
    assert rows(row.confidence + 1e-6) == rows(1.0) == []
    # where nothing is said a crop's one row is there, however unsure
    picture = raw(np.full((48, 48, 3), 255, np.uint8))
    assert [row.confidence for row in rows(None)] == [0.0]
    assert rows(0.01) == []


def test_unsure_lines_are_dropped(recognizer: LocalRecognizer, scene: np.ndarray) -> None:
    found = recognizer.recognize(raw(scene), RecognitionConfig(min_confidence=1.0))
    assert (found.text_lines, found.plates) == ((), ())


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"store": "models"}, "store"),
        ({"store": Path("models")}, "store"),
        ({"store": ModelStore(threads=1), "models_dir": "models"}, "store"),
        ({"models_dir": 5}, "models_dir"),
        ({"threads": 0}, "threads"),
        ({"threads": -1}, "threads"),
        ({"threads": 10**9}, "threads"),
        ({"threads": "2"}, "threads"),
        ({"threads": 1.5}, "threads"),
    ],
)
def test_invalid_arguments_of_a_recognizer_are_refused(
    arguments: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        LocalRecognizer(**arguments)
    assert caught.value.field == field


def test_a_folder_of_models_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "manifest.toml").write_text("")
    assert LocalRecognizer(models_dir=str(tmp_path), threads=1).store.threads == 1
    with pytest.raises(ModelUnavailable, match="name a folder"):
        LocalRecognizer(models_dir=str(tmp_path / "none"))


def test_vehicles_need_a_model(scene: np.ndarray, tmp_path: Path) -> None:
    entry = '[[model]]\nname = "{}"\ntask = "vehicle_detector"\nfile = "none.onnx"\nsha256 = "0"\n'
    names = ("vehicles-int8", "vehicles-float")
    (tmp_path / "manifest.toml").write_text("".join(entry.format(name) for name in names))
    without = LocalRecognizer(ModelStore(tmp_path, threads=1))
    assert without.features == {Feature.TEXT, Feature.PLATES}
    with pytest.raises(ModelUnavailable, match="vehicles"):
        without.recognize(raw(scene), RecognitionConfig(features=frozenset({Feature.VEHICLES})))


def test_a_bad_picture_leaves_its_error_in_a_batch(
    recognizer: LocalRecognizer, draw_text: Draw, tmp_path: Path
) -> None:
    images = [raw(draw_text("ONE")), b"", tmp_path / "none.jpg", raw(draw_text("TWO"))]
    first, empty, missing, last = recognizer.recognize_batch(images, LINE)
    assert isinstance(first, Recognition)
    assert isinstance(last, Recognition)
    assert [first.text_lines[0].text, last.text_lines[0].text] == ["ONE", "TWO"]
    assert isinstance(empty, InvalidImage)
    assert isinstance(missing, LipiyanaError)
    assert missing.code == "NOT_FOUND"


@pytest.mark.parametrize("timeout", [math.inf, 1e12, 10**400])
def test_more_than_a_year_is_no_timeout(
    store: ModelStore, draw_text: Draw, encode: Encode, timeout: float
) -> None:
    waiting = LocalRecognizer(store, decoding_memory=DecodingMemory(10**9))
    found = waiting.recognize(encode(draw_text("ONE")), LINE, timeout=timeout)
    assert [line.text for line in found.text_lines] == ["ONE"]


def test_no_time_no_work(recognizer: LocalRecognizer, scene: np.ndarray) -> None:
    for timeout in (0.0, -1, -math.inf):
        with pytest.raises(DeadlineExceeded):
            recognizer.recognize(raw(scene), timeout=timeout)
    outcomes = recognizer.recognize_batch([raw(scene)] * 2, timeout=0.0)
    assert [type(outcome) for outcome in outcomes] == [DeadlineExceeded] * 2


def test_the_plan_tells_what_an_answer_depends_on(
    recognizer: LocalRecognizer, store: ModelStore
) -> None:
    assert recognizer.plan_digest() == LocalRecognizer(store).plan_digest()
    other = LocalRecognizer(store, limits=ImageLimits(max_pixels=1))
    assert recognizer.plan_digest() != other.plan_digest()


def test_threads_read_as_one_does(recognizer: LocalRecognizer, draw_text: Draw) -> None:
    words = ["BUS", "AUTO", "TAXI", "TRUCK"] * 3
    outcomes: dict[int, str] = {}

    def work(index: int) -> None:
        found = recognizer.recognize(raw(draw_text(words[index])), LINE)
        outcomes[index] = found.text_lines[0].text

    threads = [threading.Thread(target=work, args=(index,)) for index in range(len(words))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [outcomes[index] for index in range(len(words))] == words
