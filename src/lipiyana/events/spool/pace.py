"""When to send next: back-off after failures, and a limit of bytes a second."""

from __future__ import annotations

import random

_FIRST = 1.0
_MOST = 300.0


class BackOff:
    """Seconds to wait after failures: they double up to five minutes.

    A part of each is random, so that cameras that lost the same network do not come back at once.
    """

    def __init__(self, generator: random.Random | None = None) -> None:
        self._random = generator or random.Random()  # noqa: S311 - it hides nothing
        self._next = _FIRST

    def failed(self, asked: float | None) -> float:
        """Return how long to wait; at least what the receiver asked for, up to the most."""
        wait = self._next * self._random.uniform(0.5, 1.0)
        self._next = min(_MOST, 2 * self._next)
        return min(_MOST, max(wait, asked or 0.0))

    def worked(self) -> None:
        """Begin anew at the next failure."""
        self._next = _FIRST


class RateLimit:
    """Spaces messages so that their bodies stay below a number of bytes a second."""

    def __init__(self, bytes_per_second: float | None) -> None:
        """Limit the rate; None for no limit."""
        self._rate = bytes_per_second
        self._free_at = 0.0

    @property
    def most_bytes(self) -> int | None:
        """Of one message: what two seconds allow, so that a slow line is never busy for long."""
        return None if self._rate is None else max(1, int(2 * self._rate))

    def wait(self, now: float) -> float:
        """Return the seconds until the next message may be sent."""
        return max(0.0, self._free_at - now)

    def sent(self, size: int, now: float) -> None:
        """Count a message that was sent, acknowledged or not."""
        if self._rate is not None:
            self._free_at = max(self._free_at, now) + size / self._rate
