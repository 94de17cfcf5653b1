"""A limit on the memory of decoded pictures; requests wait in order of arrival."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from lipiyana.errors import DeadlineExceeded


class DecodingMemory:
    """Limits the decoded bytes of all pictures together. Safe to share between threads."""

    def __init__(self, most: int) -> None:
        """Limit the memory to `most` bytes; a picture that needs more waits until it is alone."""
        self._most = most
        self._used = 0
        self._waiting: deque[object] = deque()
        self._changed = threading.Condition()

    @property
    def used(self) -> int:
        """Bytes that are reserved."""
        return self._used

    @property
    def waiting(self) -> int:
        """Number of pictures that wait for memory."""
        return len(self._waiting)

    @contextmanager
    def reserve(self, size: int, timeout: float | None = None) -> Iterator[Reservation]:
        """Reserve memory for a picture while the body runs.

        Requests wait in order of arrival, so that small pictures cannot overtake a large one
        forever.

        Raises:
            DeadlineExceeded: the memory was not available within `timeout` seconds.
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
                            "other pictures used all the memory for decoding until the deadline"
                        )
                    self._changed.wait(left)
                self._used += size
            finally:
                self._waiting.remove(ticket)
                self._changed.notify_all()  # the next may fit beside this one, or instead of it
        reservation = Reservation(self, size)
        try:
            yield reservation
        finally:
            reservation.shrink(0)

    def _is_next(self, ticket: object, size: int) -> bool:
        fits = not self._used or self._used + size <= self._most
        return self._waiting[0] is ticket and fits

    def release(self, size: int) -> None:
        """Release reserved bytes; called by `Reservation`."""
        with self._changed:
            self._used -= size
            self._changed.notify_all()


class Reservation:
    """The memory that is reserved for one picture."""

    def __init__(self, memory: DecodingMemory, size: int) -> None:
        self._memory, self._size = memory, size

    def shrink(self, size: int) -> None:
        """Release all but `size` bytes."""
        if size < self._size:
            self._memory.release(self._size - size)
            self._size = size
