"""Misbehaving clients of the HTTP port must not affect the others."""

from __future__ import annotations

import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from http import HTTPStatus
from http.client import HTTPConnection

import pytest
from served_fake import PATIENCE

from lipiyana.server.http import metrics_endpoint
from lipiyana.server.http.metrics_endpoint import Answer, Exposition, SmallHttpServer
from lipiyana.server.tuning import HTTP

LARGE = b"x" * 8_000_000


def fail() -> Answer:
    raise KeyError("KL01CC50")


@pytest.fixture
def port() -> Iterator[int]:
    answers = {
        "/ready": lambda: Answer(HTTPStatus.OK, "text/plain", b"ready"),
        "/large": lambda: Answer(HTTPStatus.OK, "text/plain", LARGE),
        "/fails": fail,
    }
    server = SmallHttpServer("127.0.0.1", 0, answers)
    yield server.port
    server.close()
    server.close()


def get(port: int, path: str) -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=PATIENCE) as response:
        return bytes(response.read())


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)


def answer_to(port: int, request: bytes) -> bytes:
    with connect(port) as connection:
        connection.sendall(request)
        return read_to_end(connection)


def read_to_end(connection: socket.socket) -> bytes:
    """Read until the connection is closed or reset."""
    found = b""
    try:
        while data := connection.recv(1 << 16):
            found += data
    except ConnectionError:
        pass
    return found


def test_each_path_has_its_answer(port: int) -> None:
    assert get(port, "/ready?a=b") == b"ready"
    assert get(port, "/large") == LARGE
    client = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    client.request("HEAD", "/ready")
    response = client.getresponse()
    assert (response.status, response.read()) == (200, b"")
    with connect(port) as slow:
        for part in (b"GET /re", b"ady HTTP/1.1\r\n", b"Host: x\r\n\r\n"):
            slow.sendall(part)
        assert read_to_end(slow).endswith(b"\r\n\r\nready")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /other HTTP/1.1\r\n\r\n", 404),
        (b"POST /ready HTTP/1.1\r\n\r\n", 501),
        (b"\xff\r\n\r\n", 400),
        (b"GET /ready\r\n\r\n", 400),
        (b"GET /fails HTTP/1.1\r\n\r\n", 500),
        (b"GET /" + b"x" * (HTTP.max_request_bytes - 5), 431),
    ],
)
def test_bad_requests_are_refused(port: int, request_: bytes, status: int) -> None:
    answer = answer_to(port, request_)
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert b"KL01CC50" not in answer


def test_stalled_clients_block_nobody(port: int) -> None:
    stalled = [connect(port) for _ in range(3 * HTTP.max_connections)]
    for connection in stalled:
        connection.sendall(b"GET /ready HTTP/1.1\r\nX: ")
        assert get(port, "/ready") == b"ready"
    for connection in stalled[: HTTP.max_connections]:
        assert read_to_end(connection) == b""
    stalled[-1].sendall(b"\r\n\r\n")
    assert read_to_end(stalled[-1]).endswith(b"ready")
    for connection in stalled:
        connection.close()


def test_clients_that_do_not_read_their_answer_block_nobody(port: int) -> None:
    stalled = [connect(port) for _ in range(3 * HTTP.max_connections)]
    for connection in stalled:
        connection.sendall(b"GET /large HTTP/1.1\r\n\r\n")
        assert get(port, "/ready") == b"ready"
    for connection in stalled:
        connection.close()


def test_a_connection_ends_at_its_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics_endpoint, "HTTP", replace(HTTP, connection_seconds=0.01))
    server = SmallHttpServer("127.0.0.1", 0, {})
    with connect(server.port) as connection:
        assert read_to_end(connection) == b""
    server.close()


def test_metrics_are_not_rendered_too_often() -> None:
    made: list[bytes] = []
    now = [0.0]

    def make() -> bytes:
        made.append(b"%d" % len(made))
        return made[-1]

    exposition = Exposition(make, timer=lambda: now[0])
    bodies = [exposition().body for _ in range(5 * HTTP.fresh_at_once)]
    assert bodies[-1] == made[-1]
    assert len(made) == HTTP.fresh_at_once
    now[0] += 1 / HTTP.fresh_per_second
    exposition()
    assert len(made) == HTTP.fresh_at_once + 1
