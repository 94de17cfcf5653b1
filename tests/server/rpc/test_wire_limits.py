from __future__ import annotations

import pytest
from google.protobuf.internal.encoder import _VarintBytes

from lipiyana.errors import InvalidRequest
from lipiyana.server.rpc.messages import Limit, WireLimits
from lipiyana.server.tuning import MESSAGES
from lipiyana.v1 import recognition_pb2 as pb
from lipiyana.v1 import recognition_service_pb2 as service_pb

MILLION = 1_000_000
LIMITS = {
    "images": Limit(4, "BATCH_TOO_LARGE", "max_batch"),
    "features": Limit(MESSAGES.max_features),
    "script_hints": Limit(MESSAGES.max_script_hints),
}
CONFIG = pb.RecognitionConfig(
    features=[1, 2, 3],
    script_hints=["Deva"] * MESSAGES.max_script_hints,
    min_confidence=0.5,
    romanize=True,
    words=True,
)
GOOD = [
    service_pb.RecognizeRequest(image=pb.Image(encoded=b"\xff" * 100_000), config=CONFIG),
    service_pb.RecognizeRequest(
        image=pb.Image(raw=pb.RawImage(data=b"a", width=2**32 - 1, height=1, pixel_format=1))
    ),
    service_pb.BatchRecognizeRequest(images=[pb.Image(encoded=b"a")] * 4, config=CONFIG),
    service_pb.StreamRecognizeRequest(setup=service_pb.StreamSetup(config=CONFIG)),
    service_pb.StreamRecognizeRequest(
        frame=service_pb.StreamFrame(frame_id=2**64 - 1, image=pb.Image(encoded=b"a"))
    ),
    service_pb.RecognizeRequest(),
]


def field(number: int, data: bytes) -> bytes:
    return _VarintBytes(number << 3 | 2) + _VarintBytes(len(data)) + data


def limits(kind: type) -> WireLimits:
    return WireLimits(kind.DESCRIPTOR, LIMITS)


@pytest.mark.parametrize("message", GOOD)
def test_messages_of_clients_pass(message: service_pb.RecognizeRequest) -> None:
    data = message.SerializeToString()
    limits(type(message)).check(data)
    # unknown fields, as later versions of the contract may add
    limits(type(message)).check(data + field(77, b"new") + b"\xf8\x06\x01")


ONE, SEVERAL, STREAM = (
    service_pb.RecognizeRequest,
    service_pb.BatchRecognizeRequest,
    service_pb.StreamRecognizeRequest,
)
EXCESS = {
    "packed": (ONE, field(2, field(1, b"\1" * MILLION)), "features"),
    "packed in parts": (ONE, field(2, field(1, b"\1" * 9) * 2), "features"),
    "one by one": (ONE, field(2, b"\x08\1" * MILLION), "features"),
    "hints": (ONE, field(2, b"\x1a\4Deva" * MILLION), "script_hints"),
    "a long hint": (ONE, field(2, field(3, b"a" * (MESSAGES.max_text_bytes + 1))), "script_hints"),
    "empty images": (SEVERAL, b"\x0a\0" * MILLION, "images"),
    "configs, which are merged": (ONE, b"\x12\0" * 2, "config"),
    "unknown": (ONE, b"\x78\1" * MILLION, "RecognizeRequest"),
    "known again": (ONE, field(1, field(2, b"\x10\1" * (MESSAGES.max_fields + 1))), "RawImage"),
    "groups": (ONE, b"\x7b" * MILLION + b"\x7c" * MILLION, ""),
    "of a batch": (SEVERAL, field(2, field(1, b"\1" * MILLION)), "features"),
    "of a setup": (STREAM, field(1, field(1, field(1, b"\1" * MILLION))), "features"),
    "of a frame": (STREAM, field(2, b"\x08\1" * MILLION), "StreamFrame"),
}


@pytest.mark.parametrize("name", EXCESS)
def test_excess_values_are_refused_before_they_are_parsed(name: str) -> None:
    kind, data, expected = EXCESS[name]
    seen = Counted(data)
    with pytest.raises(InvalidRequest) as caught:
        limits(kind).check(seen)
    assert caught.value.field == expected
    assert seen.reads < 1000


class Counted(bytes):
    """Bytes that count the accesses to single bytes."""

    reads = 0

    def __getitem__(self, key):  # type: ignore[no-untyped-def, override]
        self.reads += 1
        return super().__getitem__(key)


@pytest.mark.parametrize(
    "data", [b"\xff" * 50, b"\x0a", b"\x0a\xff\xff\xff\xff\x0f", b"\x0a\x05a", b"\x09", b"\x80"]
)
def test_malformed_bytes_are_left_to_the_parser(data: bytes) -> None:
    limits(ONE).check(data)


def test_every_repeated_field_has_a_limit() -> None:
    with pytest.raises(KeyError):
        WireLimits(ONE.DESCRIPTOR, {"features": Limit(1)})
