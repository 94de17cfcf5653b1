"""Streams to a server that vanished: the connection is open but nothing answers."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from served_fake import PATIENCE

from lipiyana.client import AsyncClient, Client, channel
from lipiyana.errors import Unavailable
from lipiyana.types import Frame

GREETING = bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]) + bytes([0, 0, 0, 4, 1, 0, 0, 0, 0])
"""The HTTP/2 SETTINGS frame of a server, and its acknowledgement of the client's."""

FRAMES = [Frame(1, b"a")]


@pytest.fixture
def vanished(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The target of a server that is silent after its greeting; clients send pings soon."""
    monkeypatch.setattr(channel, "KEEPALIVE_MS", 100)
    monkeypatch.setattr(channel, "KEEPALIVE_TIMEOUT_MS", 100)

    def greet() -> None:
        connection, _ = listening.accept()
        with connection, contextlib.suppress(OSError):
            connection.sendall(GREETING)
            while connection.recv(4096):
                pass

    with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor(1) as threads:
        listening.settimeout(PATIENCE)
        threads.submit(greet)
        yield f"127.0.0.1:{listening.getsockname()[1]}"


def test_a_stream_to_a_vanished_server_ends(vanished: str) -> None:
    with ThreadPoolExecutor(1) as threads, Client(vanished) as client:
        call = threads.submit(list, client.recognize_stream(FRAMES))
        assert isinstance(call.exception(PATIENCE), Unavailable)


async def test_an_asynchronous_stream_to_a_vanished_server_ends(vanished: str) -> None:
    async def follow() -> None:
        async for _ in client.recognize_stream(FRAMES):
            pass

    async with AsyncClient(vanished) as client:
        with pytest.raises(Unavailable):
            await asyncio.wait_for(follow(), PATIENCE)


def test_without_calls_no_pings_are_sent() -> None:
    options = dict(channel.Endpoint("localhost:1", None, 1, None, None).options)
    assert options["grpc.keepalive_permit_without_calls"] == 0
