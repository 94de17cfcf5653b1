"""Faults of clients and networks; after each fault the next valid call must succeed."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import grpc
import numpy as np
import pytest
from decoding_fake import Decoder
from served_fake import PATIENCE, FakeRecognizer

import lipiyana.images.loading
from lipiyana.client import AsyncClient, Client
from lipiyana.client.channel import Endpoint
from lipiyana.client.failures import to_error
from lipiyana.errors import InvalidImage, Overloaded
from lipiyana.images.loading import ImageLimits
from lipiyana.server import RecognitionServer, ServerSettings, running_server
from lipiyana.server.tuning import WORKERS
from lipiyana.types import Frame, PixelFormat, RawImage
from lipiyana.v1 import recognition_pb2 as pb
from lipiyana.v1 import recognition_service_pb2 as service_pb

SERVICE = "/lipiyana.v1.RecognitionService"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
NOWHERE = Endpoint("localhost:1", None, 1, None, None)
GARBAGE = [b"", b"\0" * 100, b"GET / HTTP/1.1\r\n\r\n", PREFACE + bytes(range(256)) * 20]


@pytest.fixture
def good_client(server: RecognitionServer, fake: FakeRecognizer) -> Iterator[Client]:
    """A client whose call after the test must still be answered."""
    with Client(server.target) as client:
        yield client
        fake.release()
        assert client.recognize(b"the next good one").image_width == 64


def connect(server: RecognitionServer) -> socket.socket:
    host, _, port = server.target.rpartition(":")
    return socket.create_connection((host, int(port)), timeout=PATIENCE)


@pytest.mark.parametrize("sent", GARBAGE)
def test_connections_with_another_protocol(
    server: RecognitionServer, good_client: Client, sent: bytes
) -> None:
    for _ in range(5):
        with connect(server) as connection, contextlib.suppress(OSError):
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(4096):
                pass


def test_connections_that_are_reset(server: RecognitionServer, good_client: Client) -> None:
    for _ in range(20):
        with connect(server) as connection:
            connection.sendall(PREFACE)
            # close with RST instead of FIN
            linger = (1).to_bytes(4, "little") + (0).to_bytes(4, "little")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)


def test_malformed_messages(server: RecognitionServer, good_client: Client) -> None:
    with grpc.insecure_channel(server.target) as channel:
        for rpc in ("Recognize", "BatchRecognize"):
            with pytest.raises(grpc.RpcError) as caught:
                channel.unary_unary(f"{SERVICE}/{rpc}")(b"\xff" * 50, timeout=PATIENCE)
            assert reason(caught.value) == "UNPARSABLE_MESSAGE"
        for messages, expected in (
            ([b"\xff" * 50], "UNPARSABLE_MESSAGE"),
            ([setup(), b"\xff" * 50], "UNPARSABLE_MESSAGE"),
            ([setup()] * 3, "FRAME_EXPECTED"),
        ):
            stream = channel.stream_stream(f"{SERVICE}/StreamRecognize")
            with pytest.raises(grpc.RpcError) as caught:
                list(stream(iter(messages), timeout=PATIENCE))
            assert reason(caught.value) == expected


def reason(error: Any) -> str:
    """Return the reason of an INVALID_ARGUMENT error."""
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    return to_error(error.code(), error.details(), error.trailing_metadata(), NOWHERE).reason


def test_a_stream_of_undecodable_frames(good_client: Client) -> None:
    answered = threading.Semaphore(1)

    def frames() -> Iterator[Frame]:
        for number in range(50):
            assert answered.acquire(timeout=PATIENCE)
            yield Frame(number, b"bad %d" % number)

    outcomes = []
    for result in good_client.recognize_stream(frames()):
        outcomes.append(result.outcome)
        answered.release()
    assert len(outcomes) == 50
    assert all(isinstance(outcome, InvalidImage) for outcome in outcomes)


async def test_clients_that_disconnect_during_calls(
    fake: FakeRecognizer, settings: ServerSettings
) -> None:
    async with RecognitionServer(fake, settings) as server:
        fake.hold()
        gone = AsyncClient(server.target)
        calls = [asyncio.create_task(gone.recognize(b"running"))]
        await asyncio.to_thread(fake.wait_for, b"running")
        calls += [asyncio.create_task(gone.recognize(b"%d" % number)) for number in range(4)]
        await until(lambda: server.accepted == 5)
        await gone.close()
        await asyncio.gather(*calls, return_exceptions=True)
        await until(lambda: server.accepted == 1)
        fake.release()
        async with AsyncClient(server.target) as client:
            assert (await client.recognize(b"good")).image_width == 64
    assert fake.computed == [b"running", b"good"]


async def until(condition: Callable[[], bool]) -> None:
    """Run the event loop, which the server shares, until a condition is true."""
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0)


async def test_a_stream_that_is_never_read(fake: FakeRecognizer, settings: ServerSettings) -> None:
    async with (
        RecognitionServer(fake, settings) as server,
        grpc.aio.insecure_channel(server.target) as channel,
        AsyncClient(server.target) as client,
    ):
        slow = channel.stream_stream(f"{SERVICE}/StreamRecognize")()
        await slow.write(setup())
        for number in range(500):
            await slow.write(frame(number))
        # the stream's answers are not read, and other calls are still served
        for number in range(20):
            assert (await client.recognize(b"good %d" % number)).image_width == 64
        assert (await client.recognize(b"good")).image_width == 64
        slow.cancel()


def test_streams_are_bounded(fake: FakeRecognizer) -> None:
    settings = ServerSettings(port=0, threads=1, max_streams=2, shutdown_grace=0)
    over = threading.Event()

    def frames() -> Iterator[Frame]:
        yield Frame(1, b"a")
        assert over.wait(PATIENCE)

    with running_server(fake, settings) as server, Client(server.target) as client:
        streams = [client.recognize_stream(frames()) for _ in range(2)]
        for stream in streams:
            assert next(stream).frame_id == 1
        with pytest.raises(Overloaded) as caught:
            next(client.recognize_stream([Frame(1, b"a")]))
        assert caught.value.reason == "TOO_MANY_STREAMS"
        assert client.recognize(b"b").image_width == 64
        over.set()
        assert [list(stream) for stream in streams] == [[], []]
        assert next(client.recognize_stream([Frame(2, b"a")])).frame_id == 2


def test_pictures_over_the_limits_are_not_decoded(
    encode: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    large = np.zeros((200, 100, 3), np.uint8)
    pictures: list[bytes | RawImage] = [
        *(encode(large, kind) for kind in ("PNG", "JPEG", "WEBP", "BMP", "TIFF")),
        RawImage(large.tobytes(), 100, 200, PixelFormat.RGB8),
    ]
    pixels_taken = []
    take = lipiyana.images.loading.decode_pixels
    monkeypatch.setattr(
        lipiyana.images.loading,
        "decode_pixels",
        lambda opened, **how: pixels_taken.append(1) or take(opened, **how),
    )
    decoder = Decoder(ImageLimits(max_pixels=320 * 320 // 8))
    small = encode(np.zeros((50, 50, 3), np.uint8))
    decoder_settings = ServerSettings(port=0, threads=1, max_message_bytes=1_000_000)
    monkeypatch.setattr("lipiyana.server.server.WORKERS", replace(WORKERS, warm_up_side=32))
    with running_server(decoder, decoder_settings) as server, Client(server.target) as client:
        warm = decoder.decoded
        for picture in pictures:
            with pytest.raises(InvalidImage) as caught:
                client.recognize(picture)
            assert caught.value.reason == "IMAGE_TOO_LARGE"
        for outcome in client.recognize_batch(pictures):
            assert isinstance(outcome, InvalidImage)
        assert (decoder.decoded, pixels_taken) == (warm, [])
        assert client.recognize(small).image_width == 50


def setup() -> bytes:
    message = service_pb.StreamRecognizeRequest(setup=service_pb.StreamSetup())
    return message.SerializeToString()


def frame(number: int) -> bytes:
    image = pb.Image(encoded=b"%d" % number)
    message = service_pb.StreamFrame(frame_id=number, image=image)
    return service_pb.StreamRecognizeRequest(frame=message).SerializeToString()
