"""Parts of every training job: its settings, its listener, its outcome and its working folder."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lipiyana.errors import InvalidRequest, ModelUnavailable
from lipiyana.learning.finetune.common.course import (
    STOPPED,
    CourseState,
    Learner,
    Limits,
    Standing,
    read_state,
    run_course,
)
from lipiyana.learning.quantize.floor import TOO_WEAK
from lipiyana.runtime.manifest import ModelEntry
from lipiyana.runtime.model_folder import writing_to
from lipiyana.samples import sample_folder

WORK = ".finetuning"
"""Folder of the course, inside the output folder."""

_NEEDED_BYTES = 200_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Settings of any training job.

    Attributes:
        out: output folder for the models; created if needed.
        name: name of the new model.
        resume: resume an interrupted course.
        limits: limits on time and steps.
        samples: folder of the project's samples to measure on; None to skip them.
    """

    out: Path
    name: str
    resume: bool = False
    limits: Limits = field(default_factory=Limits)
    samples: Path | None = field(default_factory=sample_folder)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Outcome of a job.

    Attributes:
        course: state of the course; if it was interrupted, the other fields are empty.
        models: the new manifest entries, the preferred one first.
    """

    course: CourseState
    models: tuple[ModelEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class FinetunedModel(Outcome):
    """Outcome of a fine-tuning.

    Attributes:
        report: the HTML report.
        better: whether the new model is better on the user's validation set.
        notes: other remarks for the user.
    """

    report: Path | None = None
    better: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Listener:
    """Callbacks for progress; each may be left out.

    Attributes:
        on_step: the next step, in a few words.
        on_labels: number of labels or labelled pictures.
        on_label: one more label was checked.
        on_checked: the checked data.
        on_warning: a warning before training starts.
        on_standing: progress of the training.
    """

    on_step: Callable[[str], None] = lambda _: None
    on_labels: Callable[[int], None] = lambda _: None
    on_label: Callable[[], None] = lambda: None
    on_checked: Callable[[Any], None] = lambda _: None
    on_warning: Callable[[str], None] = lambda _: None
    on_standing: Callable[[Standing], None] = lambda _: None


def report_of(out: Path, name: str) -> Path:
    """Path of a model's report; each model has its own, because a folder may hold several."""
    return out / f"report-{name}.html"


def key_of(parts: Iterable[str]) -> str:
    """Digest of data and base, see `CourseState.key`."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@dataclass(slots=True)
class OpenCourse:
    """A course that is open for training, see `course_of`.

    Attributes:
        job: the job.
        work: folder of the course.
        state: state of the course.
        listener: receives the progress.
    """

    job: Job
    work: Path
    state: CourseState
    listener: Listener

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C or SIGTERM stopped it."""
        return self.state.ending in STOPPED

    def learn(self, make_learner: Callable[[], Learner]) -> bool:
        """Train until the course ends, unless it has ended already; return False if interrupted.

        Raises:
            OSError: the folder cannot be written; the last save stays valid.
        """
        if self.state.ending is None or self.interrupted:
            self.state = run_course(
                make_learner(),
                self.work,
                self.state,
                self.job.limits,
                self.listener.on_standing,
                self.listener.on_step,
            )
        return not self.interrupted


@contextmanager
def course_of(job: Job, key: str, listener: Listener) -> Iterator[OpenCourse]:
    """Open a new or an interrupted course; its folder is removed when all is done.

    Args:
        job: the job.
        key: digest of data and base.
        listener: receives the progress.

    Raises:
        InvalidRequest: there is an unfinished course with other data or another base, or one that
            somebody stopped and `resume` is not set (UNFINISHED); `resume` is set and there is none
            (NOT_STOPPED); the disk is almost full (DISK_FULL), or the folder cannot be written.
        ModelUnavailable: the trained model is too weak (MODEL_TOO_WEAK); the course stays, as if
            it had been interrupted.
    """
    refuse_to_resume_nothing(job)
    work = job.out / WORK
    with writing_to(job.out):
        course = OpenCourse(job, work, _begin(job, work, key), listener)
        try:
            yield course
        except ModelUnavailable as error:
            if error.reason == TOO_WEAK:  # keep the course, so that it can be resumed
                course.state.ending = "interrupted"
                course.state.write(work)
                raise ModelUnavailable(
                    f"{error.message}. --resume with more --minutes continues it",
                    reason=TOO_WEAK,
                ) from None
            raise
        if not course.interrupted:
            shutil.rmtree(work, ignore_errors=True)


def refuse_to_resume_nothing(job: Job) -> None:
    """Check, before any data is read, that there is a course to resume.

    Raises:
        InvalidRequest: `resume` is set, and there is no interrupted course (NOT_STOPPED).
    """
    if job.resume and read_state(job.out / WORK) is None:
        raise InvalidRequest(
            f"there is no interrupted fine-tuning in {job.out}; omit --resume to start a new one",
            field="resume",
            reason="NOT_STOPPED",
        )


def _begin(job: Job, work: Path, key: str) -> CourseState:
    found = read_state(work)
    if found is not None and (job.resume or found.seconds > 0):
        # what ended without anybody's will, by SIGTERM or a power cut, is simply started again
        if not job.resume and found.ending == "interrupted":
            raise InvalidRequest(
                f"{job.out} has an unfinished fine-tuning; continue it with --resume, or start "
                f"a new one with another --out or after removing {work}",
                field="out",
                reason="UNFINISHED",
            )
        if found.key != key:
            raise InvalidRequest(
                f"the unfinished fine-tuning in {job.out} has other data or another base; give "
                f"another --out, or remove {work}",
                field="out",
                reason="UNFINISHED",
            )
        return found
    if found is None or found.key != key:
        # the files there belong to other data, or to unknown data
        shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(work).free < _NEEDED_BYTES:
        raise InvalidRequest(
            f"the disk of {job.out} has less than {_NEEDED_BYTES / 1e6:.0f} MB left, which the "
            "checkpoints need; free some space or give another --out",
            field="out",
            reason="DISK_FULL",
        )
    state = CourseState(key)
    state.write(work)
    return state
