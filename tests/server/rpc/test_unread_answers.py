"""Callers who do not read their answers: unread answers are limited and do not affect others."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from raw_http2 import RawConnection, message
from served_fake import PATIENCE, FakeRecognizer, recognition

from lipiyana.client import Client
from lipiyana.errors import LipiyanaError, Overloaded
from lipiyana.server import RecognitionServer, ServerSettings, running_server
from lipiyana.server.calls import recognition as recognition_module
from lipiyana.server.tuning import MESSAGES, STREAMS
from lipiyana.types import ImageInput, Recognition, RecognitionConfig
from lipiyana.v1 import recognition_pb2 as pb
from lipiyana.v1 import recognition_service_pb2 as service_pb

SERVICE = b"/lipiyana.v1.RecognitionService/"
MESSAGE = 64 * 1024


class Wordy(FakeRecognizer):
    """Returns a text with as many bytes as the picture's number."""

    def recognize(
        self,
        image: ImageInput,
        config: RecognitionConfig | None = None,
        *,
        timeout: float | None = None,
    ) -> Recognition:
        super().recognize(image, config, timeout=timeout)
        found = recognition("")
        if not isinstance(image, bytes) or not image.isdigit():
            return found
        return replace(found, text_lines=(replace(found.text_lines[0], text="x" * int(image)),))


@pytest.fixture
def fake() -> Wordy:
    return Wordy()


@pytest.fixture
def settings() -> ServerSettings:
    return ServerSettings(
        port=0, threads=1, max_queue=4, max_batch=4, shutdown_grace=0,
        max_message_bytes=MESSAGE, max_queue_bytes=2 * MESSAGE,
    )  # fmt: skip


@pytest.fixture
def raw(server: RecognitionServer) -> Iterator[RawConnection]:
    with RawConnection(server.target, PATIENCE) as connection:
        connection.read_nothing()
        yield connection


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end


def ask(raw: RawConnection, data: bytes) -> int:
    request = service_pb.RecognizeRequest(image=pb.Image(encoded=data))
    stream = raw.open(SERVICE + b"Recognize")
    raw.send(stream, message(request.SerializeToString()), end=True)
    return stream


def outcome(client: Client, data: bytes) -> Recognition | LipiyanaError:
    try:
        return client.recognize(data)
    except LipiyanaError as error:
        return error


def test_unread_answers_are_limited(raw: RawConnection, client: Client, fake: Wordy) -> None:
    size = MESSAGE * 5 // 8
    # pictures of their own, which are read one after the other
    held = [ask(raw, b"%d" % (size + 1 + number)) for number in range(MESSAGES.unread_messages)]
    refused = ask(raw, b"%d" % size)
    assert b"bytes of answers wait until" in raw.wait_for_end(refused)
    assert raw.ended == {refused}
    small = MESSAGES.small_answer_bytes // 2
    assert len(client.recognize(b"%d" % small).text_lines[0].text) == small
    busy = outcome(client, b"%d" % size)
    assert isinstance(busy, Overloaded)
    assert busy.reason == "ANSWERS_NOT_TAKEN"
    for stream in held:
        raw.reset(stream)
    until(lambda: isinstance(outcome(client, b"%d" % size), Recognition))
    for _ in range(3 * MESSAGES.unread_messages):  # what is read counts no more
        until(lambda: isinstance(outcome(client, b"%d" % size), Recognition))


def test_a_caller_who_leaves_before_the_answer_is_not_an_error(
    raw: RawConnection, client: Client, fake: Wordy, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        stream = ask(raw, b"%d" % MESSAGE)
        fake.wait_for(b"%d" % MESSAGE)
        until(lambda: "Recognize: OK" in caplog.text)
        raw.reset(stream)
        until(lambda: "a caller disconnected before it had read its answer" in caplog.text)
    assert "Traceback" not in caplog.text
    assert not [one for one in caplog.records if one.levelno > logging.WARNING]


def stream_of(raw: RawConnection, *frames: bytes) -> int:
    requests = [service_pb.StreamRecognizeRequest(setup=service_pb.StreamSetup())] + [
        service_pb.StreamRecognizeRequest(
            frame=service_pb.StreamFrame(frame_id=number, image=pb.Image(encoded=data))
        )
        for number, data in enumerate(frames)
    ]
    stream = raw.open(SERVICE + b"StreamRecognize")
    for request in requests:
        whole = message(request.SerializeToString())
        while whole:
            room = raw.wait_for_room(stream)
            raw.send(stream, whole[:room])
            whole = whole[room:]
    return stream


def test_a_frame_is_freed_before_its_result_is_read(raw: RawConnection, fake: Wordy) -> None:
    stream_of(raw, b"a picture")
    fake.wait_for(b"a picture")
    # the references of the list and of getrefcount itself
    until(lambda: sys.getrefcount(fake.computed[0]) == 2)


def test_no_frame_waits_long_behind_an_unread_result(
    raw: RawConnection, client: Client, fake: Wordy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recognition_module, "STREAMS", replace(STREAMS, unread_seconds=0.01))
    large = MESSAGE * 7 // 8
    streams = [stream_of(raw, b"%d" % number) for number in range(2)]
    for number in range(2):
        fake.wait_for(b"%d" % number)
    for stream in streams:
        whole = message(
            service_pb.StreamRecognizeRequest(
                frame=service_pb.StreamFrame(frame_id=9, image=pb.Image(encoded=bytes(large)))
            ).SerializeToString()
        )
        while whole and (room := raw.wait_for_room(stream)):
            raw.send(stream, whole[:room])
            whole = whole[room:]
    until(lambda: isinstance(outcome(client, bytes(large)), Recognition))


def test_batch_answers_are_written_in_order(fake: Wordy) -> None:
    settings = ServerSettings(port=0, threads=1, max_batch=64)
    with running_server(fake, settings) as server, Client(server.target) as client:
        found = client.recognize_batch([b"1", b"bad", b"3"])
    assert [isinstance(one, Recognition) for one in found] == [True, False, True]
