"""Models that a new model would replace in its output folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from lipiyana.errors import InvalidRequest
from lipiyana.learning.finetune.common.earlier import (
    base_of,
    continue_options,
    refuse_finished,
    warn_of_replacement,
)
from lipiyana.learning.finetune.common.job import Job, Listener
from lipiyana.learning.finetune.common.twins import twins
from lipiyana.runtime.manifest import ModelEntry, Task, read_manifest
from lipiyana.runtime.model_folder import NewModel, add_models

OTHER = ModelEntry("installed", Task.LINE_READER, Path("other.onnx"), "0" * 64)


@dataclass(frozen=True)
class Chosen:
    """A base."""

    entry: ModelEntry


def add(folder: Path, name: str) -> None:
    """Add a reader and its twin, whose files differ."""
    folder.mkdir(exist_ok=True)
    pair = []
    for one in (f"{name}-float", name):
        file = folder / f"{one}.onnx"
        file.write_text(one)
        pair.append(NewModel(one, Task.LINE_READER, file, "1", "", "", ""))
    add_models(folder, twins(*pair, good=True, faster=True))


def entry(folder: Path, name: str) -> ModelEntry:
    return next(one for one in read_manifest(folder) if one.name == name)


def warnings(job: Job, base: ModelEntry) -> list[str]:
    warnings: list[str] = []
    warn_of_replacement(job, base, Listener(on_warning=warnings.append))
    return warnings


def test_a_finished_model_is_only_replaced_by_one_that_started_from_it(tmp_path: Path) -> None:
    job = Job(out=tmp_path, name="mine")
    refuse_finished(job, OTHER.sha256)
    add(tmp_path, "another")
    refuse_finished(job, None)
    add(tmp_path, "mine")
    refuse_finished(job, entry(tmp_path, "mine-float").sha256)
    for begins_from in (OTHER.sha256, entry(tmp_path, "another-float").sha256, None):
        with pytest.raises(InvalidRequest, match="--base mine-float") as caught:
            refuse_finished(job, begins_from, continue_options(job))
        assert (caught.value.reason, caught.value.field) == ("FINISHED", "out")


def test_an_interrupted_course_resumes_beside_a_finished_model(tmp_path: Path) -> None:
    add(tmp_path, "mine")
    refuse_finished(Job(out=tmp_path, name="mine", resume=True), OTHER.sha256)


def test_a_warning_names_the_model_that_is_replaced(tmp_path: Path) -> None:
    job = Job(out=tmp_path, name="new")
    assert warnings(job, OTHER) == []
    add(tmp_path, "first")
    add(tmp_path, "second")
    (warning,) = warnings(job, OTHER)
    assert f"second in {tmp_path} will no longer be used" in warning
    assert f"--models {tmp_path} --base second" in warning
    assert warnings(job, entry(tmp_path, "first-float"))
    assert warnings(job, entry(tmp_path, "second-float")) == []
    detector = ModelEntry("boxes", Task.VEHICLE_DETECTOR, Path("boxes.onnx"), "1" * 64)
    assert warnings(job, detector) == []


def test_nothing_is_chosen_for_a_job_that_cannot_resume(tmp_path: Path) -> None:
    def choose() -> Chosen:
        raise AssertionError("the base was chosen")

    with pytest.raises(InvalidRequest) as caught:
        base_of(Job(out=tmp_path, name="mine", resume=True), choose, Listener())
    assert caught.value.reason == "NOT_STOPPED"


def test_a_base_is_checked_against_the_models_in_the_folder(tmp_path: Path) -> None:
    add(tmp_path, "mine")
    warnings: list[str] = []
    listener = Listener(on_warning=warnings.append)
    with pytest.raises(InvalidRequest, match="--base mine-float"):
        base_of(Job(out=tmp_path, name="mine"), lambda: Chosen(OTHER), listener)
    assert warnings == []
    chosen = Chosen(OTHER)
    assert base_of(Job(out=tmp_path, name="new"), lambda: chosen, listener) is chosen
    assert len(warnings) == 1
