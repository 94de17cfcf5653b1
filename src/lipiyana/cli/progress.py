"""Progress of a run on standard error: a bar on a terminal, else a line every 30 seconds."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

LINE_EVERY = 30.0
"""Seconds between lines if standard error is not a terminal."""


class RunProgress:
    """Counts pictures and shows the progress. A thread walks `listing` once more for the total.

    With `results_on_terminal` there is no bar, because the results themselves show the progress.
    `earlier` are pictures of earlier runs, and how many of them failed. The time left is that of
    the speed of the last `period` seconds.
    """

    def __init__(
        self,
        console: Console,
        listing: Iterable[object],
        *,
        results_on_terminal: bool = False,
        earlier: tuple[int, int] = (0, 0),
        period: float = 30.0,
    ) -> None:
        self._console = console
        self._listing = listing
        self._done, self._failed = earlier
        self._earlier = self._done
        self._began = self._printed = time.monotonic()
        self._over = threading.Event()
        self._bar = Progress(
            TextColumn("reading"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[failed]} failed"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=results_on_terminal or not console.is_terminal,
            transient=True,
            # what a library prints to standard output stays there
            redirect_stdout=False,
            speed_estimate_period=period,
        )
        self._task = self._bar.add_task(
            "reading", total=None, failed=self._failed, completed=self._done
        )

    def __enter__(self) -> Self:
        self._bar.start()
        if not self._bar.disable:
            threading.Thread(target=self._count, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._over.set()
        self._bar.stop()

    def step(self, failed: bool) -> None:
        """Count one more picture."""
        self.advance(1, int(failed))

    def advance(self, pictures: int, failed: int) -> None:
        """Count more pictures, some of which failed."""
        self._done += pictures
        self._failed += failed
        self._bar.update(self._task, advance=pictures, failed=self._failed)
        now = time.monotonic()
        if not self._console.is_terminal and now - self._printed >= LINE_EVERY:
            self._printed = now
            rate = (self._done - self._earlier) / (now - self._began)
            self._console.print(
                f"{self._done} pictures, {self._failed} failed, {rate:.1f} per second"
            )

    def _count(self) -> None:
        total = 0
        for total, _ in enumerate(self._listing, 1):  # noqa: B007 - the last one is the count
            if self._over.is_set():
                return
        self._bar.update(self._task, total=total)
