"""A course of training: its end, its interruption and its state."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from needs import TORCH

torch = pytest.importorskip("torch", reason=TORCH)


from lipiyana.learning.finetune.common.course import (
    CourseState,
    Limits,
    Measured,
    Standing,
    read_state,
    run_course,
)


class Counting:
    """A learner whose error falls by 1 a step until `floor`."""

    def __init__(self, folder: Path, floor: int = 0) -> None:
        self.folder, self.floor, self.step, self.best = folder, floor, 0, -1
        self.settled_from: Measured | None = None

    def learn(self, share: float) -> None:
        self.step += 1

    def measure(self) -> Measured:
        return Measured(max(self.floor, 100 - self.step), 0.0)

    def save(self) -> None:
        (self.folder / "last").write_text(str(self.step))

    def keep_best(self) -> None:
        self.best = self.step

    def restore(self) -> bool:
        if not (self.folder / "last").exists():
            return False
        self.step = int((self.folder / "last").read_text())
        return True

    def settle(self, best: Measured) -> Measured | None:
        self.settled_from = best
        return Measured(best.error, best.loss + 1)


EVERY_STEP = Limits(minutes=60, measure_every_s=0, patience=3, least_share=0)


def test_a_course_stops_early_without_gains(tmp_path: Path) -> None:
    learner = Counting(tmp_path, floor=90)
    phases: list[tuple[str, Measured | None]] = []
    state = run_course(
        learner,
        tmp_path,
        CourseState("k"),
        EVERY_STEP,
        on_phase=lambda name: phases.append((name, learner.settled_from)),
    )
    assert state.ending == "no_gain"
    assert [name for name, _ in phases] == [
        "measuring the base", "learning", "averaging with the weights of the base",
    ]  # fmt: skip
    assert {settled for _, settled in phases} == {None}  # before the averaging
    assert learner.settled_from == Measured(90, 0.0)
    assert state.best == Measured(90, 1.0)
    assert state.before == Measured(100, 0.0)
    assert learner.best == 10
    assert read_state(tmp_path) == state


def test_no_phase_stands_at_its_end(tmp_path: Path) -> None:
    """After the last step the model is measured, which may take minutes."""
    seen: list[str | float] = []
    limits = Limits(minutes=60, steps=2, measure_every_s=1e9)
    run_course(
        Counting(tmp_path),
        tmp_path,
        CourseState("k"),
        limits,
        lambda standing: seen.append(round(standing.share, 3)),
        seen.append,
    )
    assert seen == [
        "measuring the base", "learning", 0.0, 0.5, 1.0, "measuring the trained model",
        "averaging with the weights of the base",
    ]  # fmt: skip


def test_ctrl_c_lets_a_step_end_and_the_course_resumes(tmp_path: Path) -> None:
    learner = Counting(tmp_path)

    def interrupt(_: Standing) -> None:
        if learner.step == 4:
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    state = run_course(learner, tmp_path, CourseState("k"), EVERY_STEP, interrupt)
    assert state.ending == "interrupted"
    assert learner.settled_from is None
    assert signal.getsignal(signal.SIGINT) is before
    again = Counting(tmp_path, floor=90)
    found = read_state(tmp_path)
    assert found is not None
    state = run_course(again, tmp_path, found, EVERY_STEP)
    assert state.ending == "no_gain"
    assert again.step == learner.step + 10 - learner.step + 3


def test_a_course_limited_by_steps_is_measured_by_steps(tmp_path: Path) -> None:
    limits = Limits().by_steps(40)
    whole = run_course(Counting(tmp_path), tmp_path, CourseState("k"), limits)
    assert [error for _, error, _ in whole.history] == [100 - step for step in range(0, 41, 2)]
    assert whole.ending == "time"
    state = CourseState("k")
    for stop in (7, 8, 38):
        learner = Counting(tmp_path)

        def terminate(_: Standing, learner: Counting = learner, stop: int = stop) -> None:
            if learner.step == stop:
                os.kill(os.getpid(), signal.SIGTERM)

        state = run_course(learner, tmp_path, state, limits, terminate)
        assert (state.ending, learner.step) == ("terminated", stop)
    state = run_course(Counting(tmp_path), tmp_path, state, limits)
    assert [row[1:] for row in state.history] == [row[1:] for row in whole.history]
    assert (state.best, state.ending) == (whole.best, "time")


def test_an_invalid_state_file_is_ignored(tmp_path: Path) -> None:
    assert read_state(tmp_path) is None
    (tmp_path / "course.json").write_text('{"key": "k", "best": 3}')
    assert read_state(tmp_path) is None
