"""What a new model would replace, or put out of use, in its folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from lipiyana.errors import InvalidRequest
from lipiyana.learning.finetune.common.earlier import going_on_from, refuse_finished, warn_of_disuse
from lipiyana.learning.finetune.common.job import Job, Listener
from lipiyana.learning.finetune.common.twins import twins
from lipiyana.runtime.manifest import ModelEntry, Task, read_manifest
from lipiyana.runtime.model_folder import NewModel, add_models

OTHER = ModelEntry("installed", Task.LINE_READER, Path("other.onnx"), "0" * 64)


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
    told: list[str] = []
    warn_of_disuse(job, base, Listener(on_warning=told.append))
    return told


def test_a_finished_model_is_replaced_by_what_began_from_it_alone(tmp_path: Path) -> None:
    job = Job(out=tmp_path, name="mine")
    refuse_finished(job, OTHER.sha256)
    add(tmp_path, "another")
    refuse_finished(job, None)
    add(tmp_path, "mine")
    refuse_finished(job, entry(tmp_path, "mine-float").sha256)
    for begins_from in (OTHER.sha256, entry(tmp_path, "another-float").sha256, None):
        with pytest.raises(InvalidRequest, match="--base mine-float") as caught:
            refuse_finished(job, begins_from, going_on_from(job))
        assert (caught.value.reason, caught.value.field) == ("FINISHED", "out")


def test_a_course_that_was_stopped_goes_on_whatever_is_there(tmp_path: Path) -> None:
    add(tmp_path, "mine")
    refuse_finished(Job(out=tmp_path, name="mine", resume=True), OTHER.sha256)


def test_what_goes_out_of_use_is_named(tmp_path: Path) -> None:
    job = Job(out=tmp_path, name="new")
    assert warnings(job, OTHER) == []
    add(tmp_path, "first")
    add(tmp_path, "second")
    (warning,) = warnings(job, OTHER)
    assert f"second in {tmp_path} will not be used" in warning
    assert f"--models {tmp_path} --base second" in warning
    assert warnings(job, entry(tmp_path, "first-float"))
    assert warnings(job, entry(tmp_path, "second-float")) == []
    detector = ModelEntry("boxes", Task.VEHICLE_DETECTOR, Path("boxes.onnx"), "1" * 64)
    assert warnings(job, detector) == []
