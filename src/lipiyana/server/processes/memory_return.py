"""Memory that the C library keeps after it was freed is given back to the system.

gRPC takes messages in thousands of small pieces, between which larger blocks are allocated: after a
wave of large messages the C library holds hundreds of megabytes that nobody uses, and the next wave
comes on top of some of it.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
from collections.abc import Callable
from pathlib import Path

GROWTH = 64 * 1024 * 1024
"""Bytes by which a process has grown since it last gave memory back, when it does so again."""

TRIM_THRESHOLD = 256 * 1024 * 1024
MMAP_THRESHOLD = 32 * 1024 * 1024
"""Bytes up to which the C library keeps what was freed, and from which it asks the system anew: the
models of a server keep no memory themselves, and each run would else wait for pages of the system
(an eighth of the time of a street picture, with these a twentieth)."""

SECONDS = 5.0
"""Between two looks."""

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
_STATM = Path("/proc/self/statm")


class MemoryReturn:
    """Looks now and then how large the process is. Does nothing where the system cannot tell."""

    def __init__(
        self,
        resident: Callable[[], int] | None = None,
        trim: Callable[[], object] | None = None,
    ) -> None:
        """Begin to look from now on.

        Args:
            resident: gives the bytes of the process that are in memory.
            trim: gives back what is free.
        """
        self._resident = resident or _resident
        self._trim = trim or _trim
        self._least = self._resident()

    def look(self) -> bool:
        """Give memory back if the process has grown; tells whether it did. May take 50 ms."""
        now = self._resident()
        self._least = min(self._least, now)
        if now < self._least + GROWTH:
            return False
        self._trim()
        self._least = self._resident()
        return True

    async def run(self) -> None:
        """Look every few seconds, until cancelled; the C library keeps memory in between."""
        _keep()
        while self._least:
            await asyncio.sleep(SECONDS)
            await asyncio.to_thread(self.look)


def _resident() -> int:
    try:
        pages = int(_STATM.read_text("ascii").split()[1])
    except (OSError, ValueError, IndexError):  # no Linux
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _keep() -> None:
    try:
        library = ctypes.CDLL(None)
        library.mallopt(_M_TRIM_THRESHOLD, TRIM_THRESHOLD)
        library.mallopt(_M_MMAP_THRESHOLD, MMAP_THRESHOLD)
    except (AttributeError, OSError, TypeError):  # another C library
        return


def _trim() -> None:
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError, TypeError):  # another C library
        return
