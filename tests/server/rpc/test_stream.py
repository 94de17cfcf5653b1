from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from served_fake import PATIENCE, FakeRecognizer

from lipiyana.client import Client
from lipiyana.errors import InvalidImage, InvalidRequest, LipiyanaError, NotFound, Overloaded
from lipiyana.recognizer import FrameResult
from lipiyana.server import RecognitionServer, ServerSettings, running_server
from lipiyana.server.calls.frames import IncomingFrames, WaitingFrame
from lipiyana.server.tuning import STREAMS
from lipiyana.types import CacheOutcome, Frame, Recognition
from lipiyana.v1 import recognition_pb2 as pb
from lipiyana.v1 import recognition_service_pb2 as service_pb
from lipiyana.v1.recognition_service_pb2_grpc import RecognitionServiceStub
from lipiyana.wire.status import DETAILS_KEY

SETUP = service_pb.StreamRecognizeRequest(setup=service_pb.StreamSetup())


def frame_request(frame_id: int, data: bytes) -> service_pb.StreamRecognizeRequest:
    image = pb.Image(encoded=data)
    return service_pb.StreamRecognizeRequest(
        frame=service_pb.StreamFrame(frame_id=frame_id, image=image)
    )


def texts(results: list[FrameResult]) -> list[tuple[int, str]]:
    return [
        (
            result.frame_id,
            result.outcome.reason
            if isinstance(result.outcome, LipiyanaError)
            else result.outcome.text_lines[0].text,
        )
        for result in results
    ]


class Paced:
    """Yields frames one by one, each after the result of the previous one."""

    def __init__(self, frames: list[Frame]) -> None:
        self._frames = frames
        self._answered = threading.Semaphore(1)

    def __iter__(self) -> Iterator[Frame]:
        for frame in self._frames:
            assert self._answered.acquire(timeout=PATIENCE)
            yield frame

    def results(self, client: Client) -> list[FrameResult]:
        results = []
        for result in client.recognize_stream(self):
            results.append(result)
            self._answered.release()
        return results


def test_slow_frames_are_all_read(client: Client, fake: FakeRecognizer) -> None:
    paced = Paced([Frame(5, b"a"), Frame(7, b"bad"), Frame(6, b"a"), Frame(8, b"b")])
    results = paced.results(client)
    assert texts(results) == [(5, "a"), (7, "TRUNCATED_IMAGE"), (6, "a"), (8, "b")]
    assert [result.dropped_frame_ids for result in results] == [()] * 4
    assert isinstance(results[1].outcome, InvalidImage)
    assert isinstance(results[2].outcome, Recognition)
    assert results[2].outcome.cache_outcome is CacheOutcome.HIT
    assert fake.computed == [b"a", b"bad", b"b"]


def test_of_fast_frames_only_the_newest_is_read(client: Client, fake: FakeRecognizer) -> None:
    fake.hold()

    def frames() -> Iterator[Frame]:
        yield Frame(0, b"0")
        fake.wait_for(b"0")
        yield from (Frame(number, str(number).encode()) for number in range(1, 50))
        fake.release()

    results = list(client.recognize_stream(frames()))
    answered = [result.frame_id for result in results]
    dropped = [number for result in results for number in result.dropped_frame_ids]
    assert answered[0] == 0
    assert answered[-1] == 49
    assert sorted(answered + dropped) == list(range(50))
    assert len(fake.computed) == len(answered)


def test_reading_pauses_while_many_drops_are_unreported(
    client: Client, fake: FakeRecognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lipiyana.server.calls.frames.STREAMS", replace(STREAMS, max_dropped=5))
    fake.hold()

    def frames() -> Iterator[Frame]:
        yield Frame(0, b"0")
        fake.wait_for(b"0")
        yield from (Frame(number, str(number).encode()) for number in range(1, 50))
        fake.release()

    results = list(client.recognize_stream(frames()))
    assert max(len(result.dropped_frame_ids) for result in results) <= 5
    reported = [number for r in results for number in (*r.dropped_frame_ids, r.frame_id)]
    assert reported == list(range(50))


def test_a_stream_without_frames(client: Client) -> None:
    assert list(client.recognize_stream([])) == []


@pytest.mark.parametrize(
    ("requests", "reason", "answered"),
    [
        ([], "SETUP_MISSING", 0),
        ([frame_request(1, b"a")], "SETUP_MISSING", 0),
        ([SETUP, SETUP], "FRAME_EXPECTED", 0),
        ([SETUP, frame_request(1, b"a"), SETUP], "FRAME_EXPECTED", 1),
        ([SETUP, service_pb.StreamRecognizeRequest()], "FRAME_EXPECTED", 0),
    ],
)
def test_stream_messages_out_of_order(
    server: RecognitionServer,
    requests: list[service_pb.StreamRecognizeRequest],
    reason: str,
    answered: int,
) -> None:
    responses: list[service_pb.StreamRecognizeResponse] = []
    with grpc.insecure_channel(server.target) as channel:
        call = RecognitionServiceStub(channel).StreamRecognize(iter(requests))
        with pytest.raises(grpc.RpcError) as caught:
            responses.extend(response for response in call)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    trailers = caught.value.trailing_metadata()
    details = next(item.value for item in trailers if item.key == DETAILS_KEY)
    assert reason.encode() in details
    assert len(responses) <= answered


def test_a_missing_setup_ends_the_stream(
    server: RecognitionServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient = replace(STREAMS, setup_seconds=0.01)
    monkeypatch.setattr("lipiyana.server.calls.recognition.STREAMS", impatient)
    ended = threading.Event()

    def requests() -> Iterator[service_pb.StreamRecognizeRequest]:
        ended.wait(PATIENCE)
        yield from ()

    with grpc.insecure_channel(server.target) as channel:
        call = RecognitionServiceStub(channel).StreamRecognize(requests(), timeout=PATIENCE)
        with pytest.raises(grpc.RpcError) as caught:
            next(call)
        ended.set()
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "the setup" in caught.value.details()


def test_a_bad_config_ends_the_stream(server: RecognitionServer) -> None:
    setup = service_pb.StreamSetup(config=pb.RecognitionConfig(min_confidence=2))
    requests = [service_pb.StreamRecognizeRequest(setup=setup), frame_request(1, b"a")]
    with grpc.insecure_channel(server.target) as channel:
        call = RecognitionServiceStub(channel).StreamRecognize(iter(requests), timeout=PATIENCE)
        with pytest.raises(grpc.RpcError, match="min_confidence") as caught:
            next(call)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_a_frame_whose_file_is_missing(client: Client, tmp_path: Path) -> None:
    results = list(client.recognize_stream([Frame(1, tmp_path / "none"), Frame(2, b"a")]))
    assert sorted(texts(results)) == [(1, "NOT_FOUND"), (2, "a")]
    results = list(client.recognize_stream([Frame(3, tmp_path / "none")]))
    assert [type(result.outcome) for result in results] == [NotFound]


def test_an_error_of_the_frame_iterator_comes_after_the_results(client: Client) -> None:
    def frames() -> Iterator[Frame]:
        yield Frame(1, b"a")
        raise OSError("the camera is gone")

    results: list[FrameResult] = []
    with pytest.raises(OSError, match="the camera is gone"):
        results.extend(result for result in client.recognize_stream(frames()))


def test_a_frame_id_outside_its_range_is_refused(client: Client) -> None:
    with pytest.raises(InvalidRequest) as caught:
        list(client.recognize_stream([Frame(-1, b"a")]))
    assert caught.value.field == "frame_id"


def test_a_client_that_disconnects_does_not_affect_others(
    client: Client, fake: FakeRecognizer
) -> None:
    gone = threading.Event()

    def frames() -> Iterator[Frame]:
        yield Frame(1, b"1")
        gone.wait(PATIENCE)

    stream = client.recognize_stream(frames())
    assert next(stream).frame_id == 1
    stream.close()  # type: ignore[attr-defined]
    gone.set()
    assert client.recognize(b"2").text_lines[0].text == "2"
    assert fake.computed == [b"1", b"2"]


def test_waiting_frames_are_limited_by_their_bytes(
    fake: FakeRecognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = ServerSettings(port=0, threads=1, max_queue_bytes=4096, max_message_bytes=2048)
    arrived = threading.Event()
    put = IncomingFrames.put

    def telling(self: IncomingFrames, frame: WaitingFrame) -> None:
        put(self, frame)
        if frame.frame_id == 2:
            arrived.set()

    monkeypatch.setattr(IncomingFrames, "put", telling)
    fake.hold()

    def frames() -> Iterator[Frame]:
        yield Frame(1, b"1" * 1900)
        fake.wait_for(b"1" * 1900)
        yield Frame(2, b"2" * 1900)
        assert arrived.wait(PATIENCE)
        fake.release()

    with running_server(fake, settings) as server, Client(server.target) as client:
        results = list(client.recognize_stream(frames()))
        assert texts(results) == [(1, "1" * 40), (2, "QUEUE_FULL")]
        assert isinstance(results[1].outcome, Overloaded)
        assert results[1].outcome.retry_after
        assert client.recognize(b"3" * 1900).text_lines  # the held bytes were released


def test_refused_frames_do_not_wait_for_the_garbage_collector(
    client: Client, server: RecognitionServer
) -> None:
    def errors() -> int:
        # not isinstance, which reads `__class__`: objects of other packages may warn then
        return sum(issubclass(type(thing), LipiyanaError) for thing in gc.get_objects())

    unknown = pb.Image(raw=pb.RawImage(data=b"x", width=1, height=1, pixel_format=99))
    image = service_pb.StreamFrame(frame_id=1, image=unknown)
    requests = [SETUP, service_pb.StreamRecognizeRequest(frame=image)]
    with grpc.insecure_channel(server.target) as channel:
        method = RecognitionServiceStub(channel).StreamRecognize
        list(method(iter(requests)))  # imports
        gc.collect()
        gc.disable()
        try:
            before = errors()
            for _ in range(5):
                (response,) = method(iter(requests))
                assert response.WhichOneof("outcome") == "error"
            with pytest.raises(grpc.RpcError):
                list(method(iter([SETUP, SETUP])))
            client.recognize(b"a")  # all earlier calls have ended
            assert errors() == before
        finally:
            gc.enable()
