"""Requests that no client of this project would send; none of them is a bug of the server."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from decoding_fake import Decoder
from lipiyana.images import ImageLimits
from lipiyana.server import ServerSettings, running_server
from lipiyana.v1 import recognition_pb2 as pb
from lipiyana.v1 import recognition_service_pb2 as service_pb

SERVICE = "/lipiyana.v1.RecognitionService"
QUICK, THOROUGH = 100, 10_000

FAULTS_OF_THE_CALLER = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
}
UNPARSABLE = {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN}
"""What gRPC itself says of a message that does not parse."""


def picture(kind: str) -> bytes:
    ramp = np.arange(40 * 24 * 3, dtype=np.uint8).reshape(24, 40, 3)
    buffer = io.BytesIO()
    Image.fromarray(ramp).save(buffer, kind)
    return buffer.getvalue()


PICTURES = [picture(kind) for kind in ("PNG", "JPEG", "WEBP", "BMP", "TIFF")]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Draw a picture of which some bytes are other ones, and the end may be cut off or go on."""
    data = bytearray(draw(st.sampled_from(PICTURES)))
    for place, byte in draw(
        st.lists(st.tuples(st.integers(0, len(data) - 1), st.integers(0, 255)), max_size=8)
    ):
        data[place] = byte
    end = draw(st.integers(0, len(data)) | st.just(len(data)))
    return bytes(data[:end]) + draw(st.binary(max_size=8))


NUMBERS = st.integers(0, 2**32 - 1) | st.integers(0, 64)
IMAGES = st.builds(pb.Image, encoded=damaged() | st.binary(max_size=64)) | st.builds(
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
MESSAGES = st.one_of(
    st.builds(service_pb.RecognizeRequest, image=IMAGES, config=CONFIGS).map(
        lambda message: ("Recognize", message.SerializeToString())
    ),
    st.builds(
        service_pb.BatchRecognizeRequest, images=st.lists(IMAGES, max_size=5), config=CONFIGS
    ).map(lambda message: ("BatchRecognize", message.SerializeToString())),
    st.tuples(st.sampled_from(["Recognize", "BatchRecognize"]), st.binary(max_size=200)),
)
STREAMED = st.one_of(
    st.builds(
        service_pb.StreamRecognizeRequest, setup=st.builds(service_pb.StreamSetup, config=CONFIGS)
    ),
    st.builds(
        service_pb.StreamRecognizeRequest,
        frame=st.builds(service_pb.StreamFrame, frame_id=NUMBERS, image=IMAGES),
    ),
    st.builds(service_pb.StreamRecognizeRequest),
).map(lambda message: message.SerializeToString())

GOOD = service_pb.RecognizeRequest(image=pb.Image(encoded=PICTURES[0])).SerializeToString()


@pytest.fixture(scope="module")
def channel() -> Iterator[grpc.Channel]:
    chosen = ServerSettings(port=0, threads=2, max_batch=4)
    decoder = Decoder(ImageLimits(max_pixels=200_000))
    with (
        running_server(decoder, chosen) as server,
        grpc.insecure_channel(server.target) as connected,
    ):
        yield connected


def ask(channel: grpc.Channel, rpc: str, message: bytes) -> grpc.StatusCode:
    try:
        channel.unary_unary(f"{SERVICE}/{rpc}")(message, timeout=60)
    except grpc.RpcError as error:
        code: grpc.StatusCode = error.code()
        return code
    return grpc.StatusCode.OK


def parses(rpc: str, message: bytes) -> bool:
    kind = getattr(service_pb, f"{rpc}Request")
    try:
        kind.FromString(message)
    except Exception:
        return False
    return True


def check_call(channel: grpc.Channel, call: tuple[str, bytes]) -> None:
    code = ask(channel, *call)
    expected = {grpc.StatusCode.OK, *FAULTS_OF_THE_CALLER}
    if not parses(*call):
        expected |= UNPARSABLE
    assert code in expected
    assert ask(channel, "Recognize", GOOD) is grpc.StatusCode.OK


def check_stream(channel: grpc.Channel, messages: list[bytes]) -> None:
    call = channel.stream_stream(f"{SERVICE}/StreamRecognize")(iter(messages), timeout=60)
    try:
        for answer in call:
            response = service_pb.StreamRecognizeResponse.FromString(answer)
            assert response.error.code != grpc.StatusCode.INTERNAL.value[0]
        code = grpc.StatusCode.OK
    except grpc.RpcError as error:
        code = error.code()
    assert code in {grpc.StatusCode.OK, *FAULTS_OF_THE_CALLER}
    assert ask(channel, "Recognize", GOOD) is grpc.StatusCode.OK


Check = Callable[[grpc.Channel, Any], None]
CHECKS: list[tuple[Check, st.SearchStrategy[Any]]] = [
    (check_call, MESSAGES),
    (check_stream, st.lists(STREAMED, max_size=6)),
]


def fuzz(channel: grpc.Channel, check: Check, drawn: st.SearchStrategy[Any], count: int) -> None:
    @settings(max_examples=count, suppress_health_check=[HealthCheck.too_slow], database=None)
    @given(drawn)
    def run(value: Any) -> None:
        check(channel, value)

    run()


@pytest.mark.parametrize(("check", "drawn"), CHECKS)
def test_odd_requests(channel: grpc.Channel, check: Check, drawn: st.SearchStrategy[Any]) -> None:
    fuzz(channel, check, drawn, QUICK)


@pytest.mark.soak
@pytest.mark.parametrize(("check", "drawn"), CHECKS)
def test_many_odd_requests(
    channel: grpc.Channel, check: Check, drawn: st.SearchStrategy[Any]
) -> None:
    fuzz(channel, check, drawn, THOROUGH)
