from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from lipiyana.review.keeping_recognizer import SpareTime

PATIENCE = 30.0
NEVER = 1e6


class Gate:
    """A job that has begun and does not end before it may."""

    def __init__(self) -> None:
        self.began, self.may_end = threading.Event(), threading.Event()

    def __call__(self) -> None:
        self.began.set()
        assert self.may_end.wait(PATIENCE)


@pytest.fixture
def spare() -> Iterator[SpareTime]:
    spare = SpareTime(lambda: None, NEVER, share=1, bound=2)
    yield spare
    spare.close()


def test_jobs_are_done_in_their_order_on_one_thread(spare: SpareTime) -> None:
    done: list[tuple[int, int]] = []
    over = threading.Event()
    gate = Gate()
    assert spare.offer(gate)
    assert gate.began.wait(PATIENCE)
    assert spare.offer(lambda: done.append((1, threading.get_ident())))
    assert spare.offer(lambda: (done.append((2, threading.get_ident())), over.set())[0])
    gate.may_end.set()
    assert over.wait(PATIENCE)
    assert [number for number, _ in done] == [1, 2]
    assert {thread for _, thread in done}.isdisjoint({threading.get_ident()})


def test_jobs_beyond_the_limit_are_dropped(spare: SpareTime) -> None:
    gate = Gate()
    spare.offer(gate)
    assert gate.began.wait(PATIENCE)
    assert [spare.offer(lambda: None) for _ in range(3)] == [True, True, False]
    gate.may_end.set()


def test_waiting_jobs_are_dropped_when_it_closes() -> None:
    spare = SpareTime(lambda: None, NEVER, share=1)
    gate, late = Gate(), Gate()
    spare.offer(gate)
    assert gate.began.wait(PATIENCE)
    spare.offer(late)
    closing = threading.Thread(target=spare.close)
    closing.start()
    while spare.offer(late):  # until it is told to close
        pass
    gate.may_end.set()
    closing.join(PATIENCE)
    assert not closing.is_alive()
    assert not late.began.is_set()


def test_it_does_not_wait_for_the_end_of_its_rest() -> None:
    spare = SpareTime(lambda: None, NEVER, share=1e-9)
    gate = Gate()
    spare.offer(gate)
    gate.may_end.set()
    assert gate.began.wait(PATIENCE)
    spare.close()  # and the rest would be centuries


def test_the_regular_job_runs_without_other_jobs() -> None:
    times = threading.Semaphore(0)
    spare = SpareTime(times.release, 1e-3, share=1)
    assert all(times.acquire(timeout=PATIENCE) for _ in range(3))
    spare.close()
