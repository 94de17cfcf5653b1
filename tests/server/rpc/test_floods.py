"""Floods of calls without a token, and connections that do not read."""

from __future__ import annotations

import asyncio
import hashlib
import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest
from raw_http2 import RawConnection
from served_fake import PATIENCE, FakeRecognizer

from lipiyana.client import Client
from lipiyana.errors import InvalidRequest, Unauthenticated
from lipiyana.server import RecognitionServer, ServerSettings, running_server
from lipiyana.server import server as server_module
from lipiyana.server.tuning import CONNECTIONS, ENDING
from lipiyana.types import Frame

RECOGNIZE = b"/lipiyana.v1.RecognitionService/Recognize"


@pytest.mark.parametrize("length", [3900, 5000, 20_000])
def test_large_metadata_is_refused(server: RecognitionServer, length: int) -> None:
    with Client(server.target, token="x" * length) as client:
        for call in (
            lambda: client.recognize(b"a"),
            lambda: list(client.recognize_stream([Frame(1, b"a")])),
        ):
            with pytest.raises(InvalidRequest) as caught:
                call()
            assert (caught.value.field, caught.value.reason) == ("token", "METADATA_TOO_LARGE")
    with Client(server.target, token="x" * 3000) as client:
        assert client.recognize(b"a", request_id="a" * 64).image_width == 64


def refused(server: RecognitionServer) -> float:
    """Return the number of calls that a server refused because of their token."""
    with urllib.request.urlopen(f"http://127.0.0.1:{server.metrics_port}/metrics") as response:
        lines = response.read().decode().splitlines()
    counted = 'lipiyana_requests_total{code="UNAUTHENTICATED",rpc="Recognize"} '
    return sum(float(line.removeprefix(counted)) for line in lines if line.startswith(counted))


def test_refusals_of_one_connection_are_limited_and_hold_their_places(
    fake: FakeRecognizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = replace(CONNECTIONS, refusals_per_second=0.001)
    monkeypatch.setattr(server_module, "CONNECTIONS", slow)
    calls = 24
    tokens = tmp_path / "tokens.toml"
    tokens.write_text(f'[gate]\nsha256 = "{hashlib.sha256(b"good").hexdigest()}"\n')
    settings = ServerSettings(
        port=0, metrics_port=0, threads=1, tokens=tokens, shutdown_grace=0,
        max_connection_calls=calls,
    )  # fmt: skip
    with (
        running_server(fake, settings) as server,
        RawConnection(server.target, PATIENCE) as raw,
        Client(server.target, token="good") as client,
        Client(server.target) as stranger,
    ):
        for _ in range(CONNECTIONS.refusals_at_once):
            raw.wait_for_end(raw.open(RECOGNIZE, end=True))
        held = [raw.open(RECOGNIZE) for _ in range(calls)]
        while refused(server) < CONNECTIONS.refusals_at_once + calls:
            pass
        for stream in held:
            raw.reset(stream)
        raw.sync()
        late = [raw.open(RECOGNIZE) for _ in range(3)]
        raw.sync()
        assert raw.ended >= set(late[1:])  # by gRPC: nothing of the server has seen them
        assert refused(server) <= CONNECTIONS.refusals_at_once + calls + 1
        with pytest.raises(Unauthenticated):
            stranger.recognize(b"a")
        assert client.recognize(b"a").image_width == 64


async def test_clients_that_do_not_read_do_not_delay_the_shutdown(
    fake: FakeRecognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "ENDING", replace(ENDING, abandoned_seconds=0.05))
    server = RecognitionServer(fake, ServerSettings(port=0, threads=1, shutdown_grace=1000))
    await server.start()
    raw = await asyncio.to_thread(RawConnection, server.target, PATIENCE)
    async with asyncio.timeout(15):  # gRPC's own limit is 20 s
        assert await server.stop() == 0
    raw.close()
