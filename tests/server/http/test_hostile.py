"""Clients that try to use up memory, time or connections of the HTTP port."""

from __future__ import annotations

import json
import socket
from contextlib import ExitStack
from dataclasses import replace

import pytest
from http_calls import Http, Raw, raw, until
from served_fake import SECRET, FakeRecognizer, recognition

from lipiyana.server import RecognitionServer, ServerSettings, running_server
from lipiyana.server.http import app, sending
from lipiyana.server.http.port import connections, protocols
from lipiyana.server.http.requests import bodies
from lipiyana.server.http.requests.bodies import parse_json
from lipiyana.server.http.tuning import REST
from lipiyana.types import Recognition

LIMIT = 64 * 1024
POST = b"POST /v1/recognize HTTP/1.1\r\nHost: localhost\r\n"


@pytest.fixture
def settings() -> ServerSettings:
    return ServerSettings(
        port=0, http_port=0, threads=1, max_message_bytes=LIMIT, max_connections=4,
        receive_timeout=30, max_receiving_bytes=3 * LIMIT,
    )  # fmt: skip


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    short = replace(REST, request_seconds=0.2, answer_seconds=0.2, linger_seconds=0.2)
    for module in (bodies, connections, protocols, sending):
        monkeypatch.setattr(module, "REST", short)


def refused(connection: Raw) -> tuple[int, str, str]:
    reply = connection.answer()
    assert reply.headers["connection"] == "close"
    assert connection.rest() == b""
    return reply.outcome


def send_endlessly(connection: Raw) -> None:
    while True:
        connection.send(bytes(10**6))


def test_a_declared_body_over_the_limit_is_not_read(server: RecognitionServer) -> None:
    with raw(server) as connection:
        connection.send(POST + b"Content-Length: %d\r\n\r\n" % 10**15)
        assert refused(connection) == (413, "RESOURCE_EXHAUSTED", "MESSAGE_TOO_LARGE")
    with raw(server) as connection:
        connection.send(POST + b"Content-Length: %d\r\nExpect: 100-continue\r\n\r\n" % 10**9)
        assert refused(connection) == (413, "RESOURCE_EXHAUSTED", "MESSAGE_TOO_LARGE")


def test_a_chunked_body_over_the_limit_is_not_read_to_its_end(server: RecognitionServer) -> None:
    chunk = b"%x\r\n%s\r\n" % (LIMIT // 4, bytes(LIMIT // 4))
    with raw(server) as connection:
        connection.send(POST + b"Transfer-Encoding: chunked\r\n\r\n" + 5 * chunk)
        assert refused(connection) == (413, "RESOURCE_EXHAUSTED", "MESSAGE_TOO_LARGE")


def test_the_answer_arrives_though_the_client_still_sends(http: Http) -> None:
    reply = http.recognize(bytes(30 * LIMIT))
    assert reply.outcome == (413, "RESOURCE_EXHAUSTED", "MESSAGE_TOO_LARGE")


@pytest.mark.usefixtures("impatient")
def test_a_client_that_never_ends_its_body_is_cut_off(server: RecognitionServer) -> None:
    with raw(server) as connection:
        connection.send(POST + b"Content-Length: %d\r\n\r\n" % 10**15)
        assert connection.answer().status == 413
        with pytest.raises(OSError, match=r"reset|[Bb]roken"):
            send_endlessly(connection)
    until(lambda: server._http.connections == 0)  # type: ignore[union-attr]


def test_tiny_chunks_are_refused(server: RecognitionServer) -> None:
    with raw(server) as connection:
        connection.send(POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 2000)
        assert connection.rest().startswith(b"HTTP/1.1 400 ")


def test_a_slow_body_has_a_timeout(fake: FakeRecognizer, settings: ServerSettings) -> None:
    hasty = settings.model_copy(update={"receive_timeout": 0.1})
    with running_server(fake, hasty) as server, raw(server) as connection:
        connection.send(POST + b"Content-Length: 100\r\n\r\nslow")
        assert refused(connection) == (504, "DEADLINE_EXCEEDED", "MESSAGE_TIMEOUT")


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHo"])
def test_a_slow_head_has_a_timeout(server: RecognitionServer, sent: bytes) -> None:
    with raw(server) as connection:
        connection.send(sent)
        assert connection.rest() == b""


@pytest.mark.usefixtures("impatient")
def test_a_slow_head_after_an_answer_has_a_timeout(server: RecognitionServer) -> None:
    with raw(server) as connection:
        connection.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /he")
        assert connection.answer().status == 200
        assert connection.rest() == b""


def test_bodies_are_received_in_turns_with_those_of_grpc(
    server: RecognitionServer, http: Http
) -> None:
    places = server._recognitions.receiving.places
    with ExitStack() as stack:
        slow = [stack.enter_context(raw(server)) for _ in range(2)]
        for connection in slow:
            connection.send(POST + b"Content-Length: 100\r\n\r\nslow")
        until(lambda: places.taken == 2)  # one client gets at most all but one of three
        waits = stack.enter_context(raw(server))
        waits.send(POST + b"Content-Length: 1\r\n\r\na")
        until(lambda: places.waiting == 1)
        slow[0].close()
        assert waits.answer().status == 200


class Wordy(FakeRecognizer):
    """Finds megabytes of text."""

    def recognize(self, *arguments: object, **named: object) -> Recognition:
        super().recognize(*arguments, **named)  # type: ignore[arg-type]
        found = recognition("word")
        return replace(found, text_lines=found.text_lines * 20_000)


@pytest.mark.usefixtures("impatient")
def test_a_client_that_does_not_read_its_answer_is_cut_off(settings: ServerSettings) -> None:
    with (
        running_server(Wordy(), settings.model_copy(update={"max_message_bytes": 2**22,
            "max_receiving_bytes": 2**24})) as server,
        raw(server, receive_buffer=4096) as connection,
    ):  # fmt: skip
        connection.send(POST + b"Content-Length: 1\r\n\r\na")
        unread = server._recognitions.unread
        until(lambda: unread.size > 0)
        until(lambda: server._http.connections == 0)  # type: ignore[union-attr]
        assert unread.size == 0
        assert server.unanswered == 0


def test_idle_connections_give_way(server: RecognitionServer, http: Http) -> None:
    with ExitStack() as stack:
        idle = [stack.enter_context(raw(server)) for _ in range(50)]
        assert http.get("/healthz").status == 200
        assert server._http.connections <= 4  # type: ignore[union-attr]
        for connection in idle[:40]:
            assert connection.rest() == b""


def test_busy_connections_do_not_give_way(server: RecognitionServer, fake: FakeRecognizer) -> None:
    fake.hold()
    with ExitStack() as stack:
        busy = [stack.enter_context(raw(server)) for _ in range(4)]
        for n, connection in enumerate(busy):
            connection.send(POST + b"Content-Length: 1\r\n\r\n%d" % n)
        until(lambda: server.accepted == 4)
        assert stack.enter_context(raw(server)).rest() == b""
        fake.release()
        assert [connection.answer().status for connection in busy] == [200] * 4


def test_a_pipelined_flood_is_answered_one_by_one(
    server: RecognitionServer, fake: FakeRecognizer
) -> None:
    fake.hold()
    with raw(server) as connection:
        connection.send((POST + b"Content-Length: 1\r\n\r\na") * 500)
        fake.wait_for(b"a")
        assert server.accepted == 1
        fake.release()
        assert [connection.answer().status for _ in range(500)] == [200] * 500


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 60_000,
        b'{"a":' * 10_000,
        b"[1," * 20_000,
        b'{"image":' + b"1" * 60_000 + b"}",
        b'{"image":-' + b"1" * 5000 + b"." + b"1" * 5000 + b"}",
        b'{"image":1e999999999}',
        b'{"image":Infinity}',
        b'"' + b"\\u0061" * 10_000 + b'"',
        '{"image":{"encoded":"a"}}'.encode("utf-16"),
        b'{"image":{"encoded":"a"},' * 100,
        b'{"image":{"encoded":"aaaa"},"config":{"\\ud800":1}}',
        b'{"image":{"encoded":"aaaa"},"config":{"features":["\\uDFFF"]}}',
        b'{"image":{"raw":{"data":"aaaa","pixel_format":"\\ud83d\\ud83d"}}}',
        b'{"\\udc00":1}',
    ],
)  # fmt: skip
def test_json_bombs(http: Http, body: bytes) -> None:
    code, _, reason = http.json("/v1/recognize", body).outcome
    assert (code, reason) == (400, "UNPARSABLE_MESSAGE")


def test_a_pair_of_surrogates_is_a_character() -> None:
    assert parse_json(b'"\\ud83d\\ude97 \\u0926"', REST.json_marks) == "\U0001f697 \u0926"


def test_a_config_with_half_a_pair_is_refused_in_forms_too(http: Http) -> None:
    reply = http.form("/v1/recognize", [("image", b"a"), ("config", b'{"\\ud800":1}')])
    assert reply.outcome == (400, "INVALID_ARGUMENT", "UNPARSABLE_MESSAGE")


def test_a_bug_is_answered_by_a_problem_and_logged_once(
    http: Http, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_arguments: object) -> None:
        raise RuntimeError(SECRET)

    with monkeypatch.context() as patched:
        patched.setattr(app, "Exchange", broken)
        reply = http.get("/v1/models", {"x-request-id": "mine"})
    assert reply.outcome == (500, "INTERNAL", "INTERNAL")
    assert reply.headers["x-request-id"] == "mine"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert SECRET not in caplog.text
    assert http.get("/v1/models").status == 200


def test_a_large_picture_in_json_has_few_marks() -> None:
    text = "QUFB" * 100_000
    assert parse_json(json.dumps({"image": {"encoded": text}}).encode(), REST.json_marks)


def test_a_connection_that_is_reset_ends(server: RecognitionServer, http: Http) -> None:
    with raw(server) as connection:
        connection.send(POST + b"Content-Length: 100\r\n\r\nhalf")
        until(lambda: server._recognitions.receiving.places.taken == 1)
        linger = (1).to_bytes(4, "little") + (0).to_bytes(4, "little")
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    until(lambda: server._recognitions.receiving.places.taken == 0)
    until(lambda: server._http.connections == 0)  # type: ignore[union-attr]
    assert http.recognize(b"a").status == 200


def test_nothing_is_logged_of_a_flood(
    server: RecognitionServer, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(30):
        with raw(server) as connection:
            connection.send(b"no HTTP\r\n\r\n")
            connection.rest()
    assert not caplog.records
