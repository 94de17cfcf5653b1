from __future__ import annotations

import itertools
import signal
import threading
from collections.abc import Iterator

import pytest

from lipiyana.cli.read.command import terminable
from lipiyana.cli.read.run import IN_FLIGHT_PER_WORKER, map_in_order


@pytest.mark.parametrize("workers", [1, 3, 16])
@pytest.mark.parametrize("count", [0, 1, 100])
def test_results_come_in_the_order_of_the_items(workers: int, count: int) -> None:
    assert list(map_in_order(str, range(count), workers)) == [str(i) for i in range(count)]


def test_results_behind_a_slow_first_item_are_bounded() -> None:
    taken = []
    release = threading.Event()
    enough = threading.Event()
    workers = 2

    def items() -> Iterator[int]:
        for item in range(1000):
            taken.append(item)
            if len(taken) == workers * IN_FLIGHT_PER_WORKER:
                enough.set()
            yield item

    def work(item: int) -> int:
        if item == 0:
            release.wait(10)
        return item

    def release_first() -> None:
        enough.wait(10)
        release.set()

    helper = threading.Thread(target=release_first)
    helper.start()
    results = map_in_order(work, items(), workers)
    assert next(results) == 0
    assert len(taken) == workers * IN_FLIGHT_PER_WORKER
    assert list(results) == list(range(1, 1000))
    helper.join()


def test_items_are_processed_in_parallel() -> None:
    together = threading.Barrier(3)

    def work(_: int) -> int:
        return together.wait(10)

    assert sorted(map_in_order(work, range(3), 3)) == [0, 1, 2]


def test_after_closing_no_more_items_are_taken() -> None:
    endless = itertools.count()
    results = map_in_order(str, endless, 2)
    assert next(results) == "0"
    results.close()  # type: ignore[attr-defined]
    assert next(endless) <= 2 * IN_FLIGHT_PER_WORKER


def test_an_error_keeps_its_place_in_the_order() -> None:
    def work(item: int) -> int:
        return 1 // item

    results = map_in_order(work, [1, 0, 1], 2)
    assert next(results) == 1
    with pytest.raises(ZeroDivisionError):
        next(results)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interruption_that_python_loses_still_ends_the_run() -> None:
    class Loses:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGTERM)  # what it raises is printed, and lost

    def items() -> Iterator[int]:
        yield 0
        Loses()
        reached.set()

    reached, never = threading.Event(), threading.Event()
    # SIGTERM: a shell lets its background programs ignore SIGINT
    before = signal.getsignal(signal.SIGTERM)
    with terminable() as check:
        results = map_in_order(lambda _: never.wait(), items(), 1, check)
        with pytest.raises(KeyboardInterrupt):
            next(results)
    assert reached.is_set()
    never.set()
    assert signal.getsignal(signal.SIGTERM) is before
