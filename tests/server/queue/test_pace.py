"""Answers that cost the caller nothing, such as refusals, are rate-limited."""

from __future__ import annotations

import asyncio

import pytest

from lipiyana.server.queue.pace import Pace

NEVER = 1e-6


async def let_the_loop_run() -> None:
    """Run the event loop until all ready tasks have run."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_one_connection_waits_and_others_do_not() -> None:
    pace = Pace(NEVER, 2)
    await pace.turn("a")
    await pace.turn("a")
    late = asyncio.create_task(pace.turn("a"))
    await let_the_loop_run()
    assert (pace.waiting, late.done()) == (1, False)
    await pace.turn("b")
    pace.end()
    await late
    await pace.turn("a")
    assert pace.waiting == 0


async def test_waiting_calls_get_their_turn() -> None:
    pace = Pace(1000.0, 1)
    async with asyncio.timeout(30):
        await asyncio.gather(*(pace.turn("a") for _ in range(5)))


async def test_a_reset_call_also_waits() -> None:
    pace = Pace(NEVER, 0)
    call = asyncio.create_task(pace.turn("a"))
    await let_the_loop_run()
    call.cancel()
    await let_the_loop_run()
    assert (pace.waiting, call.done()) == (1, False)
    pace.end()
    with pytest.raises(asyncio.CancelledError):
        await call


async def test_old_connections_are_forgotten() -> None:
    pace = Pace(1e9, 1)
    for number in range(2000):
        await pace.turn(str(number))
    assert len(pace._paid_until) < 1000
