"""Memory for decoding and reading pictures, given out in the order of requests."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from lipiyana.errors import DeadlineExceeded


class DecodingMemory:
    """A bound on the decoded bytes of all pictures together. Safe to share between threads."""

    def __init__(self, most: int) -> None:
        """Bound the memory to `most` bytes; a picture that needs more waits until it is alone."""
        self._most = most
        self._used = 0
        self._waiting: deque[object] = deque()
        self._changed = threading.Condition()

    @property
    def used(self) -> int:
        """Bytes that are given out."""
        return self._used

    @property
    def waiting(self) -> int:
        """Pictures that wait for room."""
        return len(self._waiting)

    @contextmanager
    def room(self, size: int, timeout: float | None = None) -> Iterator[Room]:
        """Hold memory for a picture while the body runs, after waiting in order of arrival.

        So a large picture is not passed by small ones for ever.

        Raises:
            DeadlineExceeded: there was none within `timeout` seconds.
        """
        end = None if timeout is None else time.monotonic() + timeout
        ticket = object()
        with self._changed:
            self._waiting.append(ticket)
            try:
                while not self._is_next(ticket, size):
                    left = None if end is None else end - time.monotonic()
                    if left is not None and left <= 0:
                        raise DeadlineExceeded(
                            "the memory for decoding was taken by other pictures until the time "
                            "was over"
                        )
                    self._changed.wait(left)
                self._used += size
            finally:
                self._waiting.remove(ticket)
                self._changed.notify_all()  # the next may fit beside this one, or instead of it
        room = Room(self, size)
        try:
            yield room
        finally:
            room.shrink(0)

    def _is_next(self, ticket: object, size: int) -> bool:
        fits = not self._used or self._used + size <= self._most
        return self._waiting[0] is ticket and fits

    def give_back(self, size: int) -> None:
        """Take bytes back; called by `Room`."""
        with self._changed:
            self._used -= size
            self._changed.notify_all()


class Room:
    """The memory that one picture holds."""

    def __init__(self, memory: DecodingMemory, size: int) -> None:
        self._memory, self._size = memory, size

    def shrink(self, size: int) -> None:
        """Hold at most `size` bytes from now on."""
        if size < self._size:
            self._memory.give_back(self._size - size)
            self._size = size
