"""A stream that the server refuses while the client sends frames ends with the server's reason."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from served_fake import FakeRecognizer

from lipiyana import AsyncClient
from lipiyana.errors import LipiyanaError, Unauthenticated
from lipiyana.server import ServerSettings, running_server
from lipiyana.types import Frame

CLIENTS = 5
STREAMS = 12  # per client, below the limit of refusals per connection


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    path = tmp_path / "tokens.toml"
    path.write_text(f'[camera]\nsha256 = "{hashlib.sha256(b"right").hexdigest()}"\n')
    path.chmod(0o600)
    return path


async def refusal(client: AsyncClient, frames: list[Frame]) -> LipiyanaError | None:
    try:
        async for _ in client.recognize_stream(frames):
            pass
    except LipiyanaError as error:
        return error
    return None


@pytest.mark.parametrize("size", [10, 100_000])
async def test_a_refused_stream_has_the_reason_of_the_server(tokens: Path, size: int) -> None:
    # regression test: a third of the streams ended before a whole frame was sent, without a reason
    frames = [Frame(number, bytes(size)) for number in range(3)]
    ends = []
    with running_server(FakeRecognizer(), ServerSettings(port=0, tokens=tokens)) as server:
        for _ in range(CLIENTS):
            async with AsyncClient(server.target, token="wrong") as client:
                ends += [await refusal(client, frames) for _ in range(STREAMS)]
    assert {(type(end), end and end.reason) for end in ends} == {(Unauthenticated, "TOKEN_UNKNOWN")}
    assert len(ends) == CLIENTS * STREAMS
