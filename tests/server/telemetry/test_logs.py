from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import grpc
import pytest
from served_fake import SECRET

from lipiyana.server import RecognitionServer
from lipiyana.server.telemetry.logs import JsonFormatter, TextFormatter, configure_logging
from lipiyana.v1 import recognition_pb2 as pb
from lipiyana.v1 import recognition_service_pb2 as service_pb
from lipiyana.v1.recognition_service_pb2_grpc import RecognitionServiceStub


@contextmanager
def written(formatter: logging.Formatter) -> Iterator[io.StringIO]:
    """Capture what the server logs within the context."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    handler.setFormatter(formatter)
    logger = logging.getLogger("lipiyana")
    before = logger.level
    logger.setLevel(logging.DEBUG)
    logger.addHandler(handler)
    try:
        yield text
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)


def ask(server: RecognitionServer, data: bytes, request_id: str) -> dict[str, str | bytes]:
    """Call, and return the metadata of the answer."""
    request = service_pb.RecognizeRequest(image=pb.Image(encoded=data))
    with grpc.insecure_channel(server.target) as channel:
        call = RecognitionServiceStub(channel).Recognize.with_call
        try:
            _, done = call(request, metadata=(("x-request-id", request_id),))
        except grpc.RpcError as error:
            done = error
        return dict(tuple(item) for item in done.trailing_metadata())


def test_a_call_is_logged_as_one_object(server: RecognitionServer) -> None:
    with written(JsonFormatter()) as text:
        assert ask(server, b"a", "call-1")["x-request-id"] == "call-1"
        assert ask(server, b"bad", "call-2")["x-request-id"] == "call-2"
        made = ask(server, b"b", "not fit!")["x-request-id"]
    lines = [json.loads(line) for line in text.getvalue().splitlines()]
    calls = [line for line in lines if "rpc" in line]
    assert [line["request_id"] for line in calls] == ["call-1", "call-2", made]
    assert [line["code"] for line in calls] == ["OK", "INVALID_ARGUMENT", "OK"]
    assert calls[1]["reason"] == "TRUNCATED_IMAGE"
    first = calls[0]
    assert (first["rpc"], first["pictures"], first["level"]) == ("Recognize", 1, "info")
    assert first["seconds"] > 0
    assert first["time"].endswith("Z")


@pytest.mark.parametrize("formatter", [JsonFormatter(), TextFormatter("%(message)s")])
def test_messages_of_exceptions_are_not_logged(formatter: logging.Formatter) -> None:
    with written(formatter) as text:
        try:
            raise KeyError(SECRET)
        except KeyError:
            logging.getLogger("lipiyana.server").exception("a bug")
    assert SECRET not in text.getvalue()
    assert "KeyError" in text.getvalue()
    assert "test_logs.py" in text.getvalue()


@pytest.mark.parametrize("how", ["text", "json"])
def test_the_log_goes_to_standard_error(how: str, capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    try:
        configure_logging("json" if how == "json" else "text")
        logging.getLogger("lipiyana.server").info("hello")
        logging.getLogger("lipiyana.server").debug("too much")
    finally:
        root.handlers[:] = before
        root.setLevel(level)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert (how == "json") == captured.err.startswith("{")
