"""What the commands that teach ask for, and how they end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="needs the extra train")

from typer.testing import CliRunner

from lipiyana.cli.main import app
from lipiyana.distilling import pruned_reader, text_detector
from lipiyana.errors import InvalidRequest
from lipiyana.finetuning import reader, vehicles
from lipiyana.finetuning.course import CourseState
from lipiyana.finetuning.job import Job, Listener, Outcome
from lipiyana.runtime import available_threads

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
def test_options_reach_the_job_and_ctrl_c_is_told(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, teach, name, *_ = COMMANDS[command]
    asked: list[Any] = []

    def stopped(job: Job, _store: object, told: Listener) -> Outcome:
        told.on_step("learning")
        asked.append(job)
        return Outcome(CourseState("k", ending="interrupted"))

    monkeypatch.setattr(module, teach, stopped)
    out = tmp_path / "out"
    options = ["--out", str(out), "--minutes", "7", "--resume"]
    result = CliRunner().invoke(app, [*command.replace("DATA", str(tmp_path)).split(), *options])
    assert result.exit_code == 130, result.output
    assert "--resume goes on" in result.output
    (job,) = asked
    assert (job.name, job.out, job.resume) == (name, out, True)
    assert job.limits.minutes == 7
    assert (job.recipe.workers, job.recipe.threads) == (1, available_threads())


@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_wrong_is_named_as_the_command_line_has_it(
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
