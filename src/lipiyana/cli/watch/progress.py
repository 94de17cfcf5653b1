"""Progress of `lipiyana watch` on standard error: bars on a terminal, else lines."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from lipiyana.cli.progress import LINE_EVERY
from lipiyana.conversions.visible_text import shown
from lipiyana.watch.run import State


class WatchProgress:
    """Shows for each source its position and its speed against real time.

    With `results_on_terminal` there are no bars, because the rows themselves show the progress.
    """

    def __init__(
        self, console: Console, states: Sequence[State], *, results_on_terminal: bool
    ) -> None:
        self._console, self._states = console, states
        self._began = self._printed = time.monotonic()
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[said]}", markup=False),
            console=console,
            disable=results_on_terminal or not console.is_terminal,
            transient=True,
            redirect_stdout=False,
        )
        self._tasks: list[TaskID] = [
            self._bar.add_task(shown(state.source.name), total=None, said="") for state in states
        ]

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def look(self) -> None:
        """Bring what is shown up to date."""
        now = time.monotonic()
        if self._bar.disable:
            if not self._console.is_terminal and now - self._printed >= LINE_EVERY:
                self._printed = now
                for state in self._states:
                    if not state.is_over:
                        name = shown(state.source.name)
                        line = f"{name}: {describe(state, now - self._began)}"
                        self._console.print(line, markup=False)
            return
        for task, state in zip(self._tasks, self._states, strict=True):
            self._bar.update(
                task,
                total=state.duration,
                completed=state.counts.elapsed,
                said=describe(state, state.seconds or now - self._began),
            )


def describe(state: State, seconds: float) -> str:
    """Say how far a source has come after so many seconds."""
    counts = state.counts
    tracks = "1 track" if counts.tracks == 1 else f"{counts.tracks} tracks"
    parts = [f"{_clock(counts.elapsed)}"]
    if state.duration is not None:
        parts[0] += f" of {_clock(state.duration)}"
    if not state.source.is_endless and seconds > 0:
        parts.append(f"{counts.elapsed / seconds:.1f}x real time")
    parts.append(f"{counts.frames} frames, {counts.read} read, {tracks}")
    if counts.failed:
        parts.append(f"{counts.failed} failed")
    return ", ".join(parts)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"
