from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, as_completed, wait
from dataclasses import replace
from itertools import islice

import grpc
import pytest
from google.rpc import error_details_pb2
from google.rpc.status_pb2 import Status
from served_fake import PATIENCE, SECRET, FakeRecognizer, recognition

from lipiyana.client import Client
from lipiyana.errors import (
    DeadlineExceeded,
    InternalError,
    InvalidImage,
    LipiyanaError,
    MessageTooLarge,
    Overloaded,
)
from lipiyana.server import RecognitionServer, ServerSettings, running_server
from lipiyana.types import CacheOutcome, Recognition
from lipiyana.v1 import recognition_pb2 as pb
from lipiyana.v1 import recognition_service_pb2 as service_pb
from lipiyana.v1.recognition_service_pb2_grpc import RecognitionServiceStub
from lipiyana.wire.status import DETAILS_KEY

IMAGE = pb.Image(encoded=b"a")


@pytest.fixture
def stub(server: RecognitionServer) -> Iterator[RecognitionServiceStub]:
    with grpc.insecure_channel(server.target) as channel:
        yield RecognitionServiceStub(channel)


def details(error: grpc.RpcError) -> tuple[Status, error_details_pb2.ErrorInfo]:
    packed = next(item.value for item in error.trailing_metadata() if item.key == DETAILS_KEY)
    status, info = Status.FromString(packed), error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    return status, info


def outcome_text(outcome: Recognition | LipiyanaError) -> str:
    return outcome.reason if isinstance(outcome, LipiyanaError) else outcome.text_lines[0].text


def test_one_picture(client: Client) -> None:
    value = client.recognize(b"a")
    assert value == replace(recognition("a"), cache_outcome=CacheOutcome.MISS)
    assert client.recognize(b"a").cache_outcome is CacheOutcome.HIT


@pytest.mark.parametrize(
    ("request_", "field", "reason"),
    [
        (service_pb.RecognizeRequest(), "image", "MISSING_IMAGE"),
        (service_pb.RecognizeRequest(image=pb.Image()), "image", "MISSING_IMAGE"),
        (
            service_pb.RecognizeRequest(image=pb.Image(raw=pb.RawImage(data=b"a"))),
            "image",
            "UNKNOWN_PIXEL_FORMAT",
        ),
        (
            service_pb.RecognizeRequest(image=IMAGE, config=pb.RecognitionConfig(features=[99])),  # type: ignore[list-item]
            "features",
            "UNKNOWN_FEATURE",
        ),
        (
            service_pb.RecognizeRequest(image=IMAGE, config=pb.RecognitionConfig(min_confidence=2)),
            "min_confidence",
            "INVALID_REQUEST",
        ),
        (service_pb.RecognizeRequest(image=pb.Image(encoded=b"bad")), "image", "TRUNCATED_IMAGE"),
    ],
)
def test_bad_requests(
    stub: RecognitionServiceStub, request_: service_pb.RecognizeRequest, field: str, reason: str
) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        stub.Recognize(request_)
    status, info = details(caught.value)
    violations = error_details_pb2.BadRequest()
    assert status.details[1].Unpack(violations)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert caught.value.details() == status.message
    assert (info.domain, info.reason) == ("lipiyana", reason)
    assert [violation.field for violation in violations.field_violations] == [field]


def test_a_bad_config_is_refused_before_anything_is_queued(
    stub: RecognitionServiceStub, fake: FakeRecognizer
) -> None:
    bad = pb.RecognitionConfig(min_confidence=2)
    for call in (
        lambda: stub.Recognize(service_pb.RecognizeRequest(image=IMAGE, config=bad)),
        lambda: stub.BatchRecognize(service_pb.BatchRecognizeRequest(images=[IMAGE], config=bad)),
    ):
        with pytest.raises(grpc.RpcError) as caught:
            call()
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert fake.computed == []


def test_an_internal_error_has_no_details_for_the_caller(
    client: Client, stub: RecognitionServiceStub, caplog: pytest.LogCaptureFixture
) -> None:
    request = service_pb.RecognizeRequest(image=pb.Image(encoded=b"bug"))
    with caplog.at_level(logging.DEBUG, "lipiyana"), pytest.raises(grpc.RpcError) as caught:
        stub.Recognize(request, metadata=(("x-request-id", "call-17"),))
    assert caught.value.code() is grpc.StatusCode.INTERNAL
    status, info = details(caught.value)
    assert info.metadata["request_id"] == "call-17"
    assert "call-17" in status.message
    assert SECRET not in str(status)
    assert "KeyError" in caplog.text
    assert "call-17" in caplog.text
    assert SECRET not in caplog.text
    with pytest.raises(InternalError):
        client.recognize(b"bug")


def test_an_invalid_request_id_is_not_logged(
    stub: RecognitionServiceStub, caplog: pytest.LogCaptureFixture
) -> None:
    request = service_pb.RecognizeRequest(image=pb.Image(encoded=b"bug"))
    with caplog.at_level(logging.DEBUG, "lipiyana"), pytest.raises(grpc.RpcError):
        stub.Recognize(request, metadata=(("x-request-id", "a b%0aERROR"),))
    assert "%0a" not in caplog.text


def test_the_pictures_of_a_batch_fail_one_by_one(client: Client, fake: FakeRecognizer) -> None:
    outcomes = client.recognize_batch([b"a", b"bad", b"bug", b"a"])
    assert [outcome_text(outcome) for outcome in outcomes] == [
        "a", "TRUNCATED_IMAGE", "INTERNAL", "a",
    ]  # fmt: skip
    assert [type(outcome) for outcome in outcomes[1:3]] == [InvalidImage, InternalError]
    assert SECRET not in str(outcomes[2])
    assert sorted(fake.computed) == [b"a", b"bad", b"bug"]


def test_a_batch_with_a_missing_picture(stub: RecognitionServiceStub) -> None:
    request = service_pb.BatchRecognizeRequest(images=[IMAGE, pb.Image()])
    first, second = stub.BatchRecognize(request).items
    assert first.recognition.text_lines[0].text == "a"
    assert second.error.code == grpc.StatusCode.INVALID_ARGUMENT.value[0]


@pytest.mark.parametrize(("count", "reason"), [(0, "EMPTY_BATCH"), (5, "BATCH_TOO_LARGE")])
def test_batches_of_an_invalid_size(
    stub: RecognitionServiceStub, fake: FakeRecognizer, count: int, reason: str
) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        stub.BatchRecognize(service_pb.BatchRecognizeRequest(images=[IMAGE] * count))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert details(caught.value)[1].reason == reason
    assert fake.computed == []


def test_a_full_queue_refuses_calls(fake: FakeRecognizer) -> None:
    settings = ServerSettings(port=0, threads=1, max_queue=1, max_batch=1)
    fake.hold()
    with (
        running_server(fake, settings) as server,
        Client(server.target) as client,
        ThreadPoolExecutor(3) as threads,
    ):
        calls = [threads.submit(client.recognize, picture) for picture in (b"1", b"2", b"3")]
        refused, accepted = wait(calls, timeout=30, return_when=FIRST_COMPLETED)
        error = next(iter(refused)).exception()
        fake.release()
        assert isinstance(error, Overloaded)
        assert error.retry_after > 0
        assert len(accepted) == 2
        assert all(call.result(30).image_width == 64 for call in accepted)


def test_a_batch_is_queued_as_a_whole_or_not_at_all(fake: FakeRecognizer, client: Client) -> None:
    fake.hold()
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(client.recognize_batch, [b"1", b"2", b"3"])
        fake.wait_for(b"1")
        with pytest.raises(Overloaded):
            client.recognize_batch([b"4", b"5", b"6"])
        fake.release()
        assert len(running.result(30)) == 3
    assert sorted(fake.computed) == [b"1", b"2", b"3"]


def test_a_call_that_expired_in_the_queue_is_not_computed(
    fake: FakeRecognizer, client: Client
) -> None:
    fake.hold()
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(client.recognize, b"1")
        fake.wait_for(b"1")
        with pytest.raises(DeadlineExceeded, match="within the timeout"):
            client.recognize(b"2", timeout=0.05)
        fake.release()
        running.result(30)
    client.recognize(b"3")
    assert fake.computed == [b"1", b"3"]


def test_equal_concurrent_calls_are_computed_once(
    fake: FakeRecognizer, stub: RecognitionServiceStub
) -> None:
    fake.hold()
    request = service_pb.RecognizeRequest(image=IMAGE)
    leader = stub.Recognize.future(request)
    fake.wait_for(b"a")
    follower = stub.Recognize.future(request)
    leader.cancel()
    fake.release()
    outcome = follower.result(30).recognition.cache_outcome
    # the second call joined the computation or was answered from the cache
    assert outcome == pb.CACHE_OUTCOME_HIT
    assert fake.computed == [b"a"]


def test_equal_waiting_calls_are_limited_by_their_bytes(fake: FakeRecognizer) -> None:
    settings = ServerSettings(port=0, threads=1, max_queue_bytes=4096, max_message_bytes=2048)
    picture = b"x" * 900
    fake.hold()
    with (
        running_server(fake, settings) as server,
        Client(server.target) as client,
        ThreadPoolExecutor(6) as threads,
    ):
        calls = [threads.submit(client.recognize, picture) for _ in range(6)]
        refused = list(islice(as_completed(calls, timeout=PATIENCE), 3))
        assert [type(call.exception()) for call in refused] == [Overloaded] * 3
        with pytest.raises(Overloaded):
            client.recognize_batch([picture, picture])
        fake.release()
        assert all(call.result(PATIENCE) for call in calls if call not in refused)
        assert len(client.recognize_batch([picture, picture])) == 2
    assert fake.computed == [picture]


def test_messages_over_the_limits(fake: FakeRecognizer) -> None:
    settings = ServerSettings(port=0, max_message_bytes=100_000)
    with running_server(fake, settings) as server:
        with (
            Client(server.target) as client,
            pytest.raises(MessageTooLarge, match=r"over the limit of 100000; raise .* the server"),
        ):
            client.recognize(b"x" * 200_000)
        with (
            Client(server.target, max_message_bytes=50_000) as client,
            pytest.raises(MessageTooLarge, match=r"over the limit of 50000; raise .* the client"),
        ):
            client.recognize(b"x" * 60_000)
        with Client(server.target) as client:
            assert client.recognize(b"good").image_width == 64
