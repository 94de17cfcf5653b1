from __future__ import annotations

import threading
import tracemalloc

import pytest
from served_fake import recognition

from lipiyana.cache import MemoryCache, cacheable
from lipiyana.cache.store import entry_size
from lipiyana.types import Box, CacheOutcome, Plate, Recognition, Registration, TextLine

VALUE = cacheable(recognition("a"))


def crowded(number: int) -> Recognition:
    """A result of which no two share parts."""

    def line(index: int) -> TextLine:
        x = number * 100.0 + index + 0.5
        corners = ((x, x + 1), (x + 2, x + 3), (x + 4, x + 5), (x + 6, x + 7))
        return TextLine(f"line {number} {index}", "Latn", x, corners)

    registration = Registration(f"KA{number:06}", True, character_confidences=(0.5 + number,))
    box = Box(number + 0.25, number + 0.5, number + 0.75, number + 1.25)
    plate = Plate(f"KA {number}", number + 0.1, box, (line(99),), registration)
    return Recognition(64, 48, plates=(plate,), text_lines=tuple(line(i) for i in range(20)))


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_stored_answer_is_found() -> None:
    cache = MemoryCache(10_000, 60)
    cache.put(b"k", VALUE)
    assert (cache.get(b"k"), cache.get(b"other")) == (VALUE, None)


def test_an_answer_grows_old() -> None:
    clock = Clock()
    cache = MemoryCache(10_000, 60, timer=clock)
    cache.put(b"k", VALUE)
    clock.now = 59.0
    assert cache.get(b"k") is VALUE
    clock.now = 61.0
    assert (cache.get(b"k"), len(cache), cache.size) == (None, 0, 0)


def test_the_least_recently_used_goes_first() -> None:
    cache = MemoryCache(2 * entry_size(VALUE), 60)
    cache.put(b"1", VALUE)
    cache.put(b"2", VALUE)
    cache.get(b"1")
    cache.put(b"3", VALUE)
    assert [cache.get(key) is not None for key in (b"1", b"2", b"3")] == [True, False, True]
    assert cache.size == 2 * entry_size(VALUE)


def test_answers_larger_than_the_cache_are_not_stored() -> None:
    cache = MemoryCache(entry_size(crowded(1)) - 1, 60)
    cache.put(b"small", VALUE)
    cache.put(b"large", crowded(1))
    assert (cache.get(b"large"), cache.get(b"small")) == (None, VALUE)


def test_the_size_is_that_of_the_memory() -> None:
    cache = MemoryCache(10**8, 60)
    tracemalloc.start()
    try:
        for number in range(500):
            cache.put(str(number).encode(), crowded(number))
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(cache) == 500
    assert cache.size == pytest.approx(taken, rel=0.2)


def test_fields_of_a_single_call_are_not_stored() -> None:
    value = cacheable(recognition("a"))
    assert value.vehicles[0].track_id is None
    assert (value.timings, value.cache_outcome) == ({}, CacheOutcome.NONE)
    assert value.text_lines == recognition("a").text_lines


def test_threads_may_share_it() -> None:
    cache = MemoryCache(5 * entry_size(VALUE), 60)
    failures: list[Exception] = []

    def work(own: int) -> None:
        try:
            for number in range(300):
                cache.put(bytes([(own + number) % 20]), VALUE)
                assert cache.get(bytes([number % 20])) in (None, VALUE)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(own,)) for own in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(cache) == 5
