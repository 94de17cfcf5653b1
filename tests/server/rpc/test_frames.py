from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from lipiyana.server.calls.frames import IncomingFrames, WaitingFrame
from lipiyana.server.tuning import STREAMS
from lipiyana.types import RecognitionConfig


def frame(frame_id: int) -> WaitingFrame:
    return WaitingFrame(frame_id, b"picture")


class Rooms:
    """Counts the frames whose bytes are held in memory."""

    def __init__(self) -> None:
        self.held: set[int] = set()

    def frame(self, frame_id: int) -> WaitingFrame:
        made = frame(frame_id)
        self.held.add(frame_id)
        made.memory.callback(self.held.discard, frame_id)
        return made


async def test_only_the_frame_that_waits_holds_bytes() -> None:
    rooms, waiting = Rooms(), IncomingFrames()
    waiting.put(rooms.frame(1))
    waiting.put(rooms.frame(2))
    assert rooms.held == {2}
    await waiting.take()
    assert not rooms.held
    waiting.put(rooms.frame(3))
    assert rooms.held == {3}
    waiting.close()
    waiting.put(rooms.frame(4))
    assert not rooms.held


async def test_the_newest_wins_and_drops_are_reported_once() -> None:
    waiting = IncomingFrames()
    for number in range(4):
        waiting.put(frame(number))
    assert await waiting.take() == (frame(3), [0, 1, 2])
    waiting.put(frame(4))
    assert await waiting.take() == (frame(4), [])


async def test_the_last_frame_comes_before_the_end() -> None:
    waiting = IncomingFrames()
    waiting.put(frame(1))
    waiting.end()
    assert await waiting.take() == (frame(1), [])
    assert await waiting.take() is None
    assert await waiting.take() is None


async def test_a_failure_comes_after_the_last_frame() -> None:
    waiting = IncomingFrames()
    waiting.put(frame(1))
    waiting.end(ValueError("first"))
    waiting.end(ValueError("second"))
    waiting.put(frame(2))
    assert await waiting.take() == (frame(1), [])
    with pytest.raises(ValueError, match="first"):
        await waiting.take()


@pytest.mark.parametrize("ends", [True, False])
async def test_a_waiting_take_gets_the_next_frame(ends: bool) -> None:
    waiting = IncomingFrames()
    taker = asyncio.create_task(waiting.take())
    await asyncio.sleep(0)
    assert not taker.done()
    if ends:
        waiting.end()
        assert await taker is None
    else:
        waiting.put(frame(1))
        assert await taker == (frame(1), [])


async def test_waiting_for_the_setup_ends_when_it_arrives() -> None:
    begun, ended = IncomingFrames(), IncomingFrames()
    takers = [asyncio.create_task(waiting.config()) for waiting in (begun, ended)]
    await asyncio.sleep(0)
    assert not any(taker.done() for taker in takers)
    begun.begin(RecognitionConfig())
    ended.end(ValueError("no setup"))
    assert await takers[0] == RecognitionConfig()
    with pytest.raises(ValueError, match="no setup"):
        await takers[1]


async def test_no_frame_is_taken_while_many_drops_are_unreported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("lipiyana.server.calls.frames.STREAMS", replace(STREAMS, max_dropped=3))
    waiting = IncomingFrames()
    for number in range(3):
        waiting.put(frame(number))
    await waiting.wait_for_room()
    waiting.put(frame(3))
    reader = asyncio.create_task(waiting.wait_for_room())
    await asyncio.sleep(0)
    assert not reader.done()
    assert await waiting.take() == (frame(3), [0, 1, 2])
    await reader
