"""Invalid arguments of a client and its calls are refused at once, with the right code to write."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import cv2
import pytest
from served_fake import PATIENCE, FakeRecognizer

from lipiyana import AsyncClient, Cancelled, Client, Frame, InvalidImage, InvalidRequest
from lipiyana.server import RecognitionServer

MADE_OF = [
    ({"target": 50051}, "target", "'localhost:50051'"),
    ({"target": "http://localhost:50051"}, "target", "write 'localhost:50051'"),
    ({"target": "localhost"}, "target", "write 'localhost:50051'"),
    ({"tls": "ca.pem"}, "tls", r"not str; write tls=grpc\.ssl_channel_credentials"),
    ({"tls": Path("ca.pem")}, "tls", "write tls=grpc"),
    ({"tls": b"-----BEGIN"}, "tls", "not bytes"),
    ({"tls": True}, "tls", "not bool"),
    ({"token": b"secret"}, "token", r"not bytes; write token\.decode\(\)"),
    ({"token": 7}, "token", "must be a str, not int"),
    ({"token": "Bearer secret"}, "token", "without the word Bearer"),
    ({"timeout": "5"}, "timeout", "a number of seconds, not '5'"),
    ({"timeout": float("nan")}, "timeout", "not nan"),
    ({"timeout": True}, "timeout", "not True"),
    ({"timeout": 0}, "timeout", "above 0"),
    ({"timeout": -1.5}, "timeout", "above 0"),
    ({"max_message_bytes": 0}, "max_message_bytes", "whole number"),
    ({"max_message_bytes": True}, "max_message_bytes", "whole number"),
    ({"max_message_bytes": 1e6}, "max_message_bytes", "whole number"),
    ({"max_message_bytes": 2**31}, "max_message_bytes", "whole number"),
]


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize(("arguments", "field", "says"), MADE_OF)
def test_invalid_client_arguments_are_refused(
    kind: type[Client | AsyncClient], arguments: dict[str, Any], field: str, says: str
) -> None:
    with pytest.raises(InvalidRequest, match=says) as caught:
        kind(**{"target": "localhost:1", **arguments})
    assert caught.value.field == field
    assert "secret" not in caught.value.message


CALLED_WITH: list[tuple[dict[str, Any], str]] = [
    ({"config": {"layout": "plate"}}, "config"),
    ({"timeout": "5"}, "timeout"),
    ({"request_id": 7}, "request_id"),
    ({"request_id": b"gate"}, "request_id"),
]


@pytest.mark.parametrize(("arguments", "field"), CALLED_WITH)
async def test_invalid_call_arguments_are_refused(
    server: RecognitionServer, client: Client, arguments: dict[str, Any], field: str
) -> None:
    streamed = {name: given for name, given in arguments.items() if name != "timeout"}
    async with AsyncClient(server.target) as asynchronous:
        for awaited in (
            asynchronous.recognize(b"a", **arguments),
            asynchronous.recognize_batch([b"a"], **arguments),
        ):
            with pytest.raises(InvalidRequest) as caught:
                await awaited
            assert caught.value.field == field
        for call in (
            lambda: client.recognize(b"a", **arguments),
            lambda: client.recognize_batch([b"a"], **arguments),
        ):
            with pytest.raises(InvalidRequest) as caught:
                call()
            assert caught.value.field == field
        for reader in (client, asynchronous):
            if streamed:  # refused before the first result is requested
                with pytest.raises(InvalidRequest) as caught:
                    reader.recognize_stream([b"a"], **streamed)
                assert caught.value.field == field


@pytest.mark.parametrize(
    "frames", ["street.jpg", b"a", Path("street.jpg"), Frame(1, b"a"), 7, None]
)
async def test_one_picture_is_refused_as_stream_or_batch(
    server: RecognitionServer, client: Client, frames: Any
) -> None:
    async with AsyncClient(server.target) as asynchronous:
        for reader in (client, asynchronous):
            with pytest.raises(InvalidRequest, match="recognize_stream") as caught:
                reader.recognize_stream(frames)
            assert caught.value.field == "frames"
        with pytest.raises(InvalidRequest, match="recognize_batch") as caught:
            await asynchronous.recognize_batch(frames)
        assert caught.value.field == "images"


@pytest.mark.parametrize("given", ["gate.mp4", cv2.VideoCapture()])
def test_a_video_is_refused_as_a_stream_with_advice(client: Client, given: Any) -> None:
    with pytest.raises(InvalidRequest, match=r'yield RawImage\.from_array\(frame, "bgr8"\)'):
        client.recognize_stream(given)


async def test_pictures_of_an_asynchronous_stream_are_numbered(
    server: RecognitionServer, tmp_path: Path
) -> None:
    path = tmp_path / "b.jpg"
    path.write_bytes(b"b")
    given: list[Any] = [b"a", str(path), Frame(40, path), 7]

    def synchronous_frames(answered: threading.Semaphore) -> Iterator[Any]:
        for picture in given:
            assert answered.acquire(timeout=PATIENCE)
            yield picture

    async def asynchronous_frames(answered: threading.Semaphore) -> AsyncIterator[Any]:
        for picture in given:
            assert await asyncio.to_thread(answered.acquire, timeout=PATIENCE)
            yield picture

    for source in (asynchronous_frames, synchronous_frames):
        answered = threading.Semaphore(1)
        seen = []
        async with AsyncClient(server.target) as client:
            async for result in client.recognize_stream(source(answered)):
                seen.append((result.frame_id, type(result.outcome) is InvalidImage))
                answered.release()
        assert seen == [(0, False), (1, False), (40, False), (3, True)]


def test_calls_of_a_closed_client_are_refused(
    server: RecognitionServer, fake: FakeRecognizer
) -> None:
    client = Client(server.target)
    client.close()
    for call in (
        lambda: client.recognize(b"a"),
        lambda: client.recognize_batch([b"a"]),
        lambda: list(client.recognize_stream([b"a"])),
    ):
        with pytest.raises(Cancelled, match="the client was closed"):
            call()
    client.close()
    assert fake.computed == []


async def test_calls_of_a_closed_asynchronous_client_are_refused(server: RecognitionServer) -> None:
    client = AsyncClient(server.target)
    opened = client.recognize_stream([b"a"])
    await client.close()
    for results in (opened, client.recognize_stream([b"a"])):
        with pytest.raises(Cancelled, match="the client was closed"):
            await anext(results)
    with pytest.raises(Cancelled, match="the client was closed"):
        await client.recognize_batch([b"a"])
