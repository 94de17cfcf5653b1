"""Fuzzing: each malformed request gets an answer or an error of the contract, and the next valid
request is answered."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import numpy as np
import pytest
from decoding_fake import Decoder
from fuzz_pictures import pictures
from google.rpc.status_pb2 import Status
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from lipiyana.images.loading import ImageLimits
from lipiyana.pipeline import LocalRecognizer
from lipiyana.runtime.store import ModelStore
from lipiyana.server import ServerSettings, running_server
from lipiyana.server.calls.answers import ServedRecognizer
from lipiyana.v1 import recognition_pb2 as pb
from lipiyana.v1 import recognition_service_pb2 as service_pb
from lipiyana.wire.status import DETAILS_KEY, from_status

SERVICE = "/lipiyana.v1.RecognitionService"
QUICK = {"calls": 100, "streams": 50}
THOROUGH = {"calls": 10_000, "streams": 2_000}

FAULTS_OF_THE_CALLER = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
}
OUTCOMES = {0, *(code.value[0] for code in FAULTS_OF_THE_CALLER)}
"""Status numbers that single pictures may have."""

LIMITS = ImageLimits(max_pixels=200_000)


def picture(kind: str) -> bytes:
    ramp = np.arange(40 * 24 * 3, dtype=np.uint8).reshape(24, 40, 3)
    buffer = io.BytesIO()
    Image.fromarray(ramp).save(buffer, kind)
    return buffer.getvalue()


PICTURES = [picture(kind) for kind in ("PNG", "JPEG", "WEBP", "BMP", "TIFF")]


@st.composite
def damaged(draw: st.DrawFn, whole: st.SearchStrategy[bytes]) -> bytes:
    """Draw damaged bytes: changed, with a repeated part, truncated or extended."""
    data = bytearray(draw(whole))
    places = st.integers(0, max(0, len(data) - 1))
    for place, byte in draw(st.lists(st.tuples(places, st.integers(0, 255)), max_size=8)):
        data[place : place + 1] = bytes([byte])
    if draw(st.booleans()):
        start, end = sorted((draw(places), draw(places)))
        data[start:start] = data[start:end]
    end = draw(st.integers(0, len(data)) | st.just(len(data)))
    return bytes(data[:end]) + draw(st.binary(max_size=8))


NUMBERS = st.integers(0, 2**32 - 1) | st.integers(0, 64)
IMAGES = st.builds(
    pb.Image, encoded=damaged(st.sampled_from(PICTURES)) | st.binary(max_size=64)
) | st.builds(
    pb.Image,
    raw=st.builds(
        pb.RawImage,
        data=st.binary(max_size=64),
        width=NUMBERS,
        height=NUMBERS,
        pixel_format=st.integers(-1, 5),
    ),
)
CONFIGS = st.builds(
    pb.RecognitionConfig,
    features=st.lists(st.integers(-1, 5), max_size=4),
    layout=st.integers(-1, 5),
    script_hints=st.lists(st.text(max_size=4) | st.just("Deva"), max_size=3),
    min_confidence=st.none() | st.floats(width=32),
    cache_policy=st.integers(-1, 4),
    romanize=st.booleans(),
)
ONE = st.builds(service_pb.RecognizeRequest, image=IMAGES, config=CONFIGS)
SEVERAL = st.builds(
    service_pb.BatchRecognizeRequest, images=st.lists(IMAGES, max_size=5), config=CONFIGS
)
SETUP = st.builds(
    service_pb.StreamRecognizeRequest, setup=st.builds(service_pb.StreamSetup, config=CONFIGS)
)
FRAME = st.builds(
    service_pb.StreamRecognizeRequest,
    frame=st.builds(service_pb.StreamFrame, frame_id=NUMBERS, image=IMAGES),
)


def serialized(messages: st.SearchStrategy[Any]) -> st.SearchStrategy[bytes]:
    """Draw serialized messages, intact or damaged, and random bytes."""
    whole = messages.map(lambda message: bytes(message.SerializeToString()))
    return whole | damaged(whole) | st.binary(max_size=200)


CALLS = st.tuples(st.just("Recognize"), serialized(ONE)) | st.tuples(
    st.just("BatchRecognize"), serialized(SEVERAL)
)
# many streams begin with a valid setup, so that later messages are reached too
STREAMS = st.builds(
    lambda first, others: [first, *others],
    SETUP.map(lambda message: bytes(message.SerializeToString())) | serialized(SETUP),
    st.lists(serialized(FRAME | SETUP), max_size=5),
) | st.lists(serialized(FRAME), max_size=2)

GOOD = service_pb.RecognizeRequest(image=pb.Image(encoded=PICTURES[0])).SerializeToString()


def served(recognizer: ServedRecognizer) -> Iterator[grpc.Channel]:
    chosen = ServerSettings(port=0, threads=2, max_batch=4)
    with (
        running_server(recognizer, chosen) as server,
        grpc.insecure_channel(server.target) as connected,
    ):
        yield connected


@pytest.fixture(scope="module")
def decoding() -> Iterator[grpc.Channel]:
    """A server that decodes pictures but has no models."""
    yield from served(Decoder(LIMITS))


@pytest.fixture(scope="module")
def reading(store: ModelStore) -> Iterator[grpc.Channel]:
    """A server with real models."""
    yield from served(LocalRecognizer(store, limits=LIMITS))


def check_error(error: Any) -> None:
    """Assert that an error has a status of the contract, with the reason in its details."""
    assert error.code() in FAULTS_OF_THE_CALLER
    (data,) = [value for key, value in error.trailing_metadata() if key == DETAILS_KEY]
    known = from_status(Status.FromString(data))
    assert known.code == error.code().name
    assert known.reason not in {"", "UNKNOWN"}


def check_good(channel: grpc.Channel) -> None:
    answer = channel.unary_unary(f"{SERVICE}/Recognize")(GOOD, timeout=60)
    assert service_pb.RecognizeResponse.FromString(answer).recognition.image_width == 40


def check_call(channel: grpc.Channel, call: tuple[str, bytes]) -> None:
    rpc, message = call
    try:
        answer = channel.unary_unary(f"{SERVICE}/{rpc}")(message, timeout=60)
    except grpc.RpcError as error:
        check_error(error)
    else:
        if rpc == "BatchRecognize":
            items = service_pb.BatchRecognizeResponse.FromString(answer).items
            assert {item.error.code for item in items} <= OUTCOMES
    check_good(channel)


def check_stream(channel: grpc.Channel, messages: list[bytes]) -> None:
    call = channel.stream_stream(f"{SERVICE}/StreamRecognize")(iter(messages), timeout=60)
    try:
        for answer in call:
            response = service_pb.StreamRecognizeResponse.FromString(answer)
            assert response.error.code in OUTCOMES
    except grpc.RpcError as error:
        check_error(error)
    check_good(channel)


Check = Callable[[grpc.Channel, Any], None]
CHECKS: dict[str, tuple[Check, st.SearchStrategy[Any]]] = {
    "calls": (check_call, CALLS),
    "streams": (check_stream, STREAMS),
}


def fuzz(channel: grpc.Channel, kind: str, count: int) -> None:
    check, drawn = CHECKS[kind]

    @settings(max_examples=count, suppress_health_check=[HealthCheck.too_slow], database=None)
    @given(drawn)
    def run(value: Any) -> None:
        check(channel, value)

    run()


@pytest.mark.parametrize("kind", CHECKS)
def test_malformed_requests(decoding: grpc.Channel, kind: str) -> None:
    fuzz(decoding, kind, QUICK[kind])


def send_pictures(channel: grpc.Channel, count: int, seed: int) -> None:
    for index, data in enumerate(pictures(count, seed, bombs_every=20)):
        request = service_pb.RecognizeRequest(image=pb.Image(encoded=data))
        try:
            channel.unary_unary(f"{SERVICE}/Recognize")(request.SerializeToString(), timeout=60)
        except grpc.RpcError as error:
            check_error(error)
        if index % 20 == 0:
            check_good(channel)
    check_good(channel)


def test_damaged_pictures(decoding: grpc.Channel) -> None:
    send_pictures(decoding, 100, seed=3)


@pytest.mark.soak
def test_two_thousand_damaged_pictures(reading: grpc.Channel) -> None:
    send_pictures(reading, 2_000, seed=4)


@pytest.mark.soak
@pytest.mark.parametrize("kind", CHECKS)
def test_ten_thousand_malformed_requests(reading: grpc.Channel, kind: str) -> None:
    fuzz(reading, kind, THOROUGH[kind])
