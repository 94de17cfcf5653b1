"""How long reading a picture takes on this server, and how much CPU time it may take.

A 200 KB picture can contain a thousand lines of text, which take half a minute of one thread. A few
such pictures would delay all other callers.
"""

from __future__ import annotations

import threading

from lipiyana.clock import CpuBudget
from lipiyana.errors import InvalidImage
from lipiyana.server.tuning import QUEUE
from lipiyana.types import Layout, RawImage


class ReadingTime:
    """The CPU time of one picture, counted on the thread that creates this."""

    def __init__(self, seconds: float) -> None:
        """Start to count."""
        self._cpu = CpuBudget(seconds)

    def require(self) -> None:
        """Check the time.

        Raises:
            InvalidImage: no time is left (IMAGE_TOO_COMPLEX).
        """
        if self._cpu.is_spent:
            raise InvalidImage(
                f"reading the picture takes more than {self._cpu.seconds:g} s of CPU time (the "
                "server's setting max_read_seconds): cut it into parts that show less text",
                reason="IMAGE_TOO_COMPLEX",
            )


Kind = tuple[Layout, bool, int]


class Durations:
    """Running means by layout and size. Safe to share between threads."""

    def __init__(self) -> None:
        self._means: dict[Kind, float] = {}
        self._lock = threading.Lock()

    def learn(self, image: bytes | RawImage, layout: Layout, seconds: float) -> None:
        """Add the duration of one picture."""
        kind = _kind(image, layout)
        with self._lock:
            mean = self._means.get(kind, seconds)
            self._means[kind] = mean + QUEUE.kind_smoothing * (seconds - mean)

    def expected(self, image: bytes | RawImage, layout: Layout) -> float:
        """Seconds that a picture takes on average; 0 where none of its kind was read yet."""
        return self._means.get(_kind(image, layout), 0.0)

    def leaves_too_little(
        self, image: bytes | RawImage, layout: Layout, waited: float, remaining: float | None
    ) -> bool:
        """Say whether a picture that has waited will hardly be read in the time that remains.

        A picture that found a free thread is always tried: nothing else waits for it, and a mean
        that was wrong is corrected.
        """
        expected = self.expected(image, layout)
        if remaining is None or waited < QUEUE.waited_share * expected:
            return False
        return remaining < QUEUE.margin * expected


def _kind(image: bytes | RawImage, layout: Layout) -> Kind:
    is_raw = isinstance(image, RawImage)
    size = len(image.data if isinstance(image, RawImage) else image)
    return layout, is_raw, size.bit_length()
