"""Misuse of the transport by one client must not affect others."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import hashlib
import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc.status_pb2 import Status
from grpc_health.v1 import health_pb2, health_pb2_grpc
from raw_http2 import RawConnection, message
from served_fake import PATIENCE, FakeRecognizer

from lipiyana.client import AsyncClient, Client
from lipiyana.errors import DeadlineExceeded, LipiyanaError, Overloaded
from lipiyana.server import RecognitionServer, ServerSettings, running_server
from lipiyana.server.telemetry.metrics import Metrics
from lipiyana.server.tuning import CONNECTIONS
from lipiyana.types import Frame
from lipiyana.wire.status import DETAILS_KEY, from_status

RECOGNIZE = b"/lipiyana.v1.RecognitionService/Recognize"
CHECK = b"/grpc.health.v1.Health/Check"
LARGE = 512 * 1024


@pytest.fixture
def guarded(fake: FakeRecognizer, tmp_path: Path) -> Iterator[RecognitionServer]:
    """A server that requires the token `good`."""
    settings = ServerSettings(port=0, threads=1, tokens=tokens_file(tmp_path), shutdown_grace=0)
    with running_server(fake, settings) as server:
        yield server


def tokens_file(folder: Path) -> Path:
    tokens = folder / "tokens.toml"
    tokens.write_text(f'[gate]\nsha256 = "{hashlib.sha256(b"good").hexdigest()}"\n')
    return tokens


def push(raw: RawConnection, stream: int) -> int:
    """Start a large message and send what the initial window allows; return the bytes sent."""
    raw.send(stream, message(b"", size=LARGE))
    raw.sync()
    sent = 0
    while stream not in raw.ended and sent < LARGE - 1 and raw.room(stream):
        part = min(raw.room(stream), LARGE - 1 - sent)
        raw.send(stream, bytes(part))
        raw.sync()
        sent += part
    return sent


def push_all(raw: RawConnection, stream: int, sent: int) -> None:
    """Send the rest except one byte, as the server opens its window."""
    while sent < LARGE - 1:
        part = min(raw.wait_for_room(stream), LARGE - 1 - sent)
        assert part, "the server has ended the call"
        raw.send(stream, bytes(part))
        sent += part


def test_no_message_body_is_received_without_a_token(guarded: RecognitionServer) -> None:
    with RawConnection(guarded.target, PATIENCE) as raw:
        for _ in range(10):
            stream = raw.open(RECOGNIZE)
            assert push(raw, stream) <= CONNECTIONS.window_bytes + 65535
            raw.wait_for_end(stream)
    with Client(guarded.target, token="good") as client:
        assert client.recognize(b"a").image_width == 64


def test_few_large_health_checks_are_received_at_a_time(guarded: RecognitionServer) -> None:
    with RawConnection(guarded.target, PATIENCE) as raw:
        streams = [raw.open(CHECK) for _ in range(10)]
        taken = [push(raw, stream) for stream in streams]
        # two are asked for; the others are answered unread
        assert sum(size > CONNECTIONS.window_bytes + 65535 for size in taken) <= 2
        with grpc.insecure_channel(guarded.target) as channel:
            health = health_pb2_grpc.HealthStub(channel)
            assert health.Check(health_pb2.HealthCheckRequest(), timeout=PATIENCE).status == 1


def test_a_large_health_check_is_refused(guarded: RecognitionServer) -> None:
    with grpc.insecure_channel(guarded.target) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        for service, code in (
            ("x" * 2000, grpc.StatusCode.INVALID_ARGUMENT),
            ("unknown", grpc.StatusCode.NOT_FOUND),
        ):
            with pytest.raises(grpc.RpcError) as caught:
                health.Check(health_pb2.HealthCheckRequest(service=service), timeout=PATIENCE)
            assert caught.value.code() is code


def test_watches_are_limited_per_connection(
    server: RecognitionServer,
) -> None:
    with grpc.insecure_channel(server.target) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        watches = [stub.Watch(health_pb2.HealthCheckRequest()) for _ in range(4)]
        assert {next(watch).status for watch in watches} == {1}
        with pytest.raises(grpc.RpcError) as caught:
            next(stub.Watch(health_pb2.HealthCheckRequest()))
        assert reason(caught.value) == ("RESOURCE_EXHAUSTED", "TOO_MANY_WATCHES")
        own_connection = [("grpc.use_local_subchannel_pool", 1)]
        with grpc.insecure_channel(server.target, own_connection) as other:
            watch = health_pb2_grpc.HealthStub(other).Watch(health_pb2.HealthCheckRequest())
            assert next(watch).status == 1
        watches[0].cancel()


def test_a_path_that_is_not_utf8_does_not_end_the_connection(
    server: RecognitionServer, client: Client
) -> None:
    with RawConnection(server.target, PATIENCE) as raw:
        for path in (b"/lipiyana\xff", b"/lipiyana.v1.RecognitionService/\xc3", b"/a/b", b"x"):
            assert b"no such method" in raw.wait_for_end(raw.open(path, end=True))
    assert client.recognize(b"a").image_width == 64


def test_metadata_that_is_not_utf8_is_not_logged(
    guarded: RecognitionServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with RawConnection(guarded.target, PATIENCE) as raw:
        stream = raw.open(RECOGNIZE, [(b"authorization", b"Bearer \xffHIDDEN")], end=True)
        assert raw.wait_for_end(stream)
    assert "not UTF-8" in caplog.text
    assert "HIDDEN" not in caplog.text
    assert not any("HIDDEN" in repr(vars(record)) for record in caplog.records)


def test_resets_of_one_connection_do_not_affect_others(guarded: RecognitionServer) -> None:
    with (
        RawConnection(guarded.target, PATIENCE) as raw,
        Client(guarded.target, token="good") as client,
        ThreadPoolExecutor(1) as threads,
    ):
        calls = threads.submit(lambda: [client.recognize(b"%d" % n) for n in range(20)])
        with contextlib.suppress(OSError):  # gRPC may have closed the connection
            for _ in range(10):
                for _ in range(200):
                    raw.reset(raw.open(RECOGNIZE))
                raw.sync()
        assert len(calls.result(PATIENCE)) == 20


def test_calls_beyond_the_receiving_limit_wait_for_their_turn(fake: FakeRecognizer) -> None:
    settings = ServerSettings(
        port=0, threads=1, max_message_bytes=LARGE + 64, max_receiving_bytes=2 * LARGE + 128
    )
    with running_server(fake, settings) as server, RawConnection(server.target, PATIENCE) as raw:
        streams = [raw.open(RECOGNIZE) for _ in range(2)]
        for stream in streams:
            push_all(raw, stream, push(raw, stream))
        late = raw.open(RECOGNIZE)
        sent = push(raw, late)
        assert sent <= CONNECTIONS.window_bytes + 65535
        raw.send(streams[0], b"\0", end=True)
        assert raw.wait_for_end(streams[0])
        push_all(raw, late, sent)


def test_a_call_without_a_message_is_ended(fake: FakeRecognizer) -> None:
    settings = ServerSettings(port=0, threads=1, receive_timeout=0.05)
    over = threading.Event()

    def nothing() -> Iterator[bytes]:
        over.wait(PATIENCE)
        yield from ()

    with (
        running_server(fake, settings) as server,
        grpc.insecure_channel(server.target) as channel,
        Client(server.target) as client,
    ):
        for rpc in ("Recognize", "BatchRecognize"):
            call = channel.stream_unary(f"/lipiyana.v1.RecognitionService/{rpc}")
            with pytest.raises(grpc.RpcError) as caught:
                call(nothing(), timeout=PATIENCE)
            assert reason(caught.value) == ("DEADLINE_EXCEEDED", "MESSAGE_TIMEOUT")
            with pytest.raises(grpc.RpcError) as caught:
                call(iter(()), timeout=PATIENCE)
            assert reason(caught.value) == ("INVALID_ARGUMENT", "MISSING_MESSAGE")
        over.set()
        assert client.recognize(b"a").image_width == 64


def reason(error: Any) -> tuple[str, str]:
    (data,) = [value for key, value in error.trailing_metadata() if key == DETAILS_KEY]
    return error.code().name, from_status(Status.FromString(data)).reason


async def test_overload_is_reported_and_counted(fake: FakeRecognizer) -> None:
    metrics = Metrics()
    settings = ServerSettings(port=0, threads=1, max_queue=4, max_batch=1)
    fake.hold()
    async with RecognitionServer(fake, settings, metrics=metrics) as server:
        clients = [AsyncClient(server.target) for _ in range(4)]
        calls = [
            asyncio.create_task(clients[n % 4].recognize(b"%d" % n, timeout=PATIENCE))
            for n in range(400)
        ]
        # accepted calls wait for the release
        refused = 0
        for ended in asyncio.as_completed(calls):
            try:
                await ended
            except Overloaded as error:
                refused += error.retry_after > 0
                if refused == 300:
                    fake.release()
        for client in clients:
            await client.close()
    assert refused >= 300
    counted = metrics.registry.get_sample_value(
        "lipiyana_requests_total", {"rpc": "Recognize", "code": "RESOURCE_EXHAUSTED"}
    )
    assert counted == refused


def test_one_client_cannot_take_all_streams(fake: FakeRecognizer) -> None:
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


def test_an_idle_stream_is_ended(fake: FakeRecognizer) -> None:
    settings = ServerSettings(port=0, threads=1, stream_idle_timeout=0.05, shutdown_grace=0)
    over = threading.Event()

    def frames() -> Iterator[Frame]:
        yield Frame(1, b"a")
        assert over.wait(PATIENCE)

    fake.hold()
    with running_server(fake, settings) as server, Client(server.target) as client:
        stream = client.recognize_stream(frames())
        # several times the limit: a stream that waits for a result is not idle
        timer = threading.Timer(0.2, fake.release)
        timer.start()
        assert next(stream).frame_id == 1
        with pytest.raises(DeadlineExceeded) as caught:
            next(stream)
        assert caught.value.reason == "STREAM_IDLE"
        over.set()
        timer.join()


def test_calls_leave_no_reference_cycles(guarded: RecognitionServer) -> None:
    """Calls in reference cycles would count against their connection until garbage collection."""

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
            # the last calls may not have ended yet
            assert states() < before + 20
        finally:
            gc.enable()


def test_connections_are_limited(fake: FakeRecognizer) -> None:
    with running_server(fake, ServerSettings(port=0, threads=1, max_connections=3)) as server:
        held = [RawConnection(server.target, PATIENCE) for _ in range(3)]
        with pytest.raises(OSError):  # noqa: PT011  # either reset or closed
            RawConnection(server.target, PATIENCE)
        for raw in held:
            raw.sync()
            raw.close()
        with Client(server.target) as client:
            assert client.recognize(b"a").image_width == 64
