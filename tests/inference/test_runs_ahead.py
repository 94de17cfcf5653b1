"""Runs on a server of models go on while the caller works on the outputs of others."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from model_server import ModelServer
from models_elsewhere import READER

from lipiyana.batching import BatchedModels, Batcher, Work, working
from lipiyana.errors import Cancelled, Unavailable
from lipiyana.inference.models import RemoteModels
from lipiyana.inference.options import InferenceOptions
from lipiyana.runtime.session import AHEAD
from lipiyana.runtime.store import ModelStore

SIZES = (32, 64, 32, 96, 128, 64)
BATCHES = [np.random.default_rng(w).random((1, 3, 48, w), np.float32) for w in SIZES]


@pytest.fixture(params=["alone", "batched"])
def remote(request: pytest.FixtureRequest, elsewhere: ModelServer) -> Iterator[ModelStore]:
    source: Any = RemoteModels(InferenceOptions(elsewhere.address, timeout=30.0, retries=0))
    if request.param == "batched":
        source = BatchedModels(Batcher(slots=1 + AHEAD), source)
    store = ModelStore(threads=1, source=source)
    yield store
    store.close()


def test_outputs_come_in_order_from_runs_at_the_same_time(
    remote: ModelStore, elsewhere: ModelServer
) -> None:
    together = threading.Barrier(1 + AHEAD)
    elsewhere.before = lambda: together.wait(30) and None  # broken if runs come one by one
    session = remote.session(READER)
    found = list(session.run_each(iter(BATCHES)))
    here = elsewhere.store.session(READER)
    for batch, outputs in zip(BATCHES, found, strict=True):
        np.testing.assert_array_equal(outputs[0], here.run(batch)[0])


def test_no_more_runs_than_that_are_under_way(remote: ModelStore, elsewhere: ModelServer) -> None:
    asked: list[int] = []

    def ask() -> Iterator[Any]:
        for number, batch in enumerate(BATCHES):
            asked.append(number)
            yield batch

    outputs = remote.session(READER).run_each(ask())
    assert asked == []
    next(outputs)
    assert asked == list(range(1 + AHEAD))
    next(outputs)
    assert asked == list(range(2 + AHEAD))


def test_a_failed_run_ends_the_rest(remote: ModelStore, elsewhere: ModelServer) -> None:
    import grpc

    session = remote.session(READER)
    session.run(BATCHES[0])
    elsewhere.statuses = [(grpc.StatusCode.UNAVAILABLE, "going away")]
    with pytest.raises(Unavailable):
        list(session.run_each(BATCHES[:1]))


def test_runs_belong_to_the_work_of_the_caller(remote: ModelStore, elsewhere: ModelServer) -> None:
    session = remote.session(READER)
    session.run(BATCHES[0])
    before = len(elsewhere.runs)
    with working(Work(abandoned=lambda: True)), pytest.raises(Cancelled):
        list(session.run_each(BATCHES))
    assert len(elsewhere.runs) == before


def test_the_time_of_a_picture_is_looked_at_by_its_own_thread(elsewhere: ModelServer) -> None:
    source = RemoteModels(InferenceOptions(elsewhere.address, timeout=30.0))
    store = ModelStore(threads=1, source=BatchedModels(Batcher(slots=4), source))
    threads: set[int] = set()
    with working(Work(require_time=lambda: threads.add(threading.get_ident()))):
        list(store.session(READER).run_each(BATCHES))
    store.close()
    assert threads == {threading.get_ident()}


def test_models_of_this_process_run_on_the_thread_of_the_caller(store: ModelStore) -> None:
    session = store.session(READER)
    assert session.others is None
    outputs = session.run_each(iter(BATCHES))
    np.testing.assert_array_equal(next(outputs)[0], session.run(BATCHES[0])[0])
