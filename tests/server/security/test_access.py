from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from served_fake import PATIENCE, FakeRecognizer

from lipiyana.client import AsyncClient, Client
from lipiyana.errors import LipiyanaError, Overloaded, Unauthenticated
from lipiyana.recognizer import FrameResult
from lipiyana.server import RecognitionServer, ServerSettings, running_server
from lipiyana.server.tuning import CONNECTIONS, LOGS
from lipiyana.types import Frame


def key(name: str, token: str, more: str = "") -> str:
    return f'[{name}]\nsha256 = "{hashlib.sha256(token.encode()).hexdigest()}"\n{more}\n'


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    path = tmp_path / "tokens.toml"
    # so slow that the bucket does not refill during a test
    slow = "pictures_per_second = 0.001\nburst = 3"
    path.write_text(key("gate", "good") + key("slow", "slow", slow))
    return path


@pytest.fixture
def guarded(fake: FakeRecognizer, tokens: Path) -> Iterator[RecognitionServer]:
    settings = ServerSettings(port=0, threads=1, tokens=tokens, reflection=True)
    with running_server(fake, settings) as server:
        yield server


def test_a_known_token_is_accepted(guarded: RecognitionServer) -> None:
    with Client(guarded.target, token="good") as client:
        assert client.recognize(b"a").image_width == 64
        assert len(client.recognize_batch([b"a", b"b"])) == 2
        assert len(list(client.recognize_stream([Frame(1, b"a")]))) == 1


@pytest.mark.parametrize(("token", "reason"), [(None, "MISSING"), ("bad", "UNKNOWN")])
def test_other_tokens_are_refused_before_anything_is_computed(
    guarded: RecognitionServer, fake: FakeRecognizer, token: str | None, reason: str
) -> None:
    with Client(guarded.target, token=token) as client:
        for call in (
            lambda: client.recognize(b"a" * 1_000_000),
            lambda: client.recognize_batch([b"a"]),
            lambda: list(client.recognize_stream([Frame(1, b"a")])),
        ):
            with pytest.raises(Unauthenticated) as caught:
                call()
            assert caught.value.reason == f"TOKEN_{reason}"
    assert fake.computed == []


async def test_the_async_client_has_a_token_too(guarded: RecognitionServer) -> None:
    async with AsyncClient(guarded.target, token="good") as client:
        assert (await client.recognize(b"a")).image_width == 64
    async with AsyncClient(guarded.target) as client:
        with pytest.raises(Unauthenticated):
            await client.recognize(b"a")


def test_health_is_open_and_reflection_is_not(guarded: RecognitionServer) -> None:
    with grpc.insecure_channel(guarded.target) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        assert health.Check(health_pb2.HealthCheckRequest(), timeout=10).status == 1
        request = reflection_pb2.ServerReflectionRequest(list_services="")
        with pytest.raises(grpc.RpcError) as caught:
            next(
                reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(
                    iter([request])
                )
            )
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_a_refusal_names_the_call(guarded: RecognitionServer) -> None:
    with grpc.insecure_channel(guarded.target) as channel:
        call = channel.unary_unary("/lipiyana.v1.RecognitionService/Recognize")
        with pytest.raises(grpc.RpcError) as caught:
            call(b"", metadata=(("x-request-id", "call-17"),))
    assert ("x-request-id", "call-17") in [tuple(item) for item in caught.value.trailing_metadata()]


def test_a_refusal_is_logged(guarded: RecognitionServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "lipiyana.server")
    with Client(guarded.target, token="forged") as client, pytest.raises(Unauthenticated):
        client.recognize(b"a", request_id="call-17")
    (line,) = [vars(record) for record in caplog.records if hasattr(record, "rpc")]
    assert (line["request_id"], line["rpc"]) == ("call-17", "Recognize")
    assert (line["code"], line["reason"]) == ("UNAUTHENTICATED", "TOKEN_UNKNOWN")
    assert "forged" not in str(line)


def test_log_lines_of_refusals_are_limited(
    guarded: RecognitionServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "lipiyana.server")
    for _ in range(2):
        with Client(guarded.target) as client:
            for _ in range(CONNECTIONS.refusals_at_once):
                with pytest.raises(Unauthenticated):
                    client.recognize(b"a")
    assert sum(hasattr(record, "rpc") for record in caplog.records) == LOGS.lines


def test_a_revoked_token_is_refused(guarded: RecognitionServer, tokens: Path) -> None:
    with Client(guarded.target, token="good") as client:
        client.recognize(b"a")
        tokens.write_text(key("other", "better"))
        with pytest.raises(Unauthenticated):
            client.recognize(b"a")
    with Client(guarded.target, token="better") as client:
        client.recognize(b"a")


def streamed(client: Client, tokens: Path, text: str) -> Iterator[FrameResult]:
    """Send frames one by one; the tokens file changes after the first."""
    answered = threading.Semaphore(0)

    def frames() -> Iterator[Frame]:
        for number in range(3):
            yield Frame(number, b"a")
            assert answered.acquire(timeout=PATIENCE)

    try:
        for result in client.recognize_stream(frames()):
            if result.frame_id == 0:
                tokens.write_text(text)
            yield result
            answered.release()
    finally:
        answered.release(3)


def test_a_revoked_token_ends_its_open_streams(guarded: RecognitionServer, tokens: Path) -> None:
    with Client(guarded.target, token="good") as client:
        results = streamed(client, tokens, key("other", "better"))
        assert next(results).frame_id == 0
        with pytest.raises(Unauthenticated) as caught:
            next(results)
    assert caught.value.reason == "TOKEN_UNKNOWN"


def test_a_changed_limit_applies_to_open_streams(guarded: RecognitionServer, tokens: Path) -> None:
    limit = "pictures_per_second = 0.001\nburst = 1"
    with Client(guarded.target, token="good") as client:
        outcomes = [r.outcome for r in streamed(client, tokens, key("gate", "good", limit))]
    reasons = [o.reason if isinstance(o, LipiyanaError) else "" for o in outcomes]
    assert reasons == ["", "", "RATE_LIMITED"]


def test_a_limit_counts_the_pictures_of_one_key(guarded: RecognitionServer) -> None:
    with Client(guarded.target, token="slow") as slow, Client(guarded.target, token="good") as good:
        slow.recognize_batch([b"a", b"b"])
        slow.recognize(b"a")
        with pytest.raises(Overloaded) as caught:
            slow.recognize(b"a")
        assert caught.value.reason == "RATE_LIMITED"
        assert caught.value.retry_after > 100
        (result,) = slow.recognize_stream([Frame(1, b"a")])
        assert isinstance(result.outcome, LipiyanaError)
        assert result.outcome.reason == "RATE_LIMITED"
        good.recognize(b"a")


def test_tokens_without_tls_are_allowed_on_localhost(
    fake: FakeRecognizer, tokens: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with running_server(fake, ServerSettings(port=0, tokens=tokens)):
        pass
    assert "plaintext" not in caplog.text
    with running_server(fake, ServerSettings(host="0.0.0.0", port=0, tokens=tokens)):
        pass
    assert "tokens are sent in plaintext" in caplog.text
