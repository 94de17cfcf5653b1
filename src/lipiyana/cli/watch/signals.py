"""How SIGINT, SIGTERM and SIGHUP end watching: between two rows, so that none is lost."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lipiyana.cli.exit_codes import INTERRUPTED, TERMINATED
from lipiyana.cli.signals import handled_by


class Stopped(Exception):
    """A signal came; `exit_code` is that of shells for it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = INTERRUPTED if number == signal.SIGINT else TERMINATED


@contextmanager
def stoppable() -> Iterator[Callable[[], None]]:
    """Note signals instead of ending at once; a second one interrupts whatever is under way.

    Yields:
        A function that raises `Stopped` if a signal came.
    """
    came: list[int] = []

    def note(number: int, _: object) -> None:
        came.append(number)
        if len(came) > 1:
            raise KeyboardInterrupt

    def check() -> None:
        if came:
            raise Stopped(came[0])

    with handled_by(note):
        yield check
