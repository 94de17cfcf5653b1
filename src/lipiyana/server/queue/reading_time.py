"""How much CPU time reading one picture may take on a server.

A picture of 200 KB can hold a thousand lines of text, which take half a minute of a thread; a few
of them would keep all others waiting.
"""

from __future__ import annotations

import time

from lipiyana.errors import InvalidImage


class ReadingTime:
    """CPU seconds of the thread that makes it, for one picture."""

    def __init__(self, seconds: float) -> None:
        """Begin to count."""
        self._seconds = seconds
        self._ends = time.thread_time() + seconds

    def require(self) -> None:
        """Refuse to go on where the time is spent.

        Raises:
            InvalidImage: it is (IMAGE_TOO_COMPLEX).
        """
        if time.thread_time() > self._ends:
            raise InvalidImage(
                f"reading the picture takes more than {self._seconds:g} s of CPU time (the "
                "server's setting max_read_seconds): cut it into parts that show less text",
                reason="IMAGE_TOO_COMPLEX",
            )
