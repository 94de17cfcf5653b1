"""Memory of a serving process: how much the settings allow, and returning unused memory.

gRPC receives messages in thousands of small pieces, with larger blocks allocated in between. After
a burst of large messages the C library holds hundreds of megabytes of fragmented free memory, and
the next burst can reuse only a part of it.
"""

from __future__ import annotations

import asyncio
import ctypes
import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from lipiyana.runtime.container import CGROUP, container_memory, machine_memory
from lipiyana.server.settings.model import ServerSettings
from lipiyana.server.settings.sources import bad_setting
from lipiyana.server.tuning import CONNECTIONS, MEBIBYTE, MEMORY, MESSAGES

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
_STATM = Path("/proc/self/statm")


class MemoryReturn:
    """Checks the size of the process periodically, and returns free memory to the system.

    Does nothing on systems that do not report the size.
    """

    def __init__(
        self,
        resident: Callable[[], int] | None = None,
        trim: Callable[[], object] | None = None,
    ) -> None:
        """Measure the size of the process now.

        Args:
            resident: reads the resident memory of the process in bytes.
            trim: returns free memory to the system.
        """
        self._resident = resident or _resident
        self._trim = trim or _trim
        self._least = self._resident()

    def look(self) -> bool:
        """Return free memory if the process has grown; return whether it has. May take 50 ms."""
        now = self._resident()
        self._least = min(self._least, now)
        if now < self._least + MEMORY.growth_bytes:
            return False
        self._trim()
        self._least = self._resident()
        return True

    async def run(self) -> None:
        """Check every few seconds, until cancelled; the C library caches memory in between."""
        _raise_thresholds()
        while self._least:
            await asyncio.sleep(MEMORY.look_seconds)
            await asyncio.to_thread(self.look)


def _resident() -> int:
    try:
        pages = int(_STATM.read_text("ascii").split()[1])
    except (OSError, ValueError, IndexError):  # no Linux
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _raise_thresholds() -> None:
    try:
        library = ctypes.CDLL(None)
        library.mallopt(_M_TRIM_THRESHOLD, MEMORY.trim_threshold_bytes)
        library.mallopt(_M_MMAP_THRESHOLD, MEMORY.mmap_threshold_bytes)
    except (AttributeError, OSError, TypeError):  # another C library
        return


def _trim() -> None:
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError, TypeError):  # another C library
        return


_log = logging.getLogger("lipiyana.server")


def memory_bounds(settings: ServerSettings) -> Mapping[str, int]:
    """The maximum bytes of each part of one process, the largest part first.

    Example:
        >>> bounds = memory_bounds(ServerSettings(threads=2))
        >>> bounds["max_streams"] == 32 * 32 * MEBIBYTE
        True
    """
    message = settings.max_message_bytes
    calls = settings.max_connections * settings.max_connection_calls
    bounds = {
        "models and threads": MEMORY.models_bytes + settings.threads * MEMORY.thread_bytes,
        "max_streams": settings.max_streams * message,
        "max_decoded_bytes": settings.max_decoded_bytes,
        "max_receiving_bytes": settings.max_receiving_bytes + 2 * message,
        "health requests": 2 * message,
        "answers": MESSAGES.unread_messages * MESSAGES.unread_copies * message,
        "max_queue_bytes": settings.max_queue_bytes,
        "cache_bytes": settings.cache_bytes,
        "max_connection_calls": calls * CONNECTIONS.call_bytes,
    }
    if settings.http_port is not None:
        bounds["http_port"] = (
            settings.max_connections * MEMORY.http_connection_bytes + MEMORY.http_copies * message
        )
    return dict(sorted(bounds.items(), key=lambda item: -item[1]))


def refuse_workers_without_memory(settings: ServerSettings, root: Path = CGROUP) -> None:
    """Refuse more workers than the container or machine can hold even while they are idle.

    The system would kill processes, and not only those of the server.

    Raises:
        InvalidRequest: the workers do not fit (INVALID_SETTINGS).
    """
    has = container_memory(root) or machine_memory()
    if has is None or settings.workers * MEMORY.idle_worker_bytes <= has:
        return
    raise bad_setting(
        f"workers is {settings.workers}: each needs {MEMORY.idle_worker_bytes // MEBIBYTE} MiB for "
        f"the models alone, and {has // MEBIBYTE} MiB are available; it must be at most "
        f"{max(1, has // MEMORY.idle_worker_bytes)}",
        "workers",
    )


def warn_of_too_little_memory(settings: ServerSettings, root: Path = CGROUP) -> None:
    """Warn if callers could make the server use more memory than the container or machine has."""
    has = container_memory(root) or machine_memory()
    bounds = memory_bounds(settings)
    takes = settings.workers * sum(bounds.values())
    if has is None or takes <= has:
        return
    most = ", ".join(f"{name} {size // MEBIBYTE} MiB" for name, size in list(bounds.items())[:3])
    _log.warning(
        "callers may make this server use %d MiB, but only %d MiB are available: lower its "
        "settings or add memory; the largest parts of a process are %s",
        takes // MEBIBYTE,
        has // MEBIBYTE,
        most,
    )
