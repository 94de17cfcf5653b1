from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import Iterator
from concurrent.futures import Future
from functools import partial

import pytest

from lipiyana.errors import InvalidImage, Overloaded, Unavailable
from lipiyana.server.queue.pool import ComputePool
from lipiyana.server.queue.sources import Kind, Source


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def pool(gate: threading.Event) -> Iterator[ComputePool]:
    made = ComputePool(threads=1, max_queue=2)
    yield made
    gate.set()
    made.close()


def occupy(pool: ComputePool, gate: threading.Event) -> Future[bool]:
    began = threading.Event()

    def wait() -> bool:
        began.set()
        return gate.wait(30)

    future = pool.submit(wait)
    assert began.wait(30)
    return future


def test_the_queue_is_bounded(pool: ComputePool, gate: threading.Event) -> None:
    first = occupy(pool, gate)
    others = [pool.submit(lambda: "done") for _ in range(2)]
    with pytest.raises(Overloaded) as caught:
        pool.submit(lambda: "never")
    assert caught.value.retry_after > 0
    assert pool.accepted == 3
    gate.set()
    assert first.result(30)
    assert [future.result(30) for future in others] == ["done", "done"]


def test_places_are_reserved_for_all_pictures_or_none(
    pool: ComputePool, gate: threading.Event
) -> None:
    occupy(pool, gate)
    with pytest.raises(Overloaded), pool.reserve(3, 0):
        pass
    with pool.reserve(2, 5) as reservation:
        with pytest.raises(Overloaded):
            pool.submit(int)  # reserved places are not available to others
        futures = [pool.submit(int, reservation=reservation) for _ in range(2)]
        assert pool.accepted == 3
        with pytest.raises(Overloaded):
            pool.submit(int, reservation=reservation)
    assert pool.accepted == 3
    gate.set()
    assert [future.result(30) for future in futures] == [0, 0]


def test_unused_places_are_released(pool: ComputePool) -> None:
    with pool.reserve(3, 3, source=Source(Kind.BATCH, "a")) as reservation:
        pool.submit(int, size=1, source=Source(Kind.BATCH, "a"), reservation=reservation).result(30)
    pool.close()
    assert pool.accepted == 0


def test_a_flooding_client_is_limited_for_calls_and_reservations(gate: threading.Event) -> None:
    pool = ComputePool(threads=1, max_queue=15)
    occupy(pool, gate)
    with pool.reserve(10, 0, source=Source(Kind.BATCH, "a")):
        for _ in range(3):
            pool.submit(int, source=Source(Kind.CALL, "a"))
        with pytest.raises(Overloaded, match="nearly full"):
            pool.submit(int, source=Source(Kind.STREAM, "a"))
        pool.submit(int, source=Source(Kind.CALL, "b"))
    gate.set()
    pool.close()


def test_a_cancelled_picture_makes_room_and_is_freed(
    pool: ComputePool, gate: threading.Event
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


def test_the_expected_wait_follows_measured_times() -> None:
    pool = ComputePool(threads=2, max_queue=2)
    for _ in range(60):
        pool.submit(int).result(30)
    pool.close()
    with pytest.raises(Overloaded) as caught, pool.reserve(5, 0):
        pass
    assert caught.value.retry_after == 0.01  # the queue is empty


def test_a_flooding_client_does_not_delay_others(gate: threading.Event) -> None:
    order: list[str] = []
    flood, other = Source(Kind.STREAM, "a"), Source(Kind.CALL, "b")
    pool = ComputePool(threads=1, max_queue=100)
    began = occupy(pool, gate)
    futures = [pool.submit(partial(order.append, "flood"), source=flood) for _ in range(50)]
    futures.append(pool.submit(partial(order.append, "other"), source=other))
    gate.set()
    for future in (began, *futures):
        future.result(30)
    pool.close()
    assert order.index("other") <= 1


def test_the_oldest_picture_starts_as_soon_as_a_thread_is_free() -> None:
    began = [threading.Event() for _ in range(6)]
    gates = [threading.Event() for _ in range(6)]

    def read(number: int) -> bool:
        began[number].set()
        return gates[number].wait(30)

    pool = ComputePool(threads=2, max_queue=10)
    futures = [pool.submit(partial(read, number)) for number in range(6)]
    assert began[1].wait(30)
    for ended, next_one in ((1, 2), (0, 3), (3, 4), (2, 5)):
        assert not began[next_one].is_set()
        gates[ended].set()
        assert began[next_one].wait(30)
    for gate in gates:
        gate.set()
    assert all(future.result(30) for future in futures)
    pool.close()


def test_a_flood_leaves_room_for_others(gate: threading.Event) -> None:
    pool = ComputePool(threads=1, max_queue=15)
    flood, other = Source(Kind.CALL, "a"), Source(Kind.CALL, "b")
    occupy(pool, gate)
    for _ in range(13):
        pool.submit(int, source=flood)
    with pytest.raises(Overloaded, match="nearly full"):
        pool.submit(int, source=flood)
    pool.submit(int, source=other)
    gate.set()
    pool.close()


def test_the_queue_is_bounded_by_bytes_too(gate: threading.Event) -> None:
    pool = ComputePool(threads=1, max_queue=100, max_bytes=1000)
    occupy(pool, gate)
    pool.submit(int, size=800)
    with pytest.raises(Overloaded, match="bytes"):
        pool.submit(int, size=300)
    with pytest.raises(Overloaded, match="bytes"), pool.reserve(3, 300):
        pass
    pool.submit(int, size=10)
    gate.set()
    pool.close()
    assert pool.accepted == 0


def test_the_bytes_of_a_reservation_are_held_until_its_end() -> None:
    source = Source(Kind.BATCH, "a")
    pool = ComputePool(threads=1, max_queue=100, max_bytes=1000)
    with pool.reserve(1, 600, source=source) as reservation:
        pool.submit(int, size=600, source=source, reservation=reservation).result(30)
        assert pool.accepted == 0
        with pytest.raises(Overloaded, match="bytes"):
            pool.submit(int, size=500, source=Source(Kind.CALL, "b"))
    pool.submit(int, size=500).result(30)
    pool.close()


def test_reserving_bytes_takes_no_place_in_the_queue(
    pool: ComputePool, gate: threading.Event
) -> None:
    occupy(pool, gate)
    for _ in range(2):
        pool.submit(int)
    with pool.reserve(0, 5):
        assert pool.accepted == 3


def test_waiting_pictures_are_cancelled_on_close(gate: threading.Event) -> None:
    pool = ComputePool(threads=1, max_queue=5)
    running, waiting = occupy(pool, gate), pool.submit(int)
    gate.set()
    pool.close()
    assert running.result(0)
    assert waiting.cancelled() or waiting.result(0) == 0
    with pytest.raises(Unavailable):
        pool.submit(int)


def test_observers_are_notified(gate: threading.Event) -> None:
    class Watch:
        def __init__(self) -> None:
            self.states: list[tuple[int, int, int]] = []
            self.waits: list[float] = []

        def queue_changed(self, waiting: int, running: int, size: int) -> None:
            self.states.append((waiting, running, size))

        def waited(self, seconds: float) -> None:
            self.waits.append(seconds)

    watch = Watch()
    pool = ComputePool(threads=1, max_queue=5, observer=watch)
    occupy(pool, gate)
    waiting = pool.submit(int, size=7)
    assert watch.states[-1] == (1, 1, 7)
    gate.set()
    waiting.result(30)
    pool.close()
    assert watch.states[-1] == (0, 0, 0)
    assert len(watch.waits) == 2


def test_a_place_is_free_before_its_answer_is_delivered(gate: threading.Event) -> None:
    class Watch:
        def __init__(self) -> None:
            self.future: Future[bool] = Future()
            self.told_when_empty: list[bool] = []

        def queue_changed(self, waiting: int, running: int, size: int) -> None:
            if size == 0:
                self.told_when_empty.append(self.future.done())

        def waited(self, seconds: float) -> None: ...

    watch = Watch()
    pool = ComputePool(threads=1, max_queue=0, observer=watch)
    watch.future = pool.submit(lambda: gate.wait(30), size=7)
    gate.set()
    assert watch.future.result(30)
    assert pool.submit(int, size=7).result(30) == 0
    pool.close()
    assert watch.told_when_empty[0] is False


class Picture:
    """Can be referred to weakly, unlike bytes."""


async def test_a_refused_picture_is_freed_at_once(pool: ComputePool) -> None:
    def read(picture: Picture) -> None:
        raise InvalidImage("not a picture")

    picture = Picture()
    freed = weakref.ref(picture)
    gc.disable()
    try:
        answer = asyncio.wrap_future(pool.submit(partial(read, picture)))
        del picture
        with pytest.raises(InvalidImage):
            await asyncio.shield(answer)
        answer.exception()
        del answer
        await asyncio.sleep(0)
        assert freed() is None
    finally:
        gc.enable()
