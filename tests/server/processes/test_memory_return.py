from __future__ import annotations

from lipiyana.server.processes.memory import MemoryReturn, _resident, _trim
from lipiyana.server.tuning import MEMORY


def test_memory_is_given_back_when_the_process_has_grown() -> None:
    growth = MEMORY.growth_bytes
    sizes = iter([100, 100 + growth - 1, 50, 50 + growth, 70, 70 + growth - 1])
    trims: list[int] = []
    returning = MemoryReturn(lambda: next(sizes), lambda: trims.append(1))
    assert [returning.look() for _ in range(4)] == [False, False, True, False]
    assert len(trims) == 1


async def test_a_system_that_cannot_tell_is_not_looked_at() -> None:
    await MemoryReturn(lambda: 0).run()  # ends


def test_what_was_freed_between_pieces_is_given_back() -> None:
    if not _resident():
        return
    pieces = [bytes(16_000) for _ in range(20_000)]
    kept = pieces[::50]  # so that no block at the end of the heap is free
    full = _resident()
    del pieces
    _trim()
    assert _resident() < full - 100 * 1024 * 1024
    assert len(kept) == 400
