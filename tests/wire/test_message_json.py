from __future__ import annotations

import math
import struct

import pytest
from google.protobuf.json_format import MessageToDict
from hypothesis import given
from hypothesis import strategies as st

from lipiyana.v1 import recognition_pb2 as pb
from lipiyana.wire.message_json import message_to_dict, shortest_float


def as_protobuf_does(message: pb.Recognition) -> object:
    return MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )


floats = st.floats(width=32)
numbers = st.integers(0, 2**32 - 1)
words = st.text(max_size=5)
points = st.builds(pb.Point, x=floats, y=floats)
boxes = st.builds(pb.Box, x_min=floats, y_min=floats, x_max=floats, y_max=floats)
lines = st.builds(
    pb.TextLine, text=words, script=words, confidence=floats, polygon=st.lists(points, max_size=4)
)
registrations = st.builds(
    pb.Registration,
    canonical=words,
    valid=st.booleans(),
    format=st.integers(0, 40),
    category=st.integers(0, 40),
    character_confidences=st.lists(floats, max_size=3),
    alternatives=st.lists(words, max_size=3),
)
optional = st.none() | numbers
recognitions = st.builds(
    pb.Recognition,
    image_width=numbers,
    vehicles=st.lists(
        st.builds(
            pb.Vehicle,
            label=words,
            box=st.none() | boxes,
            track_id=optional,
            plate_indices=st.lists(numbers, max_size=3),
        ),
        max_size=2,
    ),
    plates=st.lists(
        st.builds(
            pb.Plate,
            text=words,
            lines=st.lists(lines, max_size=2),
            registration=st.none() | registrations,
            vehicle_index=optional,
        ),
        max_size=2,
    ),
    text_lines=st.lists(lines, max_size=3),
    cache_outcome=st.integers(0, 3),
    models=st.lists(st.builds(pb.ModelInfo, name=words), max_size=2),
    timings=st.dictionaries(words, floats, max_size=3),
)


@given(recognitions)
def test_it_is_what_protobuf_gives(message: pb.Recognition) -> None:
    # NaN is a text in JSON, so equal dictionaries compare as equal
    assert message_to_dict(message) == as_protobuf_does(message)


def test_empty_fields_are_there() -> None:
    assert message_to_dict(pb.Recognition()) == as_protobuf_does(pb.Recognition())


@given(floats)
def test_floats_keep_their_value(value: float) -> None:
    short = float(shortest_float(value))
    assert math.isnan(value) or struct.pack("<f", short) == struct.pack("<f", value)


@pytest.mark.parametrize("value", [0.0, -0.0, 1e-45, 3.4028234663852886e38, 16777216.0, 0.1])
def test_floats_are_as_short_as_those_of_protobuf(value: float) -> None:
    point = pb.Point(x=value)
    assert str(message_to_dict(point)["x"]) == str(as_protobuf_does(point)["x"])  # type: ignore[arg-type, index]
