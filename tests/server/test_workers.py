from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator
from concurrent.futures import Future

import pytest

from lipiyana.errors import Overloaded
from lipiyana.server.workers import WorkerPool


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def pool(gate: threading.Event) -> Iterator[WorkerPool]:
    made = WorkerPool(threads=1, max_queue=2)
    yield made
    gate.set()
    made.close()


def occupy(pool: WorkerPool, gate: threading.Event) -> Future[bool]:
    began = threading.Event()

    def wait() -> bool:
        began.set()
        return gate.wait(30)

    future = pool.submit(wait)
    assert began.wait(30)
    return future


def test_the_queue_is_bounded(pool: WorkerPool, gate: threading.Event) -> None:
    first = occupy(pool, gate)
    others = [pool.submit(lambda: "done") for _ in range(2)]
    with pytest.raises(Overloaded) as caught:
        pool.submit(lambda: "never")
    assert caught.value.retry_after > 0
    assert pool.accepted == 3
    gate.set()
    assert first.result(30)
    assert [future.result(30) for future in others] == ["done", "done"]


def test_room_is_for_all_or_none(pool: WorkerPool, gate: threading.Event) -> None:
    occupy(pool, gate)
    pool.require_room(2)
    with pytest.raises(Overloaded):
        pool.require_room(3)


def test_what_is_cancelled_makes_room_and_frees_its_picture(
    pool: WorkerPool, gate: threading.Event
) -> None:
    class Picture:
        def read(self) -> str:
            raise AssertionError("never computed")

    occupy(pool, gate)
    picture = Picture()
    alive = weakref.ref(picture)
    future = pool.submit(picture.read)
    del picture
    assert future.cancel()
    gc.collect()
    assert (pool.accepted, alive()) == (1, None)


def test_the_wait_is_learnt_from_what_was_measured() -> None:
    pool = WorkerPool(threads=2, max_queue=2)
    for _ in range(60):
        pool.submit(int).result(30)
    pool.close()
    with pytest.raises(Overloaded) as caught:
        pool.require_room(5)
    assert caught.value.retry_after == 0  # nothing is before it
