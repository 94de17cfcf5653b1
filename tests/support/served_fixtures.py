"""Fixtures with a served fake recognizer, for import in the `conftest.py` of a folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from served_fake import FakeRecognizer

from lipiyana.client import Client
from lipiyana.server import RecognitionServer, ServerSettings, running_server


@pytest.fixture
def fake() -> Iterator[FakeRecognizer]:
    recognizer = FakeRecognizer()
    yield recognizer
    recognizer.release()


@pytest.fixture
def settings() -> ServerSettings:
    return ServerSettings(port=0, threads=1, max_queue=4, max_batch=4, shutdown_grace=20)


@pytest.fixture
def server(fake: FakeRecognizer, settings: ServerSettings) -> Iterator[RecognitionServer]:
    with running_server(fake, settings) as running:
        yield running
        fake.release()


@pytest.fixture
def client(server: RecognitionServer) -> Iterator[Client]:
    with Client(server.target) as connected:
        yield connected
