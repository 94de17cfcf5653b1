"""Signals that end a command, as exceptions."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from lipiyana.cli.exit_codes import TERMINATED

_HANGUP = getattr(signal, "SIGHUP", signal.SIGTERM)
"""It comes when a terminal or a session ends, and is ignored under `nohup`. Windows has none."""
_ENDING = {signal.SIGTERM, _HANGUP}


class Terminated(KeyboardInterrupt):
    """SIGTERM or SIGHUP came."""


@contextmanager
def handled_by(handler: Callable[[int, object], None]) -> Iterator[None]:
    """Give SIGTERM, and SIGHUP and SIGINT unless ignored, to a handler; not on other threads."""
    if threading.current_thread() is not threading.main_thread():  # gets no signals
        yield
        return
    before = _handlers()
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else it is ignored
        before[signal.SIGINT] = signal.default_int_handler
    with _replaced(before, handler):
        yield


@contextmanager
def told_if_terminated() -> Iterator[None]:
    """Say that a signal ended a command before or after what it handles signals for itself."""

    def end(*_: object) -> None:
        from lipiyana.cli.console import say_step

        say_step("stopped")
        os._exit(TERMINATED)

    if threading.current_thread() is not threading.main_thread():  # gets no signals
        yield
        return
    with _replaced(_handlers(), end):
        yield


@contextmanager
def _replaced(before: dict[signal.Signals, Any], handler: Callable[..., object]) -> Iterator[None]:
    for number in before:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


def _handlers() -> dict[signal.Signals, Any]:
    found = {number: signal.getsignal(number) for number in _ENDING}
    if found[_HANGUP] is signal.SIG_IGN:
        del found[_HANGUP]
    return found


@contextmanager
def terminable() -> Iterator[Callable[[], None]]:
    """Let SIGTERM and SIGHUP end the run as Ctrl-C does, so that its output is completed.

    Yields:
        A function that raises what a signal raised before. An exception that a signal raises in a
        destructor or a callback is printed and lost.
    """
    came: list[KeyboardInterrupt] = []

    def end(number: int, _: object) -> None:
        came.append(Terminated() if number in _ENDING else KeyboardInterrupt())
        raise came[-1]

    def check() -> None:
        if came:
            raise came[-1]

    with handled_by(end):
        yield check
