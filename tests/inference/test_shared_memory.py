"""Tensors go through shared memory of the machine to the server of models, and back."""

from __future__ import annotations

import errno
import logging
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from model_server import ModelServer
from models_elsewhere import BATCH, PICTURES, READER, Connect, Noted, plain

from lipiyana.errors import DeadlineExceeded, InvalidRequest
from lipiyana.inference import shared_memory
from lipiyana.inference.exchange import OutputSizes
from lipiyana.inference.options import InferenceOptions
from lipiyana.inference.shared_memory import FOLDER
from lipiyana.pipeline import LocalRecognizer
from lipiyana.types import Layout, RecognitionConfig

MOST = 64 * 2**20
WIDE = np.random.default_rng(0).random((2, 3, 48, 320), np.float32)
SMALL = 2000  # bytes of a message without tensors

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="needs /dev/shm")


def left_behind() -> list[str]:
    return [path.name for path in FOLDER.glob("lipiyana-*")]


@pytest.fixture(autouse=True)
def _nothing_stays() -> Any:
    before = left_behind()
    yield
    assert left_behind() == before


@pytest.mark.parametrize("picture", PICTURES[::4], ids=lambda path: path.stem)
def test_answers_are_equal(
    picture: Any, recognizer: LocalRecognizer, elsewhere: ModelServer, connect: Connect
) -> None:
    layouts = {"plates": Layout.PLATE, "lines": Layout.LINE}
    config = RecognitionConfig(layout=layouts.get(picture.parent.name, Layout.SCENE))
    noted = Noted()
    there = LocalRecognizer(connect(noted, shared_memory=MOST, timeout=60.0))
    there.recognize(picture, config)  # teaches the sizes of the outputs
    noted.sizes.clear()
    assert plain(there.recognize(picture, config)) == plain(recognizer.recognize(picture, config))
    assert elsewhere.regions
    assert all(sent < SMALL for sent, _ in noted.sizes)


def test_the_regions_are_used_again_and_taken_back(
    elsewhere: ModelServer, connect: Connect
) -> None:
    remote = connect(shared_memory=MOST)
    session = remote.session(READER)
    want = elsewhere.store.session(READER).run(WIDE)
    for _ in range(4):
        for got, wanted in zip(session.run(WIDE), want, strict=True):
            np.testing.assert_array_equal(got, wanted)
    assert len(elsewhere.regions) == 1
    remote.close()
    assert not elsewhere.regions


def test_outputs_outlive_their_region(elsewhere: ModelServer, connect: Connect) -> None:
    session = connect(shared_memory=MOST).session(READER)
    session.run(WIDE)
    first = session.run(WIDE)[0]
    kept = first.copy()
    session.run(1 - WIDE)
    np.testing.assert_array_equal(first, kept)


def test_a_server_without_the_extension(
    elsewhere: ModelServer, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    elsewhere.shares_memory = False
    session = connect(shared_memory=MOST).session(READER)
    with caplog.at_level(logging.WARNING, "lipiyana.inference"):
        for _ in range(3):
            assert len(session.run(WIDE)) == 2
    assert [record.getMessage() for record in caplog.records] == [
        f"{elsewhere.address} does not offer shared memory (extension system_shared_memory): "
        "tensors go over the network"
    ]
    assert not elsewhere.regions


def test_a_server_that_forgot_the_regions(
    elsewhere: ModelServer,
    connect: Connect,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = [0.0]
    monkeypatch.setattr(shared_memory, "clock", lambda: now[0])
    session = connect(shared_memory=MOST).session(READER)
    want = session.run(WIDE)[0]
    session.run(WIDE)
    elsewhere.regions.clear()  # as after its restart
    with caplog.at_level(logging.WARNING, "lipiyana.inference"):
        for _ in range(3):
            np.testing.assert_array_equal(session.run(WIDE)[0], want)
    assert len(caplog.records) == 1
    assert "instead of through shared memory" in caplog.text
    assert not elsewhere.regions
    now[0] = 2 * shared_memory.TRY_AGAIN
    np.testing.assert_array_equal(session.run(WIDE)[0], want)
    assert len(elsewhere.regions) == 1


def test_a_server_that_cannot_open_the_memory(
    elsewhere: ModelServer, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(request: Any, context: Any) -> None:
        context.abort(grpc.StatusCode.INTERNAL, "Unable to open shared memory region")

    elsewhere.register = refuse  # type: ignore[method-assign]
    with elsewhere.serving():
        session = connect(shared_memory=MOST, address=elsewhere.address).session(READER)
        with caplog.at_level(logging.WARNING, "lipiyana.inference"):
            for _ in range(3):
                assert len(session.run(WIDE)) == 2
    assert "Unable to open shared memory region" in caplog.text
    assert len(caplog.records) == 1


def test_no_room_in_the_folder(
    elsewhere: ModelServer,
    connect: Connect,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    session = connect(shared_memory=MOST).session(READER)
    session.run(WIDE)
    monkeypatch.setattr(os, "posix_fallocate", full)
    with caplog.at_level(logging.WARNING, "lipiyana.inference"):
        assert len(session.run(WIDE)) == 2
    assert "No space left on device" in caplog.text
    assert not elsewhere.regions


def test_memory_that_a_lost_run_may_still_write_to_is_not_used_again(
    elsewhere: ModelServer, connect: Connect
) -> None:
    session = connect(shared_memory=MOST, timeout=5.0).session(READER)
    want = session.run(WIDE)[0]
    session.run(WIDE)
    (lost,) = elsewhere.regions
    go_on = threading.Event()
    elsewhere.before = lambda: go_on.wait(30) and None
    slow = connect(shared_memory=MOST, timeout=0.2).session(READER)
    slow._exchange._memory = session._exchange._memory  # type: ignore[attr-defined]
    slow._exchange._sizes = session._exchange._sizes  # type: ignore[attr-defined]
    with pytest.raises(DeadlineExceeded):
        slow.run(WIDE)
    go_on.set()
    np.testing.assert_array_equal(session.run(WIDE)[0], want)
    assert lost not in elsewhere.regions


def test_an_output_that_is_larger_than_expected(elsewhere: ModelServer, connect: Connect) -> None:
    session = connect(shared_memory=MOST).session(READER)
    want = session.run(WIDE)[0]
    exchange = session._exchange  # type: ignore[attr-defined]
    exchange._sizes._shares = {
        name: (output // 2, given) for name, (output, given) in exchange._sizes._shares.items()
    }
    np.testing.assert_array_equal(session.run(WIDE)[0], want)


@pytest.mark.parametrize("most", [1000, 2**20, 3 * 2**20], ids=["none", "1MiB", "3MiB"])
def test_no_more_memory_than_allowed(elsewhere: ModelServer, connect: Connect, most: int) -> None:
    session = connect(shared_memory=most).session(READER)
    batches = [WIDE[:1], WIDE, BATCH, np.repeat(WIDE, 3, axis=0)] * 4
    seen: list[int] = []

    def look() -> None:
        seen.append(sum(map(len, list(elsewhere.regions.values()))))

    session.run(WIDE)
    elsewhere.before = look
    with ThreadPoolExecutor(6) as threads:
        results = list(threads.map(session.run, batches))
    for batch, got in zip(batches, results, strict=True):
        np.testing.assert_array_equal(got[0], elsewhere.store.session(READER).run(batch)[0])
    assert max(seen) <= most
    assert (max(seen) > 0) == (most >= 2**20)


def test_the_server_must_be_on_this_machine() -> None:
    for host in ("localhost", "127.0.0.1", "[::1]"):
        assert InferenceOptions(f"grpc://{host}:1", shared_memory=1).shared_memory == 1
    with pytest.raises(InvalidRequest, match="grpc://localhost:PORT"):
        InferenceOptions("grpc://models.internal:8001", shared_memory=1)


@given(
    st.lists(st.tuples(st.integers(1, 10**6), st.integers(1, 10**7)), min_size=1),
    st.integers(1, 10**6),
)
def test_the_sizes_of_outputs_that_grow_with_the_input(
    runs: list[tuple[int, int]], size: int
) -> None:
    sizes = OutputSizes()
    assert not sizes.known
    for given_size, output in runs:
        sizes.learn(given_size, {"map": output, "empty": 0})
        assert sizes.known
        reserved = sizes.of(given_size)
        assert reserved.get("map", 2**14) >= output
        assert "empty" not in reserved
    largest = max(output / given_size for given_size, output in runs)
    assert sizes.of(size).get("map", 0) <= largest * size + 1
