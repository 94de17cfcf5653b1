"""The interface of a cache of answers, and the tier in this process."""

from __future__ import annotations

import dataclasses
import functools
import sys
import threading
import time
from collections.abc import Callable, Hashable
from operator import itemgetter
from typing import Any, Protocol

from cachetools import TTLCache

from lipiyana.types import CacheOutcome, Recognition

ENTRY_OVERHEAD = 500
"""Bytes that an entry takes beside its value: key, links, slots of two dictionaries."""


class ResultCache(Protocol):
    """A tier of the cache. It stores values made by `cacheable`, and never raises."""

    def get(self, key: bytes) -> Recognition | None:
        """Look an answer up. Called on the event loop, so it must not block."""
        ...

    def put(self, key: bytes, value: Recognition) -> None:
        """Store an answer if there is room. Called on worker threads."""
        ...


class MemoryCache:
    """Drops the least recently used answers first, and every answer after `ttl` seconds.

    Safe to share between threads. `max_bytes` bounds the estimated size of all entries; an
    answer larger than that is not stored.
    """

    def __init__(
        self, max_bytes: int, ttl: float, *, timer: Callable[[], float] = time.monotonic
    ) -> None:
        self._entries: TTLCache[bytes, tuple[Recognition, int]] = TTLCache(
            max_bytes, ttl, timer=timer, getsizeof=itemgetter(1)
        )
        self._lock = threading.Lock()

    def get(self, key: bytes) -> Recognition | None:
        """Look an answer up."""
        with self._lock:
            entry = self._entries.get(key)
        return None if entry is None else entry[0]

    def put(self, key: bytes, value: Recognition) -> None:
        """Store an answer."""
        entry = (value, entry_size(value))  # measured before the lock: look-ups do not wait for it
        with self._lock:
            try:
                self._entries[key] = entry
            except ValueError:  # larger than the whole cache
                return

    @property
    def size(self) -> int:
        """Estimated bytes of all entries."""
        with self._lock:
            self._entries.expire()
            return int(self._entries.currsize)

    def __len__(self) -> int:
        with self._lock:
            self._entries.expire()
            return len(self._entries)


def cacheable(value: Recognition) -> Recognition:
    """Drop what belongs to one call: `track_id`, `timings`, `cache_outcome`."""
    return dataclasses.replace(
        value,
        vehicles=tuple(dataclasses.replace(v, track_id=None) for v in value.vehicles),
        cache_outcome=CacheOutcome.NONE,
        timings={},
    )


def entry_size(value: Recognition) -> int:
    """Estimate the bytes that an entry takes in memory."""
    return ENTRY_OVERHEAD + _size(value)


def _size(value: Any) -> int:
    if not value or isinstance(value, bool):  # one object for all, or near enough
        return 0
    own = sys.getsizeof(value)
    if isinstance(value, float | str | int):
        return own
    if isinstance(value, tuple):
        return own + sum(map(_size, value))
    return own + sum(_size(getattr(value, name)) for name in _names_of(value.__class__))


@functools.cache
def _names_of(kind: Hashable) -> tuple[str, ...]:
    """Names of the fields of a class; none if it is not a dataclass."""
    return tuple(getattr(kind, "__dataclass_fields__", ()))
