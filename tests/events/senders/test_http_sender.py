from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import select
import socket
import threading
from pathlib import Path
from threading import Thread

import pytest
from certificates import Authority
from mqtt_broker import free_port
from row_receiver import Fault, Received, receiving

from lipiyana.events.senders.http_sender import HttpSender
from lipiyana.events.senders.message import (
    Compression,
    Message,
    SendError,
    message_of_event,
    message_of_rows,
)
from lipiyana.events.senders.signature import is_signed, sign

ROWS = [("a-1", b'{"n":1}'), ("a-2", b'{"text":"\xe0\xa4\x95"}')]


@pytest.mark.parametrize("compression", [None, *Compression])
def test_a_batch_is_a_line_for_each_row(compression: Compression | None) -> None:
    message = message_of_rows(ROWS, compression)
    assert message.encoding == (compression or "")
    received = Received({"Content-Encoding": message.encoding}, message.body)
    assert [json.loads(line) for line in received.decoded.splitlines()] == [
        {"id": "a-1", "row": {"n": 1}},
        {"id": "a-2", "row": {"text": "क"}},
    ]


def test_compression_makes_batches_smaller() -> None:
    rows = [(f"a-{n}", b'{"source":"gate","label":"car","n":%d}' % n) for n in range(100)]
    plain, *compressed = (len(message_of_rows(rows, one).body) for one in (None, *Compression))
    assert all(size < plain / 4 for size in compressed)


def test_what_is_posted() -> None:
    with receiving() as receiver:
        sender = HttpSender(receiver.url, secret=b"s", wall=lambda: 1_800_000_000.9)
        sender.send(message_of_rows(ROWS, Compression.GZIP))
        sender.send(Message(b'{"id":"b"}', "application/json"))
        sender.close()
    first, second = receiver.messages
    assert (first.headers["Content-Type"], first.headers["Content-Encoding"]) == (
        "application/x-ndjson",
        "gzip",
    )
    assert second.headers["Content-Type"] == "application/json"
    assert "Content-Encoding" not in second.headers
    digest = hmac.new(b"s", b"1800000000." + second.body, hashlib.sha256).hexdigest()
    assert second.headers["Lipiyana-Timestamp"] == "1800000000"
    assert second.headers["Lipiyana-Signature"] == f"v1={digest}"


def test_signatures_of_others_and_old_ones_are_refused() -> None:
    good = sign(b"s", "1000", b"body")
    assert is_signed(b"s", "1000", b"body", good, now=1300)
    assert not is_signed(b"s", "1000", b"body", good, now=1301)
    assert not is_signed(b"s", "1000", b"body", good, now=699)
    assert not is_signed(b"t", "1000", b"body", good, now=1000)
    assert not is_signed(b"s", "1001", b"body", good, now=1000)
    assert not is_signed(b"s", "1000", b"Body", good, now=1000)
    assert not is_signed(b"s", "now", b"body", good, now=1000)
    assert not is_signed(b"s", "1000", b"body", "v1=é", now=1000)


def test_without_a_secret_nothing_is_signed() -> None:
    with receiving() as receiver:
        sender = HttpSender(receiver.url)
        sender.send(message_of_event(b'{"id":"a"}'))
        sender.close()
    assert "Lipiyana-Signature" not in receiver.messages[0].headers


@pytest.mark.parametrize(
    ("status", "refused"),
    [(400, True), (413, True), (422, True), (401, False), (404, False), (500, False), (301, False)],
)
def test_answers_that_are_errors(status: int, refused: bool) -> None:
    with receiving() as receiver:
        receiver.answer = lambda _: (status, {"Location": receiver.url, "Retry-After": "7"})
        sender = HttpSender(receiver.url)
        with pytest.raises(SendError, match=f"it answers {status}") as caught:
            sender.send(message_of_event(b'{"id":"a"}'))
        sender.close()
    assert (caught.value.refused, caught.value.retry_after) == (refused, 7.0)
    assert len(receiver.messages) == 1


def test_connections_that_fail_say_why_without_the_address() -> None:
    closed = HttpSender(f"http://127.0.0.1:{free_port()}/secret-path")
    with receiving() as receiver:
        receiver.answer = lambda _: Fault.DIES_BEFORE
        dies = HttpSender(receiver.url + "/secret-path")
        for sender, why in ((closed, "no connection"), (dies, "the connection broke")):
            with pytest.raises(SendError, match=why) as caught:
                sender.send(message_of_event(b"{}"))
            assert "secret-path" not in str(caught.value)
            assert not caught.value.refused
            sender.close()


def test_a_server_that_is_no_web_server() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        sender = HttpSender(f"https://127.0.0.1:{listening.getsockname()[1]}/")
        listening.settimeout(60)

        def garbage() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(10)
                connection.sendall(b"garbage\n" * 10)

        thread = Thread(target=garbage)
        thread.start()
        with pytest.raises(SendError, match="TLS failed"):
            sender.send(message_of_event(b"{}"))
        thread.join()
        sender.close()


def test_a_certificate_of_ones_own_issuer(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "authority")
    with receiving(tls=authority.sign("receiver")) as receiver:
        stranger = HttpSender(receiver.url)
        with pytest.raises(SendError, match="TLS failed"):
            stranger.send(message_of_event(b'{"id":"a"}'))
        stranger.close()
        sender = HttpSender(receiver.url, ca=authority.files.certificate)
        sender.send(message_of_event(b'{"id":"b"}'))
        sender.close()
    assert list(receiver.rows) == ["b"]


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", b"x"),
        (b"", b"H"),
    ],
)
def test_an_answer_that_never_ends_is_a_failure(first: bytes, then: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def trickle() -> None:
            connection, _ = server.accept()
            with connection, contextlib.suppress(OSError):
                connection.sendall(first)
                while select.select([], [connection], [], 10)[1]:
                    connection.sendall(then)
                    select.select([], [], [], 0.01)

        thread = threading.Thread(target=trickle)
        thread.start()
        address = f"http://127.0.0.1:{server.getsockname()[1]}/"
        sender = HttpSender(address, answer_seconds=0.2)
        with pytest.raises(SendError, match="it does not answer in time"):
            sender.send(sender.pack([("1", b"{}")], None, single=False))
        sender.close()
        thread.join()
