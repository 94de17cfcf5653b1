"""`/v1/stream` over real WebSockets, beside the stream of gRPC."""

from __future__ import annotations

import base64
import json
import os
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest
from http_calls import Http, Raw, raw, until
from served_fake import PATIENCE, FakeRecognizer, recognition
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from lipiyana.client import Client
from lipiyana.server import RecognitionServer, ServerSettings, running_server
from lipiyana.server.calls import recognition as recognition_module
from lipiyana.server.http import frames as frames_module
from lipiyana.server.http.port import protocols
from lipiyana.server.http.tuning import REST
from lipiyana.server.tuning import STREAMS
from lipiyana.types import Frame, Recognition
from lipiyana.wire.results import recognition_to_json

LIMIT = 64 * 1024


@pytest.fixture
def settings() -> ServerSettings:
    return ServerSettings(
        port=0, http_port=0, threads=1, max_message_bytes=LIMIT, max_streams=2, shutdown_grace=20
    )


@contextmanager
def stream(server: RecognitionServer, **options: Any) -> Iterator[ClientConnection]:
    address = f"ws://127.0.0.1:{server.http_port}/v1/stream"
    with connect(address, proxy=None, open_timeout=PATIENCE, **options) as connection:
        yield connection


def frame(number: int, data: bytes) -> bytes:
    return number.to_bytes(8, "big") + data


def answer(connection: ClientConnection) -> Any:
    return json.loads(connection.recv(timeout=PATIENCE))


def closed(connection: ClientConnection) -> tuple[Any, int, str]:
    """The error that ends a stream, its close code and its reason."""
    error = answer(connection)["error"]
    with pytest.raises(ConnectionClosed) as ended:
        connection.recv(timeout=PATIENCE)
    assert ended.value.rcvd is not None
    return error, ended.value.rcvd.code, ended.value.rcvd.reason


def test_frames_are_read(server: RecognitionServer) -> None:
    with stream(server, subprotocols=["lipiyana.v1"]) as connection:
        assert connection.subprotocol == "lipiyana.v1"
        connection.send('{"config":{"layout":"line"}}')
        for number, data in ((7, b"a"), (2**63, b"b"), (0, b"bad"), (1, b"")):
            connection.send(frame(number, data))
            found = answer(connection)
            assert (found["frame_id"], found["dropped_frame_ids"]) == (number, [])
            if data == b"bad":
                assert found["error"]["reason"] == "TRUNCATED_IMAGE"
            else:
                (line,) = found["recognition"]["text_lines"]
                assert line["text"] == data.decode()


def test_the_answers_are_those_of_grpc(server: RecognitionServer, client: Client) -> None:
    data = [b"a", b"b", b"a", b"c"]
    given = [Frame(n, one) for n, one in enumerate(data)]
    expected = [
        recognition_to_json(result.outcome)  # type: ignore[arg-type]
        for result in (next(iter(client.recognize_stream([one]))) for one in given)
    ]
    with stream(server) as connection:
        connection.send("{}")
        found = []
        for n, one in enumerate(data):
            connection.send(frame(n, one))
            found.append(answer(connection)["recognition"])
    for one in (*expected, *found):
        del one["cache_outcome"], one["timings"]
        for vehicle in one["vehicles"]:
            del vehicle["track_id"]
    assert found == expected


def test_the_newest_frame_wins(server: RecognitionServer, fake: FakeRecognizer) -> None:
    fake.hold()
    with stream(server) as connection:
        connection.send("{}")
        connection.send(frame(0, b"first"))
        fake.wait_for(b"first")
        for number in range(1, 6):
            connection.send(frame(number, b"%d" % number))
        (waiting,) = server._recognitions._streams
        until(lambda: len(waiting._newest.dropped) == 4)
        fake.release()
        assert answer(connection)["frame_id"] == 0
        found = answer(connection)
        assert (found["frame_id"], found["dropped_frame_ids"]) == (5, [1, 2, 3, 4])


@pytest.mark.parametrize(
    "first",
    [
        "",
        "[]",
        "{",
        '{"config":5}',
        '{"config":{"layout":"street"}}',
        '{"token":"a"}',
        '{"config":{}}' + " " * 20_000,
        b"\0" * 9,
        "[" * 4000,
    ],
)
def test_the_first_message_is_the_config(server: RecognitionServer, first: Any) -> None:
    with stream(server) as connection:
        connection.send(first)
        error, code, reason = closed(connection)
        assert (error["code"], code) == ("INVALID_ARGUMENT", 1008)
        assert reason == error["reason"]


@pytest.mark.parametrize("message", ["text", b"", b"\0" * 7])
def test_later_messages_are_frames(server: RecognitionServer, message: Any) -> None:
    with stream(server) as connection:
        connection.send("{}")
        connection.send(message)
        error, code, _ = closed(connection)
        assert (error["reason"], code) == ("FRAME_EXPECTED", 1008)


def test_a_setup_that_does_not_come_ends_the_stream(
    server: RecognitionServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames_module, "STREAMS", replace(STREAMS, setup_seconds=0.05))
    with stream(server) as connection:
        error, code, _ = closed(connection)
        assert (error["reason"], code) == ("SETUP_MISSING", 1008)


def test_a_stream_without_frames_ends(fake: FakeRecognizer, settings: ServerSettings) -> None:
    short = settings.model_copy(update={"stream_idle_timeout": 0.05})
    with running_server(fake, short) as server, stream(server) as connection:
        connection.send("{}")
        error, code, _ = closed(connection)
        assert (error["reason"], error["status"], code) == ("STREAM_IDLE", 504, 1008)


def test_streams_are_counted_with_those_of_grpc(server: RecognitionServer, client: Client) -> None:
    with ExitStack() as stack:
        for _ in range(2):
            one = stack.enter_context(stream(server))
            one.send("{}")
            one.send(frame(0, b"a"))
            answer(one)
        late = stack.enter_context(stream(server))
        late.send("{}")
        error, code, _ = closed(late)
        assert (error["reason"], error["status"], code) == ("TOO_MANY_STREAMS", 429, 1013)


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1"])
def test_pages_of_other_origins_are_refused(server: RecognitionServer, origin: str) -> None:
    with pytest.raises(InvalidStatus) as refused, stream(server, origin=origin):
        pass
    assert refused.value.response.status_code == 403
    problem = json.loads(bytes(refused.value.response.body))
    assert (problem["code"], problem["reason"]) == ("PERMISSION_DENIED", "FOREIGN_ORIGIN")


def test_its_own_page_and_allowed_ones_may_open_streams(
    fake: FakeRecognizer, settings: ServerSettings
) -> None:
    allowed = "https://app.example"
    open_to = settings.model_copy(update={"http_origins": (allowed,)})
    with running_server(fake, open_to) as server:
        for origin in (allowed, f"http://127.0.0.1:{server.http_port}"):
            with stream(server, origin=origin) as connection:
                connection.send("{}")
                connection.send(frame(1, b"a"))
                assert answer(connection)["frame_id"] == 1


def test_other_paths_are_not_found(server: RecognitionServer) -> None:
    address = f"ws://127.0.0.1:{server.http_port}/v1/recognize"
    with pytest.raises(InvalidStatus) as refused, connect(address, proxy=None):
        pass
    assert refused.value.response.status_code == 404


def test_a_frame_over_the_limit_ends_the_stream(server: RecognitionServer) -> None:
    with stream(server) as connection:
        connection.send("{}")
        connection.send(frame(0, bytes(LIMIT)))
        with pytest.raises(ConnectionClosed) as ended:
            connection.recv(timeout=PATIENCE)
        assert ended.value.rcvd is not None
        assert ended.value.rcvd.code == 1009
    until(lambda: not server._recognitions._streams)


def test_compression_is_off(server: RecognitionServer) -> None:
    with stream(server, compression="deflate") as connection:
        assert connection.response is not None
        assert "Sec-WebSocket-Extensions" not in connection.response.headers


def masked(opcode: int, payload: bytes, *, last: bool = True) -> bytes:
    """A frame of a client, whose mask is 0."""
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + struct.pack(">H", size)
    return bytes([(0x80 if last else 0) | opcode]) + length + bytes(4) + payload


def shake_hands(connection: Raw, early: bytes = b"") -> None:
    key = base64.b64encode(os.urandom(16))
    connection.send(
        b"GET /v1/stream HTTP/1.1\r\nHost: localhost\r\n"
        b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: " + key + b"\r\nSec-WebSocket-Version: 13\r\n\r\n" + early
    )
    assert connection.head().startswith(b"HTTP/1.1 101 ")


def close_code(connection: Raw) -> int:
    """The code of the last frame, which closes the stream."""
    found = connection.rest()
    place = found.rindex(b"\x88")
    return int.from_bytes(found[place + 2 : place + 4], "big")


@pytest.mark.parametrize(
    ("flood", "code"),
    [
        (masked(9, b"ping") * 5000, 1008),
        (masked(10, b"pong") * 5000, 1008),
        (masked(2, b"", last=False) + masked(0, b"", last=False) * 5000, 1009),
        (masked(2, bytes(30_000), last=False) + masked(0, bytes(40_000), last=False), 1009),
        (masked(3, b""), 1002),
        (masked(2, b"a", last=False) + masked(2, b"a"), 1002),
        (masked(1, b"\xff\xff"), 1007),
        (b"\x82\xff" + b"\xff" * 12, 1009),
        (b"\x82\xff\0\0\0\xff\xff\xff\xff\xff" + bytes(4), 1009),
    ],
)
def test_floods_end_the_stream(
    server: RecognitionServer, http: Http, flood: bytes, code: int
) -> None:
    with raw(server) as connection:
        shake_hands(connection)
        connection.send(masked(1, b"{}"))
        with suppress(OSError):  # it may be closed meanwhile
            connection.send(flood)
        assert close_code(connection) == code
    until(lambda: not server._recognitions._streams)
    assert http.get("/healthz").status == 200


def test_messages_before_the_handshake_is_answered_are_read(
    server: RecognitionServer, fake: FakeRecognizer
) -> None:
    with raw(server) as connection:
        shake_hands(connection, masked(1, b"{}") + masked(2, frame(0, b"early")))
        fake.wait_for(b"early")
        connection.send(masked(8, b"\x03\xe8"))
        assert close_code(connection) == 1000


def test_a_first_message_with_half_a_pair_of_surrogates_is_refused(
    server: RecognitionServer,
) -> None:
    for text in (r'{"authorization":"\ud800"}', r'{"config":{"\ud800":1}}'):
        with stream(server) as connection:
            connection.send(text)
            error, code, _ = closed(connection)
            assert (error["reason"], code) == ("UNPARSABLE_MESSAGE", 1008)


def test_a_first_message_that_does_not_end_is_cut_off(server: RecognitionServer) -> None:
    with raw(server) as connection:
        shake_hands(connection)
        connection.send(b"\x81\xfe" + struct.pack(">H", 65_000) + bytes(4) + b" " * 40_000)
        assert close_code(connection) == 1009


def test_messages_wait_until_they_are_wanted(
    server: RecognitionServer, fake: FakeRecognizer
) -> None:
    fake.hold()
    with raw(server) as connection:
        shake_hands(connection)
        connection.send(masked(1, b"{}") + masked(2, frame(0, b"first")))
        fake.wait_for(b"first")
        connection.send(b"".join(masked(2, frame(n, b"a")) for n in range(1, 3000)))
        (waiting,) = server._recognitions._streams
        until(lambda: len(waiting._newest.dropped) == STREAMS.max_dropped)
        (protocol,) = [
            one
            for one in server._http._state.connections  # type: ignore[union-attr]
            if isinstance(one, protocols.StreamProtocol)
        ]
        assert protocol.queue.qsize() <= 2 * REST.slice_bytes / 14
        fake.release()


class Wordy(FakeRecognizer):
    """Finds a hundred kilobytes of text."""

    def recognize(self, *arguments: Any, **named: Any) -> Recognition:
        super().recognize(*arguments, **named)
        found = recognition("word")
        return replace(found, text_lines=found.text_lines * 1000)


def test_a_client_that_reads_no_results_loses_frames(
    settings: ServerSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recognition_module, "STREAMS", replace(STREAMS, unread_seconds=0.5))
    fake = Wordy()
    with running_server(fake, settings) as server:
        with raw(server, receive_buffer=2048) as connection:
            shake_hands(connection)
            connection.send(masked(1, b"{}"))
            until(lambda: server._recognitions._streams)
            (waiting,) = server._recognitions._streams
            for number in range(300):
                connection.send(masked(2, frame(number, b"%d" % number)))
                if waiting._is_paused:
                    break
                until(lambda n=number: len(fake.computed) > n or waiting._is_paused)
            assert waiting._is_paused
        until(lambda: not server._recognitions._streams)


def test_a_client_that_disconnects_ends_its_stream(
    server: RecognitionServer, fake: FakeRecognizer
) -> None:
    fake.hold()
    with ThreadPoolExecutor() as pool:
        http = Http(server)
        first = pool.submit(http.recognize, b"first")
        fake.wait_for(b"first")
        with raw(server) as connection:
            shake_hands(connection)
            connection.send(masked(1, b"{}") + masked(2, frame(0, b"gone")))
            until(lambda: server.accepted == 2)
        until(lambda: server.accepted == 1)
        fake.release()
        first.result()
        http.close()
    assert fake.computed == [b"first"]


def test_a_closed_stream_is_ok_in_the_metrics(server: RecognitionServer) -> None:
    with stream(server) as connection:
        connection.send("{}")
        connection.send(frame(0, b"a"))
        answer(connection)
    labels = {"rpc": "http.StreamRecognize", "code": "OK"}
    get = server._metrics.registry.get_sample_value
    until(lambda: get("lipiyana_requests_total", labels) == 1)
