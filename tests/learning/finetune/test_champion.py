"""`lipiyana models promote`: what is worse, or was not compared, is not put into use."""

from __future__ import annotations

from pathlib import Path

import pytest
from boxes_drawn import write_yolo
from needs import TORCH
from typer.testing import CliRunner

pytest.importorskip("torch", reason=TORCH)

from lipiyana.cli.main import app
from lipiyana.errors import InvalidRequest
from lipiyana.learning.finetune.champion import Contest, HeldOut, Measure, contest
from lipiyana.runtime.manifest import MANIFEST, Task
from lipiyana.runtime.release_audit import read_audit

TINY = Measure("error", 0.2, 0.2)


def promoted(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["models", "promote", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def test_a_worse_reader_is_promoted_by_force_alone(
    tiny_models: Path, numbers: Path, tmp_path: Path
) -> None:
    live = tmp_path / "live"
    code, said = promoted(tiny_models, "--to", live, "--data", numbers)
    assert code == 1
    assert "not promoted" in said
    assert "CER of 8 held-out lines" in said
    assert not (live / MANIFEST).exists()
    code, said = promoted(tiny_models, "--to", live, "--data", numbers, "--force")
    assert code == 0, said
    (switch,) = read_audit(live).switches
    assert switch.forced
    assert switch.scores["CER of 8 held-out lines, challenger"] > 0.5
    assert switch.scores["CER of 8 held-out lines, champion"] < 0.5
    rolled = CliRunner().invoke(app, ["models", "rollback", str(live)])
    assert rolled.exit_code == 0
    assert "rolled back" in rolled.output
    again = CliRunner().invoke(app, ["models", "rollback", str(live)])
    assert isinstance(again.exception, InvalidRequest)


def test_models_are_no_worse_than_themselves(tiny_models: Path, numbers: Path) -> None:
    result = contest(tiny_models, tiny_models, HeldOut(numbers))
    assert result.objections == ()
    (measure,) = result.measures
    assert measure.champion == measure.challenger > 0.5


def test_what_nothing_was_held_out_for_is_not_promoted(tiny_models: Path, blind: Path) -> None:
    for folder, task in ((tiny_models, "line reader"), (blind, "vehicle detector")):
        result = contest(folder, folder, HeldOut())
        assert result.objections == (f"nothing held out to measure its {task} on",)


def test_detectors_are_compared_on_boxes(blind: Path, tmp_path: Path) -> None:
    result = contest(blind, blind, HeldOut(boxes=write_yolo(tmp_path / "boxes", 12)))
    (measure,) = result.measures
    assert "held-out pictures" in measure.name
    assert 0 <= measure.champion == measure.challenger <= 1
    assert result.objections == ()


def test_samples_may_be_a_little_worse_and_held_out_parts_may_not() -> None:
    little, much = (
        Measure("CER of the samples", 0.04, error, forgiven=0.01) for error in (0.049, 0.06)
    )
    assert not TINY.worse
    assert Measure("error", 0.2, 0.2001).worse
    assert Contest((TINY, little), ()).objections == ()
    (objection,) = Contest((TINY, much), ()).objections
    assert objection == "CER of the samples: 0.0600, 0.0400 before"
    assert Contest((TINY,), (Task.TEXT_DETECTOR,)).objections == (
        "nothing held out to measure its text detector on",
    )
    assert Contest((much,), ()).scores == {
        "CER of the samples, champion": 0.04, "CER of the samples, challenger": 0.06,
    }  # fmt: skip
