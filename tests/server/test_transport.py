"""What strangers do to the transport, and what it costs others: nothing."""

from __future__ import annotations

import gc
import hashlib
import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from prometheus_client import generate_latest

from lipiyana.client import Client
from lipiyana.errors import DeadlineExceeded, LipiyanaError, Overloaded
from lipiyana.server import RecognitionServer, ServerSettings, running_server
from lipiyana.server.metrics import Metrics
from lipiyana.server.receiving import WINDOW
from lipiyana.types import Frame
from raw_http2 import RawConnection, message
from served_fake import PATIENCE, FakeRecognizer

RECOGNIZE = b"/lipiyana.v1.RecognitionService/Recognize"
CHECK = b"/grpc.health.v1.Health/Check"
LARGE = 4 * 1024 * 1024


@pytest.fixture
def guarded(fake: FakeRecognizer, tmp_path: Path) -> Iterator[RecognitionServer]:
    """A server that asks for the token `good`."""
    tokens = tmp_path / "tokens.toml"
    tokens.write_text(f'[gate]\nsha256 = "{hashlib.sha256(b"good").hexdigest()}"\n')
    settings = ServerSettings(port=0, threads=1, tokens=tokens, shutdown_grace=0)
    with running_server(fake, settings) as server:
        yield server


def push(raw: RawConnection, stream: int) -> int:
    """Send of a large message what the server takes; gives how much that is."""
    raw.send(stream, message(b"", size=LARGE))
    sent = 0
    while stream not in raw.ended:
        while (room := raw.room(stream)) > 0 and sent < LARGE - 1:
            part = min(room, LARGE - 1 - sent)
            raw.send(stream, bytes(part))
            sent += part
        raw.sync()
        if raw.room(stream) == 0 or sent == LARGE - 1:
            raw.sync()  # what was on its way is here by now
            if raw.room(stream) == 0 or sent == LARGE - 1:
                break
    return sent


def test_no_body_is_taken_in_without_a_token(guarded: RecognitionServer) -> None:
    with RawConnection(guarded.target, PATIENCE) as raw:
        for _ in range(10):
            stream = raw.open(RECOGNIZE)
            assert push(raw, stream) <= WINDOW + 65535
            raw.wait_for_end(stream)
    with Client(guarded.target, token="good") as client:
        assert client.recognize(b"a").image_width == 64


def test_few_health_checks_are_taken_in_at_a_time(guarded: RecognitionServer) -> None:
    with RawConnection(guarded.target, PATIENCE) as raw:
        streams = [raw.open(CHECK) for _ in range(10)]
        taken = [push(raw, stream) for stream in streams]
        # two are asked for; the others are answered unread
        assert sum(size > WINDOW + 65535 for size in taken) <= 2
        with grpc.insecure_channel(guarded.target) as channel:
            health = health_pb2_grpc.HealthStub(channel)
            assert health.Check(health_pb2.HealthCheckRequest(), timeout=PATIENCE).status == 1


def test_a_health_check_is_small(guarded: RecognitionServer) -> None:
    with grpc.insecure_channel(guarded.target) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        for service, code in (
            ("x" * 2000, grpc.StatusCode.INVALID_ARGUMENT),
            ("unknown", grpc.StatusCode.NOT_FOUND),
        ):
            with pytest.raises(grpc.RpcError) as caught:
                health.Check(health_pb2.HealthCheckRequest(service=service), timeout=PATIENCE)
            assert caught.value.code() is code


def test_watches_are_shared_out(
    guarded: RecognitionServer, monkeypatch: pytest.MonkeyPatch, fake: FakeRecognizer
) -> None:
    monkeypatch.setattr("lipiyana.server.health.MAX_WATCHES", 16)
    with running_server(fake, ServerSettings(port=0)) as server:
        with grpc.insecure_channel(server.target) as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            watches = [stub.Watch(health_pb2.HealthCheckRequest()) for _ in range(14)]
            assert {next(watch).status for watch in watches} == {1}
            with pytest.raises(grpc.RpcError) as caught:
                next(stub.Watch(health_pb2.HealthCheckRequest()))
            assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_a_path_that_is_not_utf8_ends_nothing(server: RecognitionServer, client: Client) -> None:
    with RawConnection(server.target, PATIENCE) as raw:
        for path in (b"/lipiyana\xff", b"/lipiyana.v1.RecognitionService/\xc3", b"/a/b", b"x"):
            assert b"grpc-status" in raw.wait_for_end(raw.open(path, end=True))
    assert client.recognize(b"a").image_width == 64


def test_metadata_that_is_not_utf8_is_in_no_log(
    guarded: RecognitionServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with RawConnection(guarded.target, PATIENCE) as raw:
        stream = raw.open(RECOGNIZE, [(b"authorization", b"Bearer \xffHIDDEN")], end=True)
        assert raw.wait_for_end(stream)
    assert "not UTF-8" in caplog.text
    assert "HIDDEN" not in caplog.text
    assert not any("HIDDEN" in repr(vars(record)) for record in caplog.records)


def test_resets_of_one_connection_harm_nobody_else(guarded: RecognitionServer) -> None:
    with (
        RawConnection(guarded.target, PATIENCE) as raw,
        Client(guarded.target, token="good") as client,
        ThreadPoolExecutor(1) as threads,
    ):
        calls = threads.submit(lambda: [client.recognize(b"%d" % n) for n in range(20)])
        for _ in range(10):
            for _ in range(200):
                raw.reset(raw.open(RECOGNIZE))
            try:
                raw.sync()
            except ConnectionError:  # gRPC may have had enough of it
                break
        assert len(calls.result(PATIENCE)) == 20


def test_more_calls_than_places_wait_their_turn(fake: FakeRecognizer) -> None:
    metrics = Metrics()
    settings = ServerSettings(
        port=0, threads=1, max_message_bytes=LARGE + 64, max_receiving_bytes=2 * LARGE + 128,
        receive_timeout=PATIENCE,
    )  # fmt: skip
    with running_server(fake, settings) as server, RawConnection(server.target, PATIENCE) as raw:
        streams = [raw.open(RECOGNIZE) for _ in range(6)]
        taken = [push(raw, stream) for stream in streams]
        assert sum(size > WINDOW + 65535 for size in taken) == 2
        # those that are whole make room for the others, and end UNPARSABLE_MESSAGE or such
        for stream in (s for s, size in zip(streams, taken, strict=True) if size == LARGE - 1):
            raw.send(stream, b"\0", end=True)
            assert raw.wait_for_end(stream)
    assert metrics is not None


@pytest.mark.parametrize("rpc", ["Recognize", "BatchRecognize"])
def test_a_message_that_does_not_come(fake: FakeRecognizer, rpc: str) -> None:
    settings = ServerSettings(port=0, threads=1, receive_timeout=0.05)
    with running_server(fake, settings) as server:
        with RawConnection(server.target, PATIENCE) as raw:
            stream = raw.open(b"/lipiyana.v1.RecognitionService/" + rpc.encode())
            assert b"MESSAGE_TIMEOUT" in decoded(raw.wait_for_end(stream))
            stream = raw.open(b"/lipiyana.v1.RecognitionService/" + rpc.encode(), end=True)
            assert b"MISSING_MESSAGE" in decoded(raw.wait_for_end(stream))
        with Client(server.target) as client:
            assert client.recognize(b"a").image_width == 64


def decoded(headers: bytes) -> bytes:
    """Headers with the details of the status, which are in base64, made readable."""
    import base64

    _, _, details = headers.partition(b"grpc-status-details-bin")
    text = bytes(
        byte for byte in details[details[:1] == b"\x7f" :] if chr(byte).isalnum() or byte in b"+/"
    )
    return b"".join(
        base64.b64decode(text[skip : skip + (len(text) - skip) // 4 * 4]) for skip in range(4)
    )


def test_overload_is_told_and_counted(fake: FakeRecognizer) -> None:
    metrics = Metrics()
    settings = ServerSettings(port=0, threads=1, max_queue=4, max_batch=1)
    fake.hold()
    with running_server(fake, settings) as server:
        channels = [Client(server.target) for _ in range(4)]
        with ThreadPoolExecutor(64) as threads:
            calls = [
                threads.submit(channels[n % 4].recognize, b"%d" % n, timeout=PATIENCE)
                for n in range(64)
            ]
            refused = 0
            for call in calls[1:]:
                if call.done() or refused < 10:
                    refused += isinstance(
                        call.exception(PATIENCE) if call.done() else None, Overloaded
                    )
            fake.release()
            outcomes = [call.exception(PATIENCE) for call in calls]
        for channel in channels:
            channel.close()
        assert {type(outcome) for outcome in outcomes} <= {Overloaded, type(None)}
        assert all(o.retry_after > 0 for o in outcomes if isinstance(o, Overloaded))
    assert generate_latest(metrics.registry)


def test_one_client_does_not_get_all_streams(fake: FakeRecognizer) -> None:
    settings = ServerSettings(port=0, threads=1, max_streams=16, shutdown_grace=0)
    over = threading.Event()

    def frames() -> Iterator[Frame]:
        yield Frame(1, b"a")
        assert over.wait(PATIENCE)

    with running_server(fake, settings) as server, Client(server.target) as client:
        streams = [client.recognize_stream(frames()) for _ in range(14)]
        for stream in streams:
            assert next(stream).frame_id == 1
        with pytest.raises(Overloaded) as caught:
            next(client.recognize_stream([Frame(1, b"a")]))
        assert caught.value.reason == "TOO_MANY_STREAMS"
        assert caught.value.retry_after > 0
        over.set()
        assert [list(stream) for stream in streams] == [[]] * 14


def test_a_stream_that_sends_nothing_is_ended(fake: FakeRecognizer) -> None:
    settings = ServerSettings(port=0, threads=1, stream_idle_timeout=0.05, shutdown_grace=0)
    over = threading.Event()

    def frames() -> Iterator[Frame]:
        yield Frame(1, b"a")
        assert over.wait(PATIENCE)

    fake.hold()
    with running_server(fake, settings) as server, Client(server.target) as client:
        stream = client.recognize_stream(frames(), timeout=PATIENCE)
        timer = threading.Timer(0.2, fake.release)  # several times the limit: it is not idle
        timer.start()
        assert next(stream).frame_id == 1
        with pytest.raises(DeadlineExceeded) as caught:
            next(stream)
        assert caught.value.reason == "STREAM_IDLE"
        over.set()
        timer.join()


def test_calls_leave_no_ring_behind(guarded: RecognitionServer) -> None:
    """Else they count against their connection until the garbage collector comes."""

    def states() -> int:
        return sum(type(thing).__name__ == "RPCState" for thing in gc.get_objects())

    with (
        Client(guarded.target, token="good") as client,
        Client(guarded.target) as stranger,
        grpc.insecure_channel(guarded.target) as channel,
    ):
        client.recognize(b"a")
        gc.collect()
        gc.disable()
        try:
            before = states()
            for _ in range(20):
                client.recognize(b"a")
                for call in (lambda: client.recognize(b"bad"), lambda: stranger.recognize(b"a")):
                    with pytest.raises(LipiyanaError):
                        call()
                with pytest.raises(grpc.RpcError):
                    channel.unary_unary("/a/b")(b"")
            # the last ones may be on their way
            assert states() < before + 20
        finally:
            gc.enable()


def test_connections_are_limited(fake: FakeRecognizer) -> None:
    with running_server(fake, ServerSettings(port=0, threads=1, max_connections=3)) as server:
        held = [RawConnection(server.target, PATIENCE) for _ in range(3)]
        with pytest.raises(OSError):  # noqa: PT011  # reset or closed, as it comes
            RawConnection(server.target, PATIENCE)
        for raw in held:
            raw.sync()
            raw._socket.close()
        with Client(server.target) as client:
            assert client.recognize(b"a").image_width == 64
