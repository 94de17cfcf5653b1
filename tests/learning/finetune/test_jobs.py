"""The working folder of a course: which files a later job reuses."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from lipiyana.errors import InvalidRequest
from lipiyana.learning.finetune.common.course import CourseState, Ending
from lipiyana.learning.finetune.common.job import WORK, Job, Listener, course_of


@pytest.mark.parametrize(("key", "kept"), [("same", True), ("other", False)])
def test_prepared_files_are_reused_only_for_the_same_data(
    tmp_path: Path, key: str, kept: bool
) -> None:
    job = Job(out=tmp_path, name="mine")
    with suppress(KeyboardInterrupt), course_of(job, "same", Listener()) as course:
        (course.work / "0000.jpg").write_text("prepared")
        raise KeyboardInterrupt
    with course_of(job, key, Listener()) as course:
        assert (course.work / "0000.jpg").exists() == kept


def test_files_of_an_unknown_course_are_removed(tmp_path: Path) -> None:
    (tmp_path / WORK).mkdir()
    (tmp_path / WORK / "0000.jpg").write_text("prepared")
    with course_of(Job(out=tmp_path, name="mine"), "key", Listener()) as course:
        assert not (course.work / "0000.jpg").exists()


def test_resume_without_an_interrupted_course_is_refused(tmp_path: Path) -> None:
    job = Job(out=tmp_path / "models", name="mine", resume=True)
    with pytest.raises(InvalidRequest) as caught, course_of(job, "key", Listener()):
        pass
    assert (caught.value.reason, caught.value.field) == ("NOT_STOPPED", "resume")
    assert not job.out.exists()


@pytest.mark.parametrize("ending", ["terminated", None, "time"])
def test_what_nobody_stopped_is_continued_by_the_same_command(
    tmp_path: Path, ending: Ending | None
) -> None:
    """After SIGTERM, a power cut, or an end while the trained model was being quantized."""
    job = Job(out=tmp_path, name="mine")
    (tmp_path / WORK).mkdir()
    CourseState("key", seconds=9.0, ending=ending).write(tmp_path / WORK)
    with pytest.raises(InvalidRequest, match="other data"), course_of(job, "x", Listener()):
        pass
    with course_of(job, "key", Listener()) as course:
        assert course.state.seconds == 9.0
    (tmp_path / WORK).mkdir(exist_ok=True)
    CourseState("key", seconds=9.0, ending="interrupted").write(tmp_path / WORK)
    with pytest.raises(InvalidRequest, match="--resume"), course_of(job, "key", Listener()):
        pass


def test_a_course_stopped_before_its_first_save_resumes(tmp_path: Path) -> None:
    job = Job(out=tmp_path, name="mine")
    with suppress(KeyboardInterrupt), course_of(job, "key", Listener()):
        raise KeyboardInterrupt
    resumed = Job(out=tmp_path, name="mine", resume=True)
    with pytest.raises(InvalidRequest, match="other data"), course_of(resumed, "x", Listener()):
        pass
    with course_of(resumed, "key", Listener()) as course:
        assert course.state.seconds == 0
