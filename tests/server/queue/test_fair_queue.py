from __future__ import annotations

from collections import defaultdict, deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lipiyana.server.queue.fair_queue import FairQueue
from lipiyana.server.queue.sources import Kind, Source

A, B = Source(Kind.CALL, "a"), Source(Kind.CALL, "b")
STREAM = Source(Kind.STREAM, "a")

SOURCES = st.builds(Source, st.sampled_from(Kind), st.sampled_from("abc"))


def taken(queue: FairQueue[int]) -> list[int]:
    return [queue.take() for _ in range(len(queue))]


def test_a_flooding_source_does_not_delay_others() -> None:
    queue = FairQueue[int]()
    for number in range(100):
        queue.put(A, number)
    queue.put(B, 1000)
    assert [queue.take(), queue.take()] == [0, 1000]
    assert taken(queue) == list(range(1, 100))


def test_a_thousand_streams_share_the_turns_of_one_kind() -> None:
    queue = FairQueue[int]()
    for number in range(1000):
        queue.put(Source(Kind.STREAM, f"camera-{number}"), number)
    for number in (2000, 2001):
        queue.put(A, number)
    assert [queue.take() for _ in range(4)] == [0, 2000, 1, 2001]


def test_a_returning_source_waits_for_its_turn() -> None:
    queue = FairQueue[int]()
    queue.put(A, 1)
    queue.put(A, 2)
    queue.put(B, 10)
    assert queue.take() == 1
    queue.put(A, 3)
    assert taken(queue) == [10, 2, 3]


def test_discarded_items_are_not_taken() -> None:
    queue = FairQueue[int]()
    queue.put(A, 1)
    queue.put(A, 2)
    assert queue.discard(A, 1)
    assert not queue.discard(A, 1)
    assert not queue.discard(STREAM, 2)
    assert taken(queue) == [2]
    with pytest.raises(IndexError):
        queue.take()


@given(st.lists(SOURCES | st.none()))
def test_sources_take_turns(operations: list[Source | None]) -> None:
    """Items of a source stay in order, and no source is overtaken twice by another.

    In `operations`, None takes an item.
    """
    queue = FairQueue[tuple[Source, int]]()
    waiting: defaultdict[Source, deque[int]] = defaultdict(deque)
    passed: dict[tuple[Source, Source], int] = {}
    for number, source in enumerate(operations):
        if source is not None:
            queue.put(source, (source, number))
            waiting[source].append(number)
            continue
        if not len(queue):
            continue
        chosen, item = queue.take()
        assert item == waiting[chosen].popleft()
        if not waiting[chosen]:
            del waiting[chosen]
        for other in waiting:
            if other.kind is chosen.kind and other != chosen:
                passed[other, chosen] = passed.get((other, chosen), 0) + 1
                assert passed[other, chosen] <= 1
        for key in [key for key in passed if key[0] == chosen or key[0] not in waiting]:
            del passed[key]
    assert len(queue) == sum(map(len, waiting.values()))
