"""Options, messages and exit codes of the training commands."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from needs import TORCH

pytest.importorskip("torch", reason=TORCH)

from rich.console import Console
from rich.progress import Progress
from typer.testing import CliRunner

from lipiyana.cli import learning_reports
from lipiyana.cli.main import app
from lipiyana.errors import InvalidRequest
from lipiyana.learning.distill import pruned_reader, text_detector
from lipiyana.learning.finetune.common.course import CourseState, Standing
from lipiyana.learning.finetune.common.job import WORK, Job, Listener, Outcome
from lipiyana.learning.finetune.detector import run as vehicles
from lipiyana.learning.finetune.detector.run import FinetunedDetector
from lipiyana.learning.finetune.detector.scoring import DetectorScore
from lipiyana.learning.finetune.reader import run as reader
from lipiyana.learning.finetune.reader.run import Finetuned
from lipiyana.learning.finetune.reader.scoring import Comparison, LineCase
from lipiyana.runtime.container import available_threads
from lipiyana.vehicles.training.evaluation import ClassScore

COMMANDS = {
    "finetune reader DATA": (reader, "finetune_reader", "finetuned-reader", "data", "DATA"),
    "finetune plates DATA": (reader, "finetune_reader", "finetuned-plates", "base", "--base"),
    "finetune vehicles DATA": (vehicles, "finetune_vehicles", "finetuned-vehicles", "out", "--out"),
    "models prune": (pruned_reader, "prune_reader", "pruned-reader", "base", "READER"),
    "models distill": (
        text_detector, "distill_text_detector", "text-detector-student", "teacher", "--teacher",
    ),
}  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_options_reach_the_job_and_ctrl_c_is_reported(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, teach, name, *_ = COMMANDS[command]
    asked: list[Any] = []

    def stopped(job: Job, _store: object, listener: Listener) -> Outcome:
        listener.on_step("learning")
        asked.append(job)
        return Outcome(CourseState("k", ending="interrupted"))

    monkeypatch.setattr(module, teach, stopped)
    out = tmp_path / "out"
    options = ["--out", str(out), "--minutes", "7", "--resume"]
    result = CliRunner().invoke(app, [*command.replace("DATA", str(tmp_path)).split(), *options])
    assert result.exit_code == 130, result.output
    assert "--resume to continue" in result.output
    (job,) = asked
    assert (job.name, job.out, job.resume) == (name, out, True)
    assert job.limits.minutes == 7
    assert (job.recipe.workers, job.recipe.threads) == (1, available_threads())


@pytest.mark.parametrize("command", COMMANDS)
def test_errors_name_the_command_line_option(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, teach, _, field, hint = COMMANDS[command]

    def refuse(_job: Job, _store: object, _told: Listener) -> Outcome:
        raise InvalidRequest("no good", field=field)

    monkeypatch.setattr(module, teach, refuse)
    result = CliRunner().invoke(app, command.replace("DATA", str(tmp_path)).split())
    assert result.exit_code == 2
    shown = " ".join(result.output.replace("│", " ").split())
    assert f"Invalid value for {hint}: no good" in shown


def test_ctrl_c_before_the_first_save_does_not_suggest_resume(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(_job: Job, _store: object, _told: Listener) -> Outcome:
        raise KeyboardInterrupt

    monkeypatch.setattr(reader, "finetune_reader", stopped)
    out = tmp_path / "out"
    command = ["finetune", "reader", str(tmp_path), "--out", str(out)]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 130
    assert "to start again" in result.output
    assert "--resume" not in result.output
    (out / WORK).mkdir(parents=True)
    CourseState("key").write(out / WORK)
    assert "--resume to continue" in CliRunner().invoke(app, command).output


def test_a_finished_bar_gives_way_to_the_next_phase() -> None:
    screen = io.StringIO()
    bar = Progress(console=Console(file=screen, force_terminal=True))
    reporter = learning_reports._Reporter(bar)
    with bar:
        reporter.step("learning")
        reporter.standing(Standing(1.0, 0.0, 0.5))
        assert [(task.description, task.finished) for task in bar.tasks] == [("learning", True)]
        for phase in ("measuring the trained model", "exporting"):
            reporter.step(phase)
            assert [(t.description, t.total, t.finished) for t in bar.tasks] == [
                (phase, None, False)
            ]


def test_a_warning_before_training_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def warn(_job: Job, _store: object, listener: Listener) -> Outcome:
        listener.on_warning("the old one goes")
        return Outcome(CourseState("k", ending="interrupted"))

    monkeypatch.setattr(reader, "finetune_reader", warn)
    result = CliRunner().invoke(app, ["finetune", "reader", str(tmp_path)])
    assert "warning: the old one goes" in result.stderr


@pytest.mark.parametrize("better", [True, False])
def test_the_verdict_on_a_detector_is_printed(
    better: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def score(*ap50: float) -> DetectorScore:
        taught = {str(n): ClassScore(one, one, 1, np.zeros(101), 0.3) for n, one in enumerate(ap50)}
        return DetectorScore(taught, None, ())

    made = FinetunedDetector(
        CourseState("k", ending="time"),
        report=tmp_path / "r.html",
        better=better,
        notes=("3 pictures are few",),
        before=score(0.2, 0.4),
        after=score(0.5, 0.7),
    )
    monkeypatch.setattr(vehicles, "finetune_vehicles", lambda *_: made)
    result = CliRunner().invoke(app, ["finetune", "vehicles", str(tmp_path)])
    assert result.exit_code == 0
    assert "mean: AP50 0.300 -> 0.600" in result.stderr
    assert "warning: 3 pictures are few" in result.stderr
    assert_verdict(result.stderr, better)


@pytest.mark.parametrize("better", [True, False])
def test_the_verdict_on_a_reader_is_printed(
    better: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = LineCase("a", np.zeros((48, 48, 3), np.uint8), "1")
    made = Finetuned(
        CourseState("k", ending="time"),
        report=tmp_path / "r.html",
        better=better,
        notes=("3 lines are few",),
        validation=Comparison((case,), ("2",), ("1",)),
    )
    monkeypatch.setattr(reader, "finetune_reader", lambda *_: made)
    result = CliRunner().invoke(app, ["finetune", "reader", str(tmp_path)])
    assert result.exit_code == 0
    assert "warning: 3 lines are few" in result.stderr
    assert_verdict(result.stderr, better)


def assert_verdict(said: str, better: bool) -> None:
    last = said.splitlines()[-1]
    assert last.startswith("use it: " if better else "it is no better than what you have; ")
    assert "lipiyana read --models finetuned" in last


@pytest.mark.parametrize("command", ["reader", "plates", "vehicles"])
def test_resume_is_checked_before_the_data(command: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()  # the data would be refused, too
    arguments = ["finetune", command, str(tmp_path / "empty"), "--out", str(tmp_path), "--resume"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert "no interrupted fine-tuning" in result.stderr
