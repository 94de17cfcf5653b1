"""Notes what becomes of look-ups and writes in the shared cache, and lets a test wait for it."""

from __future__ import annotations

import asyncio

PATIENCE = 30.0


class Observer:
    """`look_ups` and `writes` have the results in order."""

    def __init__(self) -> None:
        self.look_ups: list[str] = []
        self.writes: list[str] = []
        self._changed = asyncio.Event()

    def shared_look_up(self, result: str) -> None:
        self.look_ups.append(result)

    def shared_write(self, result: str) -> None:
        self.writes.append(result)
        self._changed.set()

    async def written(self, count: int) -> list[str]:
        """Wait until that many writes have ended, successfully or not."""
        async with asyncio.timeout(PATIENCE):
            while len(self.writes) < count:
                self._changed.clear()
                await self._changed.wait()
        return self.writes
