from __future__ import annotations

from collections.abc import Iterator

import pytest
from http_calls import Http

from lipiyana.server import RecognitionServer, ServerSettings


@pytest.fixture
def settings() -> ServerSettings:
    return ServerSettings(
        port=0, http_port=0, threads=1, max_queue=4, max_batch=4, shutdown_grace=20
    )


@pytest.fixture
def http(server: RecognitionServer) -> Iterator[Http]:
    client = Http(server)
    yield client
    client.close()
