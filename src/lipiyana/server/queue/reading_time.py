"""Estimates how long reading a picture takes on this server, and limits its CPU time.

A 200 KB picture can contain a thousand lines of text, which occupy one thread for half a minute. A
few such pictures would delay all other callers.
"""

from __future__ import annotations

import threading

from lipiyana.clock import CpuBudget
from lipiyana.errors import InvalidImage
from lipiyana.server.tuning import QUEUE
from lipiyana.types import Layout, RawImage


class ReadingTime:
    """Limits the CPU time of one picture, measured on the thread that creates this object."""

    def __init__(self, seconds: float) -> None:
        """Start measuring."""
        self._cpu = CpuBudget(seconds)

    def require(self) -> None:
        """Check that CPU time is left.

        Raises:
            InvalidImage: none is left (IMAGE_TOO_COMPLEX).
        """
        if self._cpu.is_spent:
            raise InvalidImage(
                f"reading the picture takes more than {self._cpu.seconds:g} s of CPU time (the "
                "server's setting max_read_seconds): cut it into parts with less text",
                reason="IMAGE_TOO_COMPLEX",
            )


Kind = tuple[Layout, bool, int]


class Durations:
    """Running means of durations by layout and size. Safe to share between threads."""

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
        """Mean seconds of a picture of this kind; 0 if none was read yet."""
        return self._means.get(_kind(image, layout), 0.0)

    def leaves_too_little(
        self, image: bytes | RawImage, layout: Layout, waited: float, remaining: float | None
    ) -> bool:
        """Whether a picture that has waited in the queue will probably miss its deadline.

        A picture that found a free thread is always tried: it delays nobody, and it corrects a
        wrong mean.
        """
        expected = self.expected(image, layout)
        if remaining is None or waited < QUEUE.waited_share * expected:
            return False
        return remaining < QUEUE.margin * expected


def _kind(image: bytes | RawImage, layout: Layout) -> Kind:
    is_raw = isinstance(image, RawImage)
    size = len(image.data if isinstance(image, RawImage) else image)
    return layout, is_raw, size.bit_length()
