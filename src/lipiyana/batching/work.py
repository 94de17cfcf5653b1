"""The work of a thread: until when it is wanted, and whether anybody still waits for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from lipiyana.errors import Cancelled, DeadlineExceeded


def _never() -> bool:
    return False


def _no_limit() -> float | None:
    return None


def _no_bound() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Work:
    """The work of one thread for its callers.

    Attributes:
        remaining: seconds until the last of them gives up; None: never. It may grow, since
            another caller may join.
        abandoned: whether all of them have gone.
        require_time: raises where it has taken more CPU time than a picture may; to be called on
            the thread that does it.
    """

    remaining: Callable[[], float | None] = _no_limit
    abandoned: Callable[[], bool] = _never
    require_time: Callable[[], None] = _no_bound

    def require_wanted(self) -> None:
        """Raise if nobody waits for the work any more.

        Raises:
            DeadlineExceeded: the time is over.
            Cancelled: all callers went away.
        """
        if self.abandoned():
            raise Cancelled("everyone who waited for this went away before it was begun")
        remaining = self.remaining()
        if remaining is not None and remaining <= 0:
            raise DeadlineExceeded("the time was over before this was begun")


_ENDLESS = Work()
_current: ContextVar[Work] = ContextVar("lipiyana_work", default=_ENDLESS)


def current_work() -> Work:
    """Give the work of this thread; without one, work that is always wanted."""
    return _current.get()


@contextmanager
def working(work: Work) -> Iterator[None]:
    """Set the work of this thread while the body runs."""
    token = _current.set(work)
    try:
        yield
    finally:
        _current.reset(token)
