"""The course of a fine-tuning, whatever kind of model learns: measure, save, stop, go on.

A course is a folder: what the learner saves there, and `course.json` with what was measured.
Files are written beside their place and renamed, so a course that is cut off at any moment, by
Ctrl-C or by a power cut, goes on from its last save.
"""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType
from typing import Literal, Protocol

from lipiyana.files import parse_json, read_text, replacing

STATE = "course.json"

Ending = Literal["time", "no_gain", "interrupted"]


@dataclass(frozen=True, slots=True)
class Measured:
    """The error on the validation part, from 0 up, and a finer measure that breaks ties."""

    error: float
    loss: float

    def better_than(self, other: Measured) -> bool:
        """Compare errors first, where they tell anything."""
        return (self.error, self.loss) < (other.error, other.loss)


class Learner(Protocol):
    """A model in training, with its optimizer and its data."""

    @property
    def step(self) -> int:
        """Steps taken so far, over every start of the course."""
        ...

    def learn(self, share: float) -> None:
        """Take one step; `share` of the time is over."""
        ...

    def measure(self) -> Measured:
        """Measure the model as it is now."""
        ...

    def save(self) -> None:
        """Write all that the course goes on from; the file is whole or absent."""
        ...

    def keep_best(self) -> None:
        """Write the model as it is now, as the best one so far; whole or absent."""
        ...

    def restore(self) -> bool:
        """Read what `save` wrote; False where there is nothing."""
        ...

    def settle(self, best: Measured, /) -> Measured | None:
        """At the end, look for a model that is about as good as the best one and moved less.

        Returns:
            Its measure where there is one: it has taken the place of the best; None otherwise.
        """
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """How long to learn.

    Attributes:
        minutes: of learning and measuring in all, over every start of the course.
        steps: at most; None for as many as the time allows.
        measure_every_s: seconds of learning between two measurements.
        patience: measurements without a gain after which it ends.
        least_share: of the time, before which it does not end for want of a gain.
    """

    minutes: float = 10.0
    steps: int | None = None
    measure_every_s: float = 30.0
    patience: int = 8
    least_share: float = 0.8


@dataclass(slots=True)
class CourseState:
    """What is known of a course; kept in `course.json`.

    Attributes:
        key: tells data and base apart from others.
        seconds: spent so far.
        before: the base's measure.
        best: the best measure, which the file of `keep_best` has.
        stale: measurements since then.
        history: (seconds, error, loss) of every measurement.
        ending: why it ended; None while it has not.
    """

    key: str
    seconds: float = 0.0
    before: Measured | None = None
    best: Measured | None = None
    stale: int = 0
    history: list[tuple[float, float, float]] = field(default_factory=list)
    ending: Ending | None = None

    def note(self, measured: Measured) -> bool:
        """Take a measurement in; True where it is the best."""
        self.history.append((round(self.seconds, 1), measured.error, measured.loss))
        self.before = self.before or measured
        if self.best is None or measured.better_than(self.best):
            self.best, self.stale = measured, 0
            return True
        self.stale += 1
        return False

    def write(self, folder: Path) -> None:
        """Write `course.json`; it is whole or what it was before."""
        with replacing(folder / STATE) as partial:
            partial.write_text(json.dumps(asdict(self)), "utf-8")


def read_state(folder: Path) -> CourseState | None:
    """Read `course.json`; None where there is none that makes sense."""
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
    """How far a course is: share of the time, seconds left at most, the best error so far."""

    share: float
    left_s: float
    best: float | None


def run_course(
    learner: Learner,
    folder: Path,
    state: CourseState,
    limits: Limits,
    on_standing: Callable[[Standing], None] = lambda _: None,
    on_settling: Callable[[], None] = lambda: None,
) -> CourseState:
    """Learn until the time is over, nothing is gained any more, or Ctrl-C.

    Args:
        learner: the model; it goes on from its last save where `state` has one.
        folder: of the course.
        state: new, or as `read_state` gave it.
        limits: how long.
        on_standing: told often.
        on_settling: told when the time is over and `settle` begins, which measures several times.

    Returns:
        The state, with its ending; `interrupted` where it can go on.

    Raises:
        OSError: nothing can be written there; the last save stays.
    """
    state.ending = None
    if state.seconds > 0 and not learner.restore():
        state = CourseState(state.key)  # it was cut off before its first save
    with _interrupts() as interrupted:
        began, before = time.monotonic(), state.seconds
        if state.before is None:
            _measure(learner, state)
        measured = time.monotonic()
        total = limits.minutes * 60
        while True:
            now = time.monotonic()
            state.seconds = before + now - began
            taken = learner.step / limits.steps if limits.steps else 0.0
            share = min(1.0, max(taken, state.seconds / total))
            best = state.best.error if state.best else None
            on_standing(Standing(share, max(0.0, total - state.seconds), best))
            out_of_time = share >= 1
            if out_of_time or now - measured >= limits.measure_every_s:
                _measure(learner, state)
                _save(learner, state, folder)
                measured = time.monotonic()
            if interrupted():
                state.ending = "interrupted"
            elif out_of_time:
                state.ending = "time"
            elif state.stale >= limits.patience and share >= limits.least_share:
                state.ending = "no_gain"
            if state.ending:
                break
            learner.learn(share)
        if state.ending != "interrupted" and state.best is not None:
            on_settling()
            state.best = learner.settle(state.best) or state.best
    _save(learner, state, folder)
    return state


def _measure(learner: Learner, state: CourseState) -> None:
    if state.note(learner.measure()):
        learner.keep_best()


def _save(learner: Learner, state: CourseState, folder: Path) -> None:
    learner.save()
    state.write(folder)


@contextmanager
def _interrupts() -> Iterator[Callable[[], bool]]:
    """Let a step end before Ctrl-C or SIGTERM is heard; the second one is not put off."""
    came: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return

    def hear(number: int, _frame: FrameType | None) -> None:
        if came:
            raise KeyboardInterrupt
        came.append(number)

    numbers = (signal.SIGINT, signal.SIGTERM)
    former = [signal.signal(number, hear) for number in numbers]
    try:
        yield lambda: bool(came)
    finally:
        for number, handler in zip(numbers, former, strict=True):
            signal.signal(number, handler)
