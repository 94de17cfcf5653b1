"""What a caller gives is canonical once it is made, or is refused with what to write."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lipiyana.errors import InvalidImage, InvalidRequest
from lipiyana.ocr.scripts.table import SCRIPTS
from lipiyana.script_codes import SCRIPT_NAMES
from lipiyana.types import (
    CachePolicy,
    Feature,
    Frame,
    Layout,
    PixelFormat,
    RawImage,
    RecognitionConfig,
)
from lipiyana.v1 import recognition_pb2 as pb
from lipiyana.wire.requests import config_from_proto, config_to_proto

ANYTHING = st.from_type(object) | st.text(max_size=6) | st.floats() | st.none()


def either(good: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return good | ANYTHING | st.lists(good | ANYTHING, max_size=3)


def test_words_stand_for_members() -> None:
    by_words = RecognitionConfig(["text", "plates"], "line", ["Deva"], 1, "bypass")
    by_members = RecognitionConfig(
        frozenset({Feature.TEXT, Feature.PLATES}), Layout.LINE, ("Deva",), 1.0, CachePolicy.BYPASS
    )
    assert by_words == by_members
    assert hash(by_words) == hash(by_members)
    for config in (by_words, by_members):
        assert config.layout is Layout.LINE
        assert config.cache_policy is CachePolicy.BYPASS
        assert type(config.features) is frozenset
        assert {type(feature) for feature in config.features} == {Feature}
        assert type(config.script_hints) is tuple
        assert type(config.min_confidence) is float


@pytest.mark.parametrize("features", [{"text"}, ("text",), iter([Feature.TEXT]), {"text": 1}])
def test_features_are_any_iterable(features: Iterable[str]) -> None:
    assert RecognitionConfig(features).features == {Feature.TEXT}


def test_a_config_is_still_a_frozen_value() -> None:
    config = RecognitionConfig(layout="plate", min_confidence=0.3)
    assert config.features == frozenset()
    assert replace(config, layout="line") == RecognitionConfig(layout="line", min_confidence=0.3)
    assert pickle.loads(pickle.dumps(config)) == copy.deepcopy(config) == config
    with pytest.raises(InvalidRequest):
        replace(config, layout="lines")
    with pytest.raises(AttributeError):
        config.layout = Layout.LINE  # type: ignore[misc]


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "features": either(st.sampled_from(Feature) | st.sampled_from([*map(str, Feature)])),
            "layout": either(st.sampled_from(Layout) | st.sampled_from([*map(str, Layout)])),
            "script_hints": either(st.sampled_from(sorted(SCRIPT_NAMES))),
            "min_confidence": either(st.floats(0, 1)),
            "cache_policy": either(st.sampled_from([*map(str, CachePolicy)])),
            "romanize": either(st.booleans()),
            "words": either(st.booleans()),
        },
    )
)
@example({"min_confidence": 1e-50})
@example({"min_confidence": 1 / 3})
@example({"script_hints": ["Deva", "Latn", "Deva"]})
@example({"features": {}})
def test_a_config_survives_the_wire_or_is_refused(arguments: dict[str, Any]) -> None:
    made = attempt(lambda: RecognitionConfig(**arguments))
    if isinstance(made, InvalidRequest):
        assert made.field in arguments
        assert made.reason == "INVALID_REQUEST"
        assert made.message.startswith(made.field)
    else:
        sent = config_to_proto(made).SerializeToString()
        assert config_from_proto(pb.RecognitionConfig.FromString(sent)) == made


def attempt(make: Callable[[], RecognitionConfig]) -> RecognitionConfig | InvalidRequest:
    try:
        return make()
    except InvalidRequest as error:
        return error


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            {"layout": "plat"},
            r"layout cannot be 'plat'; possible: scene, line, plate\. Did .*'plate'",
        ),
        ({"layout": None}, "layout cannot be None"),
        ({"features": "text"}, r'features takes several words.*write features=\["text"\]'),
        ({"features": Feature.TEXT}, r'write features=\["text"\]'),
        ({"features": ["txt"]}, "Did you mean 'text'"),
        ({"features": [Layout.LINE]}, "features cannot be"),
        ({"features": ["text", Feature.TEXT]}, "features has 'text' more than once"),
        ({"features": iter(["text", "plates", "plates"])}, "'plates' more than once"),
        ({"features": []}, "features is empty; name some of text, plates, vehicles, or leave it"),
        ({"features": ()}, "features is empty"),
        ({"features": iter(())}, "features is empty"),
        ({"script_hints": "Deva"}, r'write script_hints=\["Deva"\]'),
        ({"script_hints": ["deva"]}, "Did you mean 'Deva'"),
        ({"script_hints": ["Devanagari"]}, "Did you mean 'Deva'"),
        ({"script_hints": ["Klin"]}, r"possible: Deva \(Devanagari\)"),
        ({"min_confidence": "0.3"}, "a number from 0 to 1, not '0.3'"),
        ({"min_confidence": float("nan")}, "not nan"),
        ({"min_confidence": -0.1}, "not -0.1"),
        ({"min_confidence": 1.1}, "not 1.1"),
        ({"min_confidence": True}, "not True"),
        ({"cache_policy": "byp"}, "Did you mean 'bypass'"),
        ({"romanize": "yes"}, "True or False, not 'yes'"),
        ({"words": 1}, "True or False, not 1"),
    ],
)
def test_invalid_arguments_get_a_helpful_error(arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidRequest, match=says) as caught:
        RecognitionConfig(**arguments)
    assert [caught.value.field] == list(arguments)


def test_the_scripts_are_those_that_are_read() -> None:
    assert tuple(SCRIPTS) == tuple(SCRIPT_NAMES)


GREY = np.arange(12, dtype=np.uint8).reshape(3, 4)
COLOURS = np.arange(36, dtype=np.uint8).reshape(3, 4, 3)


@pytest.mark.parametrize("order", ["rgb8", "bgr8"])
def test_arrays(order: str) -> None:
    raw = RawImage.from_array(COLOURS, order)
    assert raw == RawImage.from_array(COLOURS, PixelFormat(order))
    assert raw == RawImage(COLOURS.tobytes(), 4, 3, PixelFormat(order))
    assert RawImage.from_array(COLOURS[:, ::-1], order).data == COLOURS[:, ::-1].tobytes()
    assert RawImage.from_array(GREY) == RawImage.from_array(GREY, "gray8")
    assert RawImage.from_array(GREY).pixel_format is PixelFormat.GRAY8


@pytest.mark.parametrize(
    ("array", "order", "field", "says"),
    [
        (COLOURS, None, "pixel_format", r'from_array\(array, "bgr8"\) for what OpenCV reads'),
        (COLOURS, "bgr", "pixel_format", "Did you mean 'bgr8'"),
        (COLOURS, "gray8", "pixel_format", r"\(3, 4, 3\) cannot be gray8"),
        (GREY, "rgb8", "pixel_format", r"\(3, 4\) cannot be rgb8"),
        (COLOURS, 3, "pixel_format", "possible: rgb8, bgr8, gray8"),
        (COLOURS.astype(np.float32), "rgb8", "image", r"is float32; .*\* 255"),
        (COLOURS.astype(np.uint16), "rgb8", "image", r"is uint16; .*// 257"),
        (COLOURS.astype(np.int64), "rgb8", "image", r"is int64; .*0 to 255"),
        (np.zeros((3, 4, 4), np.uint8), "rgb8", "image", "alpha"),
        (np.zeros((3, 4, 1), np.uint8), None, "image", r"array\[\.\.\., 0\]"),
        (np.zeros((3, 5, 4), np.uint8), "rgb8", "image", "alpha"),
        (np.zeros((3, 5, 9), np.uint8), "rgb8", "image", "transpose"),
        (np.zeros((2, 3, 4, 3), np.uint8), "rgb8", "image", "one by one"),
        (np.zeros(9, np.uint8), None, "image", r"not \(9,\)$"),
        ([[1, 2], [3, 4]], None, "image", r"takes a numpy array, not list; numpy\.asarray"),
        (b"picture", None, "image", "not bytes"),
        (None, "bgr8", "image", "cv2.imread gives None"),
    ],
)
def test_arrays_that_are_no_picture(array: Any, order: Any, field: str, says: str) -> None:
    with pytest.raises(InvalidImage, match=says) as caught:
        RawImage.from_array(array, order)
    assert (caught.value.field, caught.value.reason) == (field, "BAD_RAW_IMAGE")


def test_raw_pictures_take_what_is_like_bytes_and_whole_numbers() -> None:
    expected = RawImage(b"abc", 1, 1, PixelFormat.BGR8)
    for data in (bytearray(b"abc"), memoryview(b"abc")):
        raw = RawImage(data, np.int64(1), 1, "bgr8")  # type: ignore[arg-type]
        assert raw == expected
        assert [type(raw.data), type(raw.width), type(raw.pixel_format)] == [
            bytes,
            int,
            PixelFormat,
        ]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((GREY, 4, 3), r"not ndarray; RawImage\.from_array"),
        (("abc", 1, 1), "not str"),
        ((b"abc", "1", 1), "the width of a RawImage is a whole number of pixels, not '1'"),
        ((b"abc", 1, 1.0), "the height"),
        ((b"abc", 1, True), "the height of a RawImage is a whole number of pixels, not True"),
        ((b"abc", 1, 1, "rgb"), "Did you mean 'rgb8'"),
    ],
)
def test_raw_pictures_of_the_wrong_kinds(arguments: tuple[Any, ...], says: str) -> None:
    with pytest.raises(InvalidImage, match=says):
        RawImage(*arguments)


@pytest.mark.parametrize("number", [0, 2**64 - 1, np.uint64(7)])
def test_numbers_of_frames(number: Any) -> None:
    frame = Frame(number, b"")
    assert (frame.frame_id, type(frame.frame_id)) == (int(number), int)


@pytest.mark.parametrize("number", [-1, 2**64, 1.0, "1", None, b"picture", True])
def test_invalid_frame_numbers_are_refused(number: Any) -> None:
    with pytest.raises(InvalidRequest, match=r"write Frame\(number, picture\)") as caught:
        Frame(number, b"")
    assert caught.value.field == "frame_id"
