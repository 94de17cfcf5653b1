"""The course of a fine-tuning, for any kind of model: train, measure, save, stop, resume.

A course is a folder with the learner's checkpoints, and the measurements in `course.json`. Each
file is written to a temporary name and renamed, so a course that is interrupted at any moment, by
Ctrl-C or by a power cut, resumes from its last save. SIGTERM, which a pre-emptible machine sends
before it goes, saves first.
"""

from __future__ import annotations

import json
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import FrameType
from typing import Literal, Protocol

from lipiyana.files import parse_json, read_text, replacing

STATE = "course.json"
_MEASUREMENTS = 20
"""Of a course that is limited by its steps."""

Ending = Literal["time", "no_gain", "interrupted", "terminated"]
STOPPED: tuple[Ending | None, ...] = ("interrupted", "terminated")
"""Endings of a course that is not finished: by Ctrl-C, and by SIGTERM."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Error on the validation set, from 0 up, and the loss, which breaks ties."""

    error: float
    loss: float

    def better_than(self, other: Measured) -> bool:
        """Compare the errors; compare the losses if the errors are equal."""
        return (self.error, self.loss) < (other.error, other.loss)


class Learner(Protocol):
    """A model in training, with its optimizer and its data."""

    @property
    def step(self) -> int:
        """Number of steps taken, over all starts of the course."""
        ...

    def learn(self, share: float) -> None:
        """Take one step; `share` is the elapsed share of the time."""
        ...

    def measure(self) -> Measured:
        """Measure the current model on the validation set."""
        ...

    def save(self) -> None:
        """Write a checkpoint to resume from, atomically."""
        ...

    def keep_best(self) -> None:
        """Write the current model as the best so far, atomically."""
        ...

    def restore(self) -> bool:
        """Load the checkpoint that `save` wrote; return False if there is none."""
        ...

    def settle(self, best: Measured, /) -> Measured | None:
        """After training, look for a model close to the base that is about as good as the best.

        Returns:
            The measure of the model that replaced the best one; None if none did.
        """
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits on the length of a course.

    Attributes:
        minutes: of training and measuring in total, over all starts of the course.
        steps: maximum number of steps; None for no limit.
        measure_every_s: seconds between two measurements.
        measure_every_steps: steps between two measurements, instead of seconds. Then the clock
            decides nothing, and the same steps give the same model.
        patience: stop after this many measurements without a gain (early stopping) ...
        least_share: ... but not before this share of the time has passed.
    """

    minutes: float = 10.0
    steps: int | None = None
    measure_every_s: float = 30.0
    measure_every_steps: int | None = None
    patience: int = 8
    least_share: float = 0.8

    def by_steps(self, steps: int) -> Limits:
        """Limit the course by its steps alone."""
        every = max(1, round(steps / _MEASUREMENTS))
        return replace(self, minutes=math.inf, steps=steps, measure_every_steps=every)


@dataclass(slots=True)
class CourseState:
    """State of a course, stored in `course.json`.

    Attributes:
        key: digest of data and base; a course resumes only with the same ones.
        seconds: time spent so far.
        before: the measure of the base.
        best: the best measure, of the model that `keep_best` wrote last.
        stale: number of measurements since the best one.
        history: (seconds, error, loss) of every measurement.
        ending: why the course ended; None while it runs.
    """

    key: str
    seconds: float = 0.0
    before: Measured | None = None
    best: Measured | None = None
    stale: int = 0
    history: list[tuple[float, float, float]] = field(default_factory=list)
    ending: Ending | None = None

    def note(self, measured: Measured) -> bool:
        """Record a measurement; return True if it is the best so far."""
        self.history.append((round(self.seconds, 1), measured.error, measured.loss))
        self.before = self.before or measured
        if self.best is None or measured.better_than(self.best):
            self.best, self.stale = measured, 0
            return True
        self.stale += 1
        return False

    def write(self, folder: Path) -> None:
        """Write `course.json` atomically."""
        with replacing(folder / STATE) as partial:
            partial.write_text(json.dumps(asdict(self)), "utf-8")


def read_state(folder: Path) -> CourseState | None:
    """Read `course.json`; return None if it is missing or invalid."""
    try:
        stored = parse_json(read_text(folder / STATE))
        for name in ("before", "best"):
            stored[name] = Measured(**stored[name]) if stored[name] else None
        stored["history"] = [tuple(row) for row in stored["history"]]
        return CourseState(**stored)
    except (OSError, ValueError, KeyError, TypeError):
        return None


@dataclass(frozen=True, slots=True)
class Standing:
    """Progress of a course: elapsed share, maximum seconds left, best error so far."""

    share: float
    left_s: float
    best: float | None


def run_course(
    learner: Learner,
    folder: Path,
    state: CourseState,
    limits: Limits,
    on_standing: Callable[[Standing], None] = lambda _: None,
    on_phase: Callable[[str], None] = lambda _: None,
) -> CourseState:
    """Train until the time is over, the error no longer falls, or Ctrl-C or SIGTERM.

    Args:
        learner: the model; it resumes from its last save if `state` has one.
        folder: folder of the course.
        state: a new state, or the one that `read_state` returned.
        limits: limits on time and steps.
        on_standing: called with the progress before every step.
        on_phase: called with the name of each phase. Those before and after the training may take
            minutes, in which `on_standing` is not called.

    Returns:
        The state with its ending; it can be resumed if that is one of `STOPPED`.

    Raises:
        OSError: the folder cannot be written; the last save stays valid.
    """
    state.ending = None
    if state.seconds > 0 and not learner.restore():
        state = CourseState(state.key)  # it was interrupted before its first save
    with _interrupts() as interrupted:
        began, before = time.monotonic(), state.seconds
        if state.before is None:
            on_phase("measuring the base")
            _measure(learner, state)
        on_phase("learning")
        measured, first = time.monotonic(), learner.step
        total = limits.minutes * 60
        while True:
            now = time.monotonic()
            state.seconds = before + now - began
            taken = learner.step / limits.steps if limits.steps else 0.0
            share = min(1.0, max(taken, state.seconds / total))
            best = state.best.error if state.best else None
            left = total - state.seconds if math.isfinite(total) else _left(state.seconds, share)
            on_standing(Standing(share, max(0.0, left), best))
            out_of_time = share >= 1
            if out_of_time:
                on_phase("measuring the trained model")
            if limits.measure_every_steps is None:
                due = now - measured >= limits.measure_every_s
            else:  # the step that a course resumes from was measured before
                due = learner.step > first and learner.step % limits.measure_every_steps == 0
            if out_of_time or due:
                _measure(learner, state)
                _save(learner, state, folder)
                measured = time.monotonic()
            if (signalled := interrupted()) is not None:
                state.ending = "terminated" if signalled == signal.SIGTERM else "interrupted"
            elif out_of_time:
                state.ending = "time"
            elif state.stale >= limits.patience and share >= limits.least_share:
                state.ending = "no_gain"
            if state.ending:
                break
            learner.learn(share)
        if state.ending not in STOPPED and state.best is not None:
            on_phase("averaging with the weights of the base")
            state.best = learner.settle(state.best) or state.best
    _save(learner, state, folder)
    return state


def _left(seconds: float, share: float) -> float:
    """Estimate the seconds left of a course that is limited by its steps."""
    return seconds * (1 - share) / share if share else 0.0


def _measure(learner: Learner, state: CourseState) -> None:
    if state.note(learner.measure()):
        learner.keep_best()


def _save(learner: Learner, state: CourseState, folder: Path) -> None:
    learner.save()
    state.write(folder)


@contextmanager
def _interrupts() -> Iterator[Callable[[], int | None]]:
    """Defer the first Ctrl-C or SIGTERM to the end of the step; the second one acts at once."""
    came: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return

    def hear(number: int, _frame: FrameType | None) -> None:
        if came:
            raise KeyboardInterrupt
        came.append(number)

    numbers = (signal.SIGINT, signal.SIGTERM)
    former = [signal.signal(number, hear) for number in numbers]
    try:
        yield lambda: came[0] if came else None
    finally:
        for number, handler in zip(numbers, former, strict=True):
            signal.signal(number, handler)
