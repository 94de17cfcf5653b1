from __future__ import annotations

import dataclasses
import json
import math
import subprocess
import sys
from typing import Any, TypeVar

import pytest
from google.protobuf.json_format import MessageToDict, ParseDict
from hypothesis import given
from hypothesis import strategies as st

from lipiyana import types
from lipiyana.errors import InternalError, InvalidImage, InvalidRequest
from lipiyana.script_codes import SCRIPT_NAMES
from lipiyana.v1 import recognition_pb2 as pb
from lipiyana.wire.requests import (
    config_from_proto,
    config_to_proto,
    image_from_proto,
    image_to_proto,
)
from lipiyana.wire.results import (
    MOST_PARTS,
    recognition_from_proto,
    recognition_to_json,
    recognition_to_proto,
)

T = TypeVar("T")

NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
FLOATS = st.floats(0, 1, width=32)
PIXELS = st.floats(-1e4, 1e4, width=32)
COUNTS = st.integers(0, 2**32 - 1)


def several(items: st.SearchStrategy[T]) -> st.SearchStrategy[tuple[T, ...]]:
    return st.lists(items, max_size=3).map(tuple)


POINTS = st.tuples(PIXELS, PIXELS)
BOXES = st.builds(types.Box, PIXELS, PIXELS, PIXELS, PIXELS)
POLYGONS = st.tuples(POINTS, POINTS, POINTS, POINTS)
WORDS = st.builds(types.Word, NAMES, FLOATS, POLYGONS)
LINES = st.builds(types.TextLine, NAMES, NAMES, FLOATS, POLYGONS, NAMES, several(WORDS))
REGISTRATIONS = st.builds(
    types.Registration,
    canonical=NAMES,
    valid=st.booleans(),
    format=st.none() | st.sampled_from(types.RegistrationFormat),
    country=NAMES,
    region_code=NAMES,
    region_name=NAMES,
    category=st.none() | st.sampled_from(types.Category),
    vehicle_class=NAMES,
    lot=NAMES,
    number=NAMES,
    romanized=NAMES,
    character_confidences=several(FLOATS),
    alternatives=several(NAMES),
)
PLATES = st.builds(
    types.Plate,
    text=NAMES,
    confidence=FLOATS,
    box=BOXES,
    lines=several(LINES),
    registration=REGISTRATIONS,
    colour=st.none() | st.sampled_from(types.PlateColour),
    colour_confidence=FLOATS,
    category_conflict=st.booleans(),
    vehicle_index=st.none() | COUNTS,
)
VEHICLES = st.builds(types.Vehicle, NAMES, FLOATS, BOXES, st.none() | COUNTS, several(COUNTS))
RECOGNITIONS = st.builds(
    types.Recognition,
    image_width=COUNTS,
    image_height=COUNTS,
    vehicles=several(VEHICLES),
    plates=several(PLATES),
    text_lines=several(LINES),
    cache_outcome=st.sampled_from(types.CacheOutcome),
    models=several(st.builds(types.ModelInfo, NAMES, NAMES, NAMES)),
    timings=st.dictionaries(NAMES, FLOATS, max_size=3),
    rotation_degrees=st.sampled_from([0, 90, 180, 270]),
)
CONFIGS = st.builds(
    types.RecognitionConfig,
    features=st.frozensets(st.sampled_from(types.Feature)),
    layout=st.sampled_from(types.Layout),
    script_hints=several(st.sampled_from(sorted(SCRIPT_NAMES))),
    min_confidence=st.none() | st.floats(0, 1),
    cache_policy=st.sampled_from(types.CachePolicy),
    romanize=st.booleans(),
    words=st.booleans(),
)
IMAGES = st.binary(max_size=9) | st.builds(
    types.RawImage, st.binary(max_size=9), COUNTS, COUNTS, st.sampled_from(types.PixelFormat)
)


@given(RECOGNITIONS)
def test_a_recognition_survives_the_wire(value: types.Recognition) -> None:
    sent = recognition_to_proto(value).SerializeToString()
    assert recognition_from_proto(pb.Recognition.FromString(sent)) == value


@given(CONFIGS)
def test_a_config_survives_the_wire(config: types.RecognitionConfig) -> None:
    sent = config_to_proto(config).SerializeToString()
    assert config_from_proto(pb.RecognitionConfig.FromString(sent)) == config


@given(IMAGES)
def test_an_image_survives_the_wire(image: bytes | types.RawImage) -> None:
    sent = image_to_proto(image).SerializeToString()
    assert image_from_proto(pb.Image.FromString(sent)) == image


def test_an_empty_config_is_the_default_one() -> None:
    assert config_from_proto(pb.RecognitionConfig()) == types.RecognitionConfig()


def test_zero_is_not_an_absent_confidence() -> None:
    assert config_from_proto(pb.RecognitionConfig(min_confidence=0.0)).min_confidence == 0.0


@pytest.mark.parametrize(
    ("message", "field", "reason"),
    [
        (pb.RecognitionConfig(features=[99]), "features", "UNKNOWN_FEATURE"),  # type: ignore[list-item]
        (pb.RecognitionConfig(features=[pb.FEATURE_UNSPECIFIED]), "features", "UNKNOWN_FEATURE"),
        (pb.RecognitionConfig(layout=99), "layout", "UNKNOWN_LAYOUT"),  # type: ignore[arg-type]
        (
            pb.RecognitionConfig(cache_policy=99),  # type: ignore[arg-type]
            "cache_policy",
            "UNKNOWN_CACHE_POLICY",
        ),
        (pb.RecognitionConfig(script_hints=["Klin"]), "script_hints", "INVALID_REQUEST"),
        (pb.RecognitionConfig(min_confidence=float("nan")), "min_confidence", "INVALID_REQUEST"),
    ],
)
def test_what_a_config_cannot_be(message: pb.RecognitionConfig, field: str, reason: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        config_from_proto(message)
    assert (caught.value.field, caught.value.reason) == (field, reason)


@pytest.mark.parametrize(
    ("message", "reason"),
    [(pb.Image(), "MISSING_IMAGE"), (pb.Image(raw=pb.RawImage()), "UNKNOWN_PIXEL_FORMAT")],
)
def test_images_that_are_none(message: pb.Image, reason: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        image_from_proto(message)
    assert (caught.value.field, caught.value.reason) == ("image", reason)


@pytest.mark.parametrize("size", [(-1, 5), (5, 2**32)])
def test_sides_that_the_wire_cannot_hold(size: tuple[int, int]) -> None:
    with pytest.raises(InvalidImage) as caught:
        image_to_proto(types.RawImage(b"", *size))
    assert caught.value.reason == "BAD_RAW_IMAGE"


def test_numbers_of_a_later_version_become_none() -> None:
    message = pb.Recognition(
        plates=[pb.Plate(colour=99, registration=pb.Registration(format=99, category=99))]  # type: ignore[arg-type]
    )
    plate = recognition_from_proto(message).plates[0]
    assert plate.colour is None
    assert (plate.registration.format, plate.registration.category) == (None, None)


def test_a_polygon_of_three_corners_is_refused() -> None:
    message = pb.Recognition(text_lines=[pb.TextLine(polygon=[pb.Point()] * 3)])
    with pytest.raises(InternalError):
        recognition_from_proto(message)


@given(RECOGNITIONS)
def test_json_is_the_protos(value: types.Recognition) -> None:
    message, row = recognition_to_proto(value), value.to_dict()
    assert json.loads(value.to_json()) == row == recognition_to_json(value)
    assert ParseDict(row, pb.Recognition()) == message
    printed = MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    for vehicle in printed["vehicles"]:
        vehicle.setdefault("track_id", None)
    for plate in printed["plates"]:
        plate.setdefault("vehicle_index", None)
    assert row == printed


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, 1e300, 3.4028235e38, 1e-46])
def test_numbers_that_json_has_not(number: float) -> None:
    value = types.Recognition(1, 1, timings={"decode": number})
    message = pb.Recognition(timings={"decode": number})
    assert value.to_dict()["timings"] == MessageToDict(message)["timings"]
    json.loads(value.to_json(), parse_constant=pytest.fail)


def test_results_are_written_without_protobuf() -> None:
    program = (
        "import sys\nfrom lipiyana.types import Recognition\n"
        "print(Recognition(3, 2).to_json())\n"
        "print(*[name for name in ('google.protobuf', 'numpy', 'PIL') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    row, loaded = done.stdout.split("\n")[:2]
    assert json.loads(row)["image_width"] == 3
    assert loaded == ""


def test_more_words_than_a_picture_can_show_are_refused() -> None:
    corners = [pb.Point()] * 4
    line = pb.TextLine(polygon=corners, words=[pb.Word(polygon=corners)] * (MOST_PARTS // 2 + 1))
    recognition_from_proto(pb.Recognition(text_lines=[line]))
    plate = pb.Plate(lines=[line])
    with pytest.raises(InternalError, match="more values"):
        recognition_from_proto(pb.Recognition(text_lines=[line], plates=[plate]))


def test_a_word_of_three_corners_is_refused() -> None:
    word = pb.Word(polygon=[pb.Point()] * 3)
    message = pb.Recognition(text_lines=[pb.TextLine(polygon=[pb.Point()] * 4, words=[word])])
    with pytest.raises(InternalError):
        recognition_from_proto(message)


@given(RECOGNITIONS)
def test_every_row_has_all_keys(value: types.Recognition) -> None:
    _assert_all_keys(value, recognition_to_json(value))


def _assert_all_keys(value: Any, row: Any) -> None:
    if dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            _assert_all_keys(getattr(value, field.name), row[field.name])
    elif isinstance(value, tuple) and value and dataclasses.is_dataclass(value[0]):
        for part, inner in zip(value, row, strict=True):
            _assert_all_keys(part, inner)


def test_what_a_row_looks_like() -> None:
    value = types.Recognition(
        640,
        480,
        plates=(
            types.Plate(
                "KL 01\nCC 50",
                0.9,
                types.Box(0.1, 2, 3, 4),
                registration=types.Registration(format=types.RegistrationFormat.STANDARD),
            ),
        ),
    )
    row = recognition_to_json(value)
    plate = row["plates"][0]
    assert (row["vehicles"], row["text_lines"], row["timings"]) == ([], [], {})
    assert plate["box"] == {"x_min": 0.1, "y_min": 2.0, "x_max": 3.0, "y_max": 4.0}
    assert plate["confidence"] == 0.9
    assert plate["registration"]["format"] == "REGISTRATION_FORMAT_STANDARD"
    assert plate["colour"] == "PLATE_COLOUR_UNSPECIFIED"
    assert plate["vehicle_index"] is None
