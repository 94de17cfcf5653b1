"""Servers whose answers are not messages of the contract."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent import futures
from typing import Any

import grpc
import pytest
from google.protobuf import wrappers_pb2

from lipiyana.client import AsyncClient, Client
from lipiyana.errors import InternalError
from lipiyana.recognizer import FrameResult
from lipiyana.v1 import recognition_pb2 as pb
from lipiyana.v1 import recognition_service_pb2 as service_pb

MANY = 1_000_000


class _Garbage(grpc.GenericRpcHandler):
    def service(self, details: grpc.HandlerCallDetails) -> Any:
        def answer(requests: Iterator[bytes], _: grpc.ServicerContext) -> Iterator[bytes]:
            next(requests)
            yield b"\xff" * 100

        known = "RecognitionService" in details.method
        return grpc.stream_stream_rpc_method_handler(answer) if known else None


class _Endless(grpc.GenericRpcHandler):
    """Answers with a million values; the picture's bytes choose the kind of value."""

    def service(self, details: grpc.HandlerCallDetails) -> Any:
        if details.method.endswith("/StreamRecognize"):
            ids = service_pb.StreamRecognizeResponse(dropped_frame_ids=range(MANY))
            return grpc.stream_stream_rpc_method_handler(lambda _, __: iter([ids]), None, _bytes)
        known = details.method.endswith("/Recognize")
        return grpc.unary_unary_rpc_method_handler(_many, None, _bytes) if known else None


def _bytes(message: service_pb.RecognizeResponse | bytes) -> bytes:
    return message if isinstance(message, bytes) else message.SerializeToString()


def _many(request: bytes, _: grpc.ServicerContext) -> bytes:
    kind = service_pb.RecognizeRequest.FromString(request).image.encoded.decode()
    if kind in {"vehicles", "plates", "text_lines", "models"}:
        empty = pb.Recognition(**{kind: [{}]}).SerializeToString()
        return _field(service_pb.RecognizeResponse, "recognition", MANY * empty)
    if kind == "timings":
        found = pb.Recognition(timings={str(number): 0.0 for number in range(20_000)})
    elif kind == "plate_indices":
        found = pb.Recognition(vehicles=[pb.Vehicle(plate_indices=range(MANY))])
    elif kind == "lines":
        found = pb.Recognition(plates=[pb.Plate(lines=[pb.TextLine()] * MANY)])
    else:
        said = pb.Registration(**{kind: ["" if kind == "alternatives" else 0.0] * MANY})
        found = pb.Recognition(plates=[pb.Plate(registration=said)])
    return service_pb.RecognizeResponse(recognition=found).SerializeToString()


def _field(kind: Any, name: str, data: bytes) -> bytes:
    """Make a message with one field from serialized bytes."""
    unknown = wrappers_pb2.BytesValue(value=data).SerializeToString()
    assert kind.DESCRIPTOR.fields_by_name[name].number == 1  # BytesValue has the same number
    return unknown


@pytest.fixture
def endless() -> Iterator[str]:
    server = grpc.server(
        futures.ThreadPoolExecutor(4), options=[("grpc.max_send_message_length", -1)]
    )
    server.add_generic_rpc_handlers((_Endless(),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None)


@pytest.mark.parametrize(
    "kind",
    [
        "vehicles", "plates", "text_lines", "models", "timings", "plate_indices", "lines",
        "character_confidences", "alternatives",
    ],
)  # fmt: skip
def test_an_answer_with_a_million_values(endless: str, kind: str) -> None:
    with Client(endless) as client, pytest.raises(InternalError, match="than a picture can show"):
        client.recognize(kind.encode())


def test_a_result_with_a_million_dropped_frames(endless: str) -> None:
    with Client(endless) as client, pytest.raises(InternalError, match="dropped frames"):
        list(client.recognize_stream([b"a"]))


@pytest.fixture
def garbage() -> Iterator[str]:
    server = grpc.server(futures.ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers((_Garbage(),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None)


def test_garbage_answers_are_internal_errors(garbage: str) -> None:
    with Client(garbage) as client:
        for call in (
            lambda: client.recognize(b"a"),
            lambda: client.recognize_batch([b"a", b"b"]),
            lambda: list(client.recognize_stream([b"a"])),
        ):
            with pytest.raises(InternalError):
                call()


async def test_garbage_answers_to_the_asynchronous_client_are_internal_errors(garbage: str) -> None:
    async def stream(client: AsyncClient) -> list[FrameResult]:
        return [result async for result in client.recognize_stream([b"a"])]

    async with AsyncClient(garbage) as client:
        for call in (client.recognize(b"a"), client.recognize_batch([b"a", b"b"]), stream(client)):
            with pytest.raises(InternalError, match="not a message of the contract"):
                await call
