"""Ends a serving process after a signal, within the grace period, whatever still runs in it."""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from lipiyana.server.tuning import ENDING

CUT_OFF = 3
"""Exit code of a server that ended before all accepted calls were answered."""


_log = logging.getLogger("lipiyana.server")


def reserve_of(grace: float) -> float:
    """Seconds at the end of a grace period that are reserved for closing everything."""
    return min(ENDING.longest_reserve, grace * ENDING.reserve_share)


def leaving_of(grace: float) -> float:
    """Seconds before the end of a grace period at which the process exits."""
    return reserve_of(grace) * ENDING.leaving_share


class Ending:
    """Receives the signals of this process, and ends the process at the deadline at the latest.

    It runs on its own thread, because the event loop or other code may be stuck. Python cannot stop
    code that never returns, so the process then exits by `os._exit` while that code runs.

    Attributes:
        unfinished: returns the number of accepted calls (or of `what`) that were cut off, or would
            be if the process ended now.
        last_act: called just before `os._exit`.
        on_reload: called for each SIGHUP, on another thread.
    """

    def __init__(self, grace: float, what: str = "accepted calls") -> None:
        """Wait for signals.

        Args:
            grace: seconds from the first signal to the deadline.
            what: name of what `unfinished` counts, for the log.
        """
        self.unfinished: Callable[[], int] = lambda: 0
        self.last_act: Callable[[], None] = lambda: None
        self.on_reload: Callable[[], None] = lambda: None
        self._grace = grace
        self._what = what
        self._changed = threading.Condition()
        self._deadline: float | None = None
        self._leave_at = 0.0
        self._signals = 0
        self._listener: Callable[[], None] | None = None
        self._unreported = 0
        self._disarmed = False

    @property
    def exit_code(self) -> int:
        """0 if all accepted calls were answered, else `CUT_OFF`."""
        return CUT_OFF if self.unfinished() else 0

    @property
    def begun(self) -> bool:
        """Whether a signal has come."""
        return self._signals > 0

    def listen(self, listener: Callable[[], None]) -> None:
        """Call `listener` for each signal, including earlier ones.

        It is called on another thread.
        """
        with self._changed:
            self._listener = listener
            unreported, self._unreported = self._unreported, 0
        for _ in range(unreported):
            listener()

    def remaining(self) -> float:
        """Seconds until the deadline; before the first signal, the whole grace period."""
        with self._changed:
            if self._deadline is None:
                return self._grace
            return max(0.0, self._deadline - time.monotonic())

    def signalled(self) -> None:
        """Count a signal: the first one starts the grace period, the second one ends it."""
        with self._changed:
            self._signals += 1
            now = time.monotonic()
            if self._deadline is None:
                self._end_within(max(self._grace, ENDING.second_signal_seconds), now)
                threading.Thread(target=self._watch, name="lipiyana-ending", daemon=True).start()
            elif self._signals == 2 and now + ENDING.second_signal_seconds < self._deadline:
                self._end_within(ENDING.second_signal_seconds, now)
                self._changed.notify_all()
            listener = self._listener
            if listener is None:
                self._unreported += 1
        if listener is not None:
            listener()

    def leave(self, why: str) -> None:
        """Exit the process now, even if other code still runs. Does not return."""
        cut_off = self.unfinished()
        level = logging.ERROR if cut_off else logging.WARNING

        def say() -> None:
            _log.log(level, "%s; %d %s were cut off", why, cut_off, self._what)
            for handler in logging.getLogger().handlers:
                handler.flush()

        last = threading.Thread(target=say, daemon=True)
        last.start()
        last.join(ENDING.log_seconds)
        with contextlib.suppress(Exception):
            self.last_act()
        os._exit(CUT_OFF if cut_off else 0)

    def disarm(self) -> None:
        """Cancel the deadline, because everything is closed."""
        with self._changed:
            self._disarmed = True
            self._changed.notify_all()

    def _end_within(self, seconds: float, now: float) -> None:
        self._deadline = now + seconds
        self._leave_at = self._deadline - leaving_of(seconds)

    def _watch(self) -> None:
        with self._changed:
            while not self._disarmed and (left := self._leave_at - time.monotonic()) > 0:
                self._changed.wait(left)
            if self._disarmed:
                return
            second = self._signals > 1
        self.leave(
            "a second signal came" if second else "the grace period of shutdown_grace is over"
        )


@contextmanager
def ending_by_signals(
    ending: Ending, signals: Sequence[signal.Signals], *, parent: int | None = None
) -> Iterator[Ending]:
    """Pass each signal to `ending`. Enter this context on the main thread.

    Python runs signal handlers only on the main thread, which may be busy. So another thread reads
    the file to which the interpreter immediately writes the number of each signal.

    Args:
        ending: receives the signals.
        signals: the signals that end the process; SIGHUP reloads the models, unless this process
            has a terminal, whose end it tells of.
        parent: a file descriptor that reaches its end when the parent process ends; this counts as
            a signal.
    """
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.setblocking(False)
        heard = (*signals, signal.SIGHUP) if _can_reload() else signals
        before = {number: signal.signal(number, _ignore) for number in heard}
        file_before = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
        stop, stopped = socket.socketpair()
        thread = threading.Thread(
            target=_watch_signals,
            args=(ending, ours, frozenset(signals), stopped, parent),
            name="lipiyana-signals",
            daemon=True,
        )
        thread.start()
        try:
            yield ending
        finally:
            signal.set_wakeup_fd(file_before)
            for number, handler in before.items():
                signal.signal(number, handler)
            stop.close()
            thread.join()
            stopped.close()
            ending.disarm()


@contextmanager
def hangups_ignored() -> Iterator[None]:
    """Let SIGHUP do nothing while a server starts; by itself it would end the process.

    The models are read anyway then. Processes that are started meanwhile ignore it, too. Enter this
    context on the main thread.
    """
    if not _can_reload():
        yield
        return
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


def _can_reload() -> bool:
    return hasattr(signal, "SIGHUP") and not (sys.stdin is not None and sys.stdin.isatty())


def _ignore(_number: int, _frame: object) -> None:
    """Do nothing: the interpreter has written the number to the file."""


def _watch_signals(
    ending: Ending,
    numbers: socket.socket,
    signals: frozenset[int],
    stopped: socket.socket,
    parent: int | None,
) -> None:
    with selectors.DefaultSelector() as selector:
        selector.register(numbers, selectors.EVENT_READ)
        selector.register(stopped, selectors.EVENT_READ)
        if parent is not None:
            selector.register(parent, selectors.EVENT_READ)
        while True:
            readable = {key.fileobj for key, _ in selector.select()}
            if stopped in readable:
                return
            if parent is not None and parent in readable:
                selector.unregister(parent)
                if not ending.begun:  # otherwise a signal came already
                    ending.signalled()
            if numbers in readable:
                for number in numbers.recv(64):
                    if number in signals:
                        ending.signalled()
                    elif number == getattr(signal, "SIGHUP", None):
                        ending.on_reload()
