"""The HTTP API over real sockets, with a fake recognizer."""

from __future__ import annotations

import json
from typing import Any

import pytest
from http_calls import Http, SeesConfigs, raw, text_of
from served_fake import recognition

from lipiyana.client import Client
from lipiyana.server import RecognitionServer, ServerSettings
from lipiyana.types import Layout
from lipiyana.wire.results import recognition_to_json

ONE, BATCH = "/v1/recognize", "/v1/recognize:batch"
POST = b"POST /v1/recognize HTTP/1.1\r\nHost: localhost\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"


@pytest.fixture
def fake() -> SeesConfigs:
    return SeesConfigs()


def test_the_answer_is_that_of_the_command_line(http: Http) -> None:
    reply = http.recognize(b"hello")
    expected = recognition_to_json(recognition("hello")) | {"cache_outcome": "CACHE_OUTCOME_MISS"}
    assert reply.headers["content-type"] == "application/json"
    assert reply.json == expected
    assert http.recognize(b"hello").json["cache_outcome"] == "CACHE_OUTCOME_HIT"


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", ONE, (405, "INVALID_ARGUMENT", "METHOD_NOT_ALLOWED")),
        ("PUT", BATCH, (405, "INVALID_ARGUMENT", "METHOD_NOT_ALLOWED")),
        ("BREW", ONE, (405, "INVALID_ARGUMENT", "METHOD_NOT_ALLOWED")),
        ("OPTIONS", ONE, (405, "INVALID_ARGUMENT", "METHOD_NOT_ALLOWED")),
        ("POST", "/v1/models", (405, "INVALID_ARGUMENT", "METHOD_NOT_ALLOWED")),
        ("GET", "/v2", (404, "NOT_FOUND", "NO_SUCH_PATH")),
        ("GET", "/static/../../app.py", (404, "NOT_FOUND", "NO_SUCH_PATH")),
        ("GET", "/samples/%2e%2e/truth.jsonl", (404, "NOT_FOUND", "NO_SUCH_PATH")),
        ("GET", "/v1/stream", (404, "NOT_FOUND", "NO_SUCH_PATH")),
    ],
)
def test_what_no_route_takes(http: Http, method: str, path: str, expected: Any) -> None:
    reply = http.call(method, path)
    assert reply.outcome == expected
    if reply.status == 405:
        assert reply.headers["allow"]


def test_the_cache_is_that_of_grpc(http: Http, client: Client, fake: SeesConfigs) -> None:
    client.recognize(b"a")
    assert http.recognize(b"a").json["cache_outcome"] == "CACHE_OUTCOME_HIT"
    assert fake.computed == [b"a"]


def test_models_say_what_can_be_asked(http: Http, settings: ServerSettings) -> None:
    found = http.get("/v1/models").json
    assert found["layouts"] == [layout.value for layout in Layout]
    assert (found["max_batch"], found["max_message_bytes"]) == (4, settings.max_message_bytes)


def test_requests_of_one_connection_are_answered_in_order(server: RecognitionServer) -> None:
    request = POST + b"Content-Length: 1\r\n\r\n"
    with raw(server) as connection:
        connection.send(b"".join(request + b"%d" % n for n in range(10)))
        texts = [text_of(connection.answer()) for _ in range(10)]
    assert texts == [str(n) for n in range(10)]


def test_chunks_make_a_body(server: RecognitionServer) -> None:
    with raw(server) as connection:
        connection.send(
            POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"
        )
        assert text_of(connection.answer()) == "hello"


def test_a_client_may_wait_until_the_body_is_wanted(server: RecognitionServer) -> None:
    with raw(server) as connection:
        connection.send(POST + b"Content-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        assert connection.head().startswith(b"HTTP/1.1 100 ")
        connection.send(b"hello")
        assert text_of(connection.answer()) == "hello"


def test_http_1_0_is_answered(server: RecognitionServer) -> None:
    with raw(server) as connection:
        connection.send(b"POST /v1/recognize HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello")
        assert text_of(connection.answer()) == "hello"
        assert connection.rest() == b""


@pytest.mark.parametrize(
    "request_",
    [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
        POST + b"Content-Length: -1\r\n\r\n",
        POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
        POST + b"Transfer-Encoding: gzip\r\n\r\n",
        POST + b"Content-Length: 5\r\n" + CHUNKED + b"\r\n0\r\n\r\n",
        POST + CHUNKED + b"Content-Length: 5\r\n" + b"\r\n0\r\n\r\n",
        b"POST /v1/recognize HTTP/1.0\r\n" + CHUNKED + b"\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nA: " + b"b" * 20_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"A: b\r\n" * 5_000 + b"\r\n",
    ],
)
def test_what_is_no_request(server: RecognitionServer, http: Http, request_: bytes) -> None:
    with raw(server) as connection:
        connection.send(request_)
        found = connection.rest()
    assert found.startswith(b"HTTP/1.1 400 ")
    assert json.loads(found.partition(b"\r\n\r\n")[2])["code"] == "INVALID_ARGUMENT"
    assert http.get("/healthz").status == 200
