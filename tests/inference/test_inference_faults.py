"""A server of models that is wrong, slow, away or dying."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from certificates import Authority
from model_server import PATIENCE, ModelServer
from models_elsewhere import BATCH, READER, Connect, Noted

from lipiyana.batching import Work, working
from lipiyana.errors import (
    Cancelled,
    DeadlineExceeded,
    LipiyanaError,
    MessageTooLarge,
    ModelUnavailable,
    Overloaded,
    Unavailable,
)
from lipiyana.inference.models import RemoteModels
from lipiyana.inference.options import InferenceOptions
from lipiyana.pipeline import LocalRecognizer
from lipiyana.runtime.store import ModelStore
from lipiyana.types import Recognition

CODE = grpc.StatusCode
SUPPORT = Path(__file__).parents[1] / "support"


def garble(answer: Any) -> None:
    answer.raw_output_contents[0] = answer.raw_output_contents[0][::-1] + b"\x7f"


def shrink(answer: Any) -> None:
    answer.outputs[0].shape[2] = 7


def not_numbers(answer: Any) -> None:
    answer.raw_output_contents[0] = b"\xff" * len(answer.raw_output_contents[0])


def more_rows(answer: Any) -> None:
    answer.outputs[0].shape[0] = 2
    answer.raw_output_contents[0] *= 2


@pytest.mark.parametrize("change", [garble, shrink, not_numbers, more_rows])
def test_garbage_is_an_error_and_the_next_run_is_well(
    elsewhere: ModelServer, connect: Connect, change: Any
) -> None:
    session = connect().session(READER)
    elsewhere.answers = change
    with pytest.raises(ModelUnavailable, match=f"unusable answer: {READER}") as caught:
        session.run(BATCH)
    assert caught.value.reason == "MODEL_CORRUPT"
    elsewhere.answers = lambda _: None
    assert session.run(BATCH)[0].shape[0] == 1


@pytest.mark.parametrize(
    ("code", "detail", "kind", "reason"),
    [
        (CODE.UNAVAILABLE, "down", Unavailable, "INFERENCE_UNAVAILABLE"),
        (CODE.INTERNAL, "CUDA out of memory", Unavailable, "INFERENCE_UNAVAILABLE"),
        (CODE.UNAUTHENTICATED, "who?", Unavailable, "INFERENCE_UNAVAILABLE"),
        (CODE.RESOURCE_EXHAUSTED, "queue full", Overloaded, "INFERENCE_BUSY"),
        (CODE.NOT_FOUND, "unloaded", ModelUnavailable, "MODEL_NOT_INSTALLED"),
        (CODE.INVALID_ARGUMENT, "Model x not found", ModelUnavailable, "MODEL_NOT_INSTALLED"),
        (CODE.UNKNOWN, "Model x not found", ModelUnavailable, "MODEL_NOT_INSTALLED"),
        (CODE.INVALID_ARGUMENT, "bad shape", ModelUnavailable, "MODEL_CORRUPT"),
    ],
)
def test_a_failing_run(
    elsewhere: ModelServer,
    connect: Connect,
    code: grpc.StatusCode,
    detail: str,
    kind: type[LipiyanaError],
    reason: str,
) -> None:
    session = connect().session(READER)
    elsewhere.status = code, detail
    with pytest.raises(kind, match=re.escape(elsewhere.address)) as caught:
        session.run(BATCH)
    assert caught.value.reason == reason
    elsewhere.status = None
    session.run(BATCH)


def test_the_message_has_the_cause_that_grpc_names_last() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        address = f"grpc://127.0.0.1:{gone.getsockname()[1]}"
    models = RemoteModels(InferenceOptions(address, retries=0))
    with pytest.raises(Unavailable, match="Connection refused"):
        models.missing([READER])
    models.close()


def test_only_what_cannot_be_reached_is_tried_again(
    elsewhere: ModelServer, connect: Connect
) -> None:
    noted = Noted()
    session = connect(noted, retries=2).session(READER)
    elsewhere.statuses = [(CODE.UNAVAILABLE, ""), (CODE.UNAVAILABLE, "")]
    session.run(BATCH)
    elsewhere.statuses = [(CODE.INTERNAL, "")]
    with pytest.raises(Unavailable):
        session.run(BATCH)
    elsewhere.statuses = [(CODE.UNAVAILABLE, "")] * 3
    with pytest.raises(Unavailable):
        session.run(BATCH)
    assert noted.codes == ["UNAVAILABLE"] * 2 + ["OK", "INTERNAL"] + ["UNAVAILABLE"] * 3
    sent, received = noted.sizes[2]
    assert sent > BATCH.nbytes
    assert received > 4 * 1000  # a step has a probability for each character


def test_retries_end_with_the_time(elsewhere: ModelServer, connect: Connect) -> None:
    noted = Noted()
    session = connect(noted, retries=100, timeout=1.0).session(READER)
    elsewhere.status = CODE.UNAVAILABLE, "down"
    with pytest.raises(Unavailable):
        session.run(BATCH)
    assert 1 < len(noted.codes) < 10  # pauses of 0.1 s, 0.2 s, 0.4 s, ...


@contextmanager
def held(server: ModelServer) -> Iterator[threading.Event]:
    """Hold each run; the event tells that one is held."""
    began, go = threading.Event(), threading.Event()

    def hold() -> None:
        began.set()
        assert go.wait(PATIENCE)

    server.before = hold
    try:
        yield began
    finally:
        server.before = lambda: None
        go.set()


def test_a_slow_server(elsewhere: ModelServer, connect: Connect) -> None:
    session = connect(timeout=2.0).session(READER)
    with held(elsewhere), pytest.raises(DeadlineExceeded, match=r"within 2 s") as caught:
        session.run(BATCH)
    assert caught.value.reason == "INFERENCE_TIMEOUT"
    session.run(BATCH)


def test_a_run_ends_with_the_time_of_its_callers(elsewhere: ModelServer, connect: Connect) -> None:
    session = connect(timeout=PATIENCE).session(READER)
    until = time.monotonic() + 0.3
    work = Work(remaining=lambda: until - time.monotonic())
    with held(elsewhere), working(work), pytest.raises(DeadlineExceeded):
        session.run(BATCH)
    assert elsewhere.runs[0][2] < 1  # of thirty seconds
    with working(Work(remaining=lambda: 0.0)), pytest.raises(DeadlineExceeded):
        session.run(BATCH)
    assert len(elsewhere.runs) == 1  # it was not sent


def test_closing_ends_the_runs(elsewhere: ModelServer) -> None:
    models = RemoteModels(InferenceOptions(elsewhere.address, retries=0))
    session = ModelStore(threads=1, source=models).session(READER)
    failures: list[BaseException] = []

    def run() -> None:
        try:
            session.run(BATCH)
        except LipiyanaError as error:
            failures.append(error)

    with held(elsewhere) as began:
        thread = threading.Thread(target=run)
        thread.start()
        assert began.wait(PATIENCE)
        models.close()
        thread.join(PATIENCE)
    assert [type(error) for error in failures] == [Cancelled]
    with pytest.raises(Cancelled):
        session.run(BATCH)


def test_messages_that_are_too_large(store: ModelStore, connect: Connect) -> None:
    wide = np.zeros((4, 3, 48, 640), np.float32)
    with ModelServer(store).serving(max_message=10_000) as small:
        session = connect(address=small.address).session(READER)
        with pytest.raises(MessageTooLarge, match="inference_message_bytes"):
            session.run(wide)
    session = connect(max_message_bytes=100_000).session(READER)
    with pytest.raises(MessageTooLarge):
        session.run(wide)
    session.run(BATCH)


def test_tls(store: ModelStore, connect: Connect, tmp_path: Path) -> None:
    authority, other = Authority(tmp_path, "ca"), Authority(tmp_path, "other")
    ca = authority.files.certificate.read_bytes()
    with ModelServer(store).serving(authority.sign("models")) as server:
        address = f"grpcs://127.0.0.1:{server.port}"
        connect(address=address, ca=ca).session(READER).run(BATCH)
        for wrong in (
            {"address": address, "ca": other.files.certificate.read_bytes()},
            {"address": address},  # not of an authority that gRPC knows
            {"address": server.address},  # without TLS
        ):
            with pytest.raises(Unavailable):
                connect(**wrong)
        connect(address=address, ca=ca).session(READER).run(BATCH)


@contextmanager
def process(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server of models as a process, and its address."""
    command = [sys.executable, str(SUPPORT / "model_server.py"), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server, f"grpc://127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.kill()


def test_a_server_that_dies_mid_call(connect: Connect, scene: Any, encode: Any) -> None:
    picture = encode(scene)
    with process("--die-at", "3") as (server, address):
        remote = LocalRecognizer(connect(address=address, retries=1, timeout=PATIENCE))
        outcomes = remote.recognize_batch([picture] * 3)
        assert server.wait(PATIENCE) == 9
    assert [type(outcome) for outcome in outcomes] == [Unavailable] * 3
    assert all("cannot be reached" in str(outcome) for outcome in outcomes)


def test_with_the_fallback_nothing_is_lost_when_the_server_dies(
    connect: Connect, scene: Any, encode: Any, recognizer: LocalRecognizer
) -> None:
    picture, noted = encode(scene), Noted()
    with process("--die-at", "3") as (server, address):
        remote = LocalRecognizer(connect(noted, address=address, retries=1, fallback=True))
        outcomes = remote.recognize_batch([picture] * 3)
        assert server.wait(PATIENCE) == 9
    expected = recognizer.recognize(picture)
    assert expected.plates
    for outcome in outcomes:
        assert isinstance(outcome, Recognition)
        assert outcome.plates == expected.plates
        assert outcome.text_lines == expected.text_lines
    assert noted.codes[:2] == ["OK", "OK"]
    assert len(noted.fallbacks) >= 3
