"""A map over threads whose results come in the order of the items, with few items in flight."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

IN_FLIGHT_PER_WORKER = 4
"""Enough that a slow item does not leave the other workers idle."""


def map_in_order(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int
) -> Iterator[Result]:
    """Apply `function` to `items` on `workers` threads; memory does not grow with the items.

    Closing the iterator, or an error in it, drops what has not begun; what has begun is not
    waited for.
    """
    pool = ThreadPoolExecutor(workers, thread_name_prefix="lipiyana-read")
    pending: deque[Future[Result]] = deque()
    try:
        for item in items:
            pending.append(pool.submit(function, item))
            while pending and (pending[0].done() or len(pending) >= workers * IN_FLIGHT_PER_WORKER):
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
