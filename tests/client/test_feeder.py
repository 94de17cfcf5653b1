from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest
from served_fake import PATIENCE

from lipiyana.client.outgoing import Feeder


async def test_items_then_the_error_of_the_iterator() -> None:
    def items() -> Iterator[int]:
        yield from range(5)
        raise OSError("the camera is gone")

    feeder = Feeder(items())
    assert [await anext(feeder) for _ in range(5)] == list(range(5))
    with pytest.raises(OSError, match="the camera is gone"):
        await anext(feeder)


async def test_at_most_one_item_is_buffered() -> None:
    taken: list[int] = []
    waiting: list[int] = []

    def items() -> Iterator[int]:
        for number in range(50):
            waiting.append(number - len(taken))
            yield number

    async for item in Feeder(items()):
        taken.append(item)
    assert taken == list(range(50))
    assert max(waiting) <= 1


async def test_closing_ends_the_thread() -> None:
    ended = threading.Event()

    def items() -> Iterator[int]:
        try:
            while True:
                yield 1
        finally:
            ended.set()

    feeder = Feeder(items())
    assert await anext(feeder) == 1
    feeder.close()
    assert await asyncio.to_thread(ended.wait, PATIENCE)
    assert len([item async for item in feeder]) <= 1


async def test_closing_ends_a_wait_for_an_item() -> None:
    stalled = threading.Event()

    def items() -> Iterator[int]:
        stalled.wait()
        yield from ()

    feeder = Feeder(items())
    waiting = asyncio.ensure_future(anext(feeder, None))
    feeder.close()
    assert await waiting is None
    stalled.set()
