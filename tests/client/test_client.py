from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from served_fake import FakeRecognizer, recognition

from lipiyana.client import AsyncClient, Client
from lipiyana.errors import (
    Cancelled,
    DeadlineExceeded,
    InternalError,
    InvalidImage,
    InvalidRequest,
    LipiyanaError,
    NotFound,
    Overloaded,
    Unavailable,
)
from lipiyana.recognizer import Recognizer
from lipiyana.server import RecognitionServer
from lipiyana.types import Frame
from lipiyana.v1 import recognition_service_pb2 as service_pb
from lipiyana.v1 import recognition_service_pb2_grpc as service_grpc
from lipiyana.wire.results import recognition_to_proto

GOOD = service_pb.RecognizeResponse(recognition=recognition_to_proto(recognition("good")))
LARGE = b"x" * 1_000_000


class Scripted(service_grpc.RecognitionServiceServicer):
    """Refuses its first calls with the given codes, then answers; records the calls."""

    def __init__(self, *codes: grpc.StatusCode) -> None:
        self.codes = list(codes)
        self.sizes: list[int] = []
        self.metadata: list[tuple[str, str | bytes]] = []

    def Recognize(  # noqa: N802
        self, request: service_pb.RecognizeRequest, context: grpc.ServicerContext
    ) -> service_pb.RecognizeResponse:
        self.sizes.append(len(request.image.encoded))
        self.metadata = list(context.invocation_metadata())
        if self.codes:
            context.abort(self.codes.pop(0), "scripted")
        return GOOD

    def BatchRecognize(  # noqa: N802
        self, request: service_pb.BatchRecognizeRequest, context: grpc.ServicerContext
    ) -> service_pb.BatchRecognizeResponse:
        return service_pb.BatchRecognizeResponse()

    def StreamRecognize(  # noqa: N802
        self,
        request_iterator: Iterator[service_pb.StreamRecognizeRequest],
        context: grpc.ServicerContext,
    ) -> Iterator[service_pb.StreamRecognizeResponse]:
        context.abort(grpc.StatusCode.UNAVAILABLE, "scripted")


@contextmanager
def serving(
    servicer: Scripted | None, credentials: grpc.ServerCredentials | None = None
) -> Iterator[str]:
    with ThreadPoolExecutor(2) as threads:
        server = grpc.server(threads, options=[("grpc.max_receive_message_length", 2**25)])
        if servicer is not None:
            service_grpc.add_RecognitionServiceServicer_to_server(servicer, server)
        if credentials is None:
            port = server.add_insecure_port("127.0.0.1:0")
        else:
            port = server.add_secure_port("127.0.0.1:0", credentials)
        server.start()
        yield f"127.0.0.1:{port}"
        server.stop(None).wait()


@pytest.fixture
def unused_address() -> Iterator[str]:
    """An address at which nothing listens during the test."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{bound.getsockname()[1]}"


def test_the_client_is_a_recognizer(client: Client) -> None:
    assert isinstance(client, Recognizer)


def test_an_unreachable_server(unused_address: str) -> None:
    with Client(unused_address) as client:
        with pytest.raises(
            Unavailable, match=f"{unused_address}.*is `lipiyana serve` running"
        ) as caught:
            client.recognize(b"a")
        assert caught.value.reason == "UNAVAILABLE"
        with pytest.raises(Unavailable):
            client.recognize_batch([b"a"])
        with pytest.raises(Unavailable):
            list(client.recognize_stream([Frame(1, b"a")]))


@pytest.mark.parametrize("times", [1, 3])
def test_unavailable_is_retried_also_with_large_pictures(times: int) -> None:
    scripted = Scripted(*[grpc.StatusCode.UNAVAILABLE] * times)
    with serving(scripted) as target, Client(target) as client:
        assert client.recognize(LARGE).text_lines[0].text == "good"
    assert scripted.sizes == [len(LARGE)] * (times + 1)


def test_at_most_five_attempts() -> None:
    scripted = Scripted(*[grpc.StatusCode.UNAVAILABLE] * 9)
    with serving(scripted) as target, Client(target) as client, pytest.raises(Unavailable):
        client.recognize(b"a")
    assert len(scripted.sizes) == 5


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (grpc.StatusCode.RESOURCE_EXHAUSTED, Overloaded),
        (grpc.StatusCode.INTERNAL, InternalError),
        (grpc.StatusCode.CANCELLED, Unavailable),  # how a stopping server ends new calls
        (grpc.StatusCode.DEADLINE_EXCEEDED, DeadlineExceeded),
        (grpc.StatusCode.ABORTED, LipiyanaError),
    ],
)
def test_other_codes_are_not_retried(code: grpc.StatusCode, kind: type[LipiyanaError]) -> None:
    scripted = Scripted(code)
    with (
        serving(scripted) as target,
        Client(target) as client,
        pytest.raises(LipiyanaError) as caught,
    ):
        client.recognize(b"a")
    assert type(caught.value) is kind
    assert len(scripted.sizes) == 1


def test_a_client_that_is_closed_during_a_call(
    server: RecognitionServer, fake: FakeRecognizer
) -> None:
    fake.hold()
    client = Client(server.target)
    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(client.recognize, b"a")
        fake.wait_for(b"a")
        client.close()
        assert isinstance(call.exception(30), Cancelled)


def test_a_server_of_another_service() -> None:
    with (
        serving(None) as target,
        Client(target) as client,
        pytest.raises(Unavailable, match="not a lipiyana server") as caught,
    ):
        client.recognize(b"a")
    assert caught.value.reason == "NOT_LIPIYANA"


def test_a_batch_answer_that_lacks_a_picture() -> None:
    with serving(Scripted()) as target, Client(target) as client, pytest.raises(InternalError):
        client.recognize_batch([b"a"])


def test_the_timeout_of_a_call_overrides_that_of_the_client(
    client: Client, fake: FakeRecognizer
) -> None:
    client.recognize(b"a")
    client.recognize(b"b", timeout=7)
    first, second = fake.timeouts
    assert first is not None
    assert 8 < first < 31
    assert second is not None
    assert second < 8


def test_no_timeout(server: RecognitionServer, fake: FakeRecognizer) -> None:
    with Client(server.target, timeout=None) as client:
        client.recognize(b"a")
    assert fake.timeouts == [None]


@pytest.mark.parametrize("timeout", [float("inf"), 1e12])
def test_more_than_a_year_means_no_timeout(
    client: Client, fake: FakeRecognizer, timeout: float
) -> None:
    client.recognize(b"a", timeout=timeout)
    assert fake.timeouts == [None]


@pytest.mark.parametrize("timeout", [0, -1, float("-inf")])
def test_a_timeout_of_zero_or_less_has_expired(client: Client, timeout: float) -> None:
    with pytest.raises(DeadlineExceeded):
        client.recognize(b"a", timeout=timeout)


def test_a_timeout_that_is_not_a_number(client: Client) -> None:
    with pytest.raises(InvalidRequest) as caught:
        client.recognize(b"a", timeout=float("nan"))
    assert caught.value.field == "timeout"


def test_files_are_read_by_the_client(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"a")
    assert client.recognize(path).text_lines[0].text == "a"
    with pytest.raises(NotFound):
        client.recognize(tmp_path / "none")
    first, second, third = client.recognize_batch([tmp_path, path, b"b"])
    assert isinstance(first, InvalidImage)
    assert not isinstance(second, LipiyanaError)
    assert not isinstance(third, LipiyanaError)


def test_a_batch_with_nothing_to_send(client: Client, fake: FakeRecognizer, tmp_path: Path) -> None:
    assert client.recognize_batch([]) == []
    assert [type(o) for o in client.recognize_batch([tmp_path / "none"])] == [NotFound]
    assert fake.computed == []


@pytest.mark.parametrize("target", ["gate.example:50051", "dns:///192.0.2.1:1", "[2001:db8::1]:1"])
def test_a_token_in_plaintext_warns(target: str) -> None:
    with pytest.warns(UserWarning, match="plaintext") as warned, Client(target, token="secret"):
        pass
    assert [warning.filename for warning in warned] == [__file__]


@pytest.mark.parametrize("target", ["localhost:1", "dns:///127.0.0.1:1", "[::1]:1", "unix:///s"])
def test_a_plaintext_token_to_localhost_does_not_warn(target: str) -> None:
    with Client(target, token="secret"):
        pass


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize("token", ["clé", "key\0", "key\nkey", "कुंजी"])
def test_a_token_that_cannot_be_sent(kind: type[Client | AsyncClient], token: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        kind("localhost:1", token=token)
    assert (caught.value.field, caught.value.reason) == ("token", "INVALID_SETTINGS")
    assert token not in caught.value.message


def test_whitespace_around_a_token_is_stripped() -> None:
    scripted = Scripted()
    with serving(scripted) as target, Client(target, token=" secret\r\n") as client:
        client.recognize(b"a")
    assert ("authorization", "Bearer secret") in scripted.metadata


@pytest.mark.parametrize("request_id", ["पार्किंग", "a\nb", "a\n", "a b", "", "a" * 65, "a" * 20_000])
def test_an_invalid_request_id_is_not_sent(request_id: str) -> None:
    scripted = Scripted()
    with serving(scripted) as target, Client(target) as client:
        client.recognize(b"a", request_id=request_id)
    assert "x-request-id" not in dict(scripted.metadata)


def test_the_metadata_of_a_call() -> None:
    scripted = Scripted()
    with serving(scripted) as target, Client(target, token="secret") as client:
        client.recognize(b"a", request_id="call-17")
        assert {("authorization", "Bearer secret"), ("x-request-id", "call-17")} <= set(
            scripted.metadata
        )
        client.recognize(b"a")
        assert "x-request-id" not in dict(scripted.metadata)


def test_a_secure_channel() -> None:
    scripted = Scripted()
    with serving(scripted, grpc.local_server_credentials()) as target:
        tls = grpc.local_channel_credentials()
        with Client(target, tls=tls, token="secret") as client:
            assert client.recognize(b"a").text_lines[0].text == "good"
    assert ("authorization", "Bearer secret") in scripted.metadata


def test_threads_may_share_a_client(client: Client) -> None:
    pictures = [str(number % 4).encode() for number in range(40)]
    with ThreadPoolExecutor(4) as threads:
        values = list(threads.map(client.recognize, pictures))
    assert [value.text_lines[0].text.encode() for value in values] == pictures
