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


async def test_a_system_without_memory_figures_is_not_watched() -> None:
    await MemoryReturn(lambda: 0).run()  # ends


def test_freed_memory_between_live_blocks_is_returned() -> None:
    if not _resident():
        return
    pieces = [bytes(16_000) for _ in range(20_000)]
    live = pieces[::50]  # so that the end of the heap stays in use
    full = _resident()
    del pieces
    _trim()
    assert _resident() < full - 100 * 1024 * 1024
    assert len(live) == 400
