"""What everything that learns from a model has: what is asked for, who is told, what comes of it,
and the folder of its course.
"""

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
"""Folder of the course, within that of the models to be."""

_NEEDED_BYTES = 200_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is asked for, whatever kind of model learns.

    Attributes:
        out: folder of models to be; made where it is not there.
        name: of the new model.
        resume: go on with a course that was stopped.
        limits: how long to learn.
        samples: the project's samples, None to leave them out.
    """

    out: Path
    name: str
    resume: bool = False
    limits: Limits = field(default_factory=Limits)
    samples: Path | None = field(default_factory=sample_folder)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a job.

    Attributes:
        course: how it ended; nothing else is there where it was interrupted.
        models: the new entries, the preferred one first.
    """

    course: CourseState
    models: tuple[ModelEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class FinetunedModel(Outcome):
    """What came of a fine-tuning, whatever kind of model learned.

    Attributes:
        report: the HTML file.
        better: whether the new model is better on the user's validation part.
        notes: what else the user should know.
    """

    report: Path | None = None
    better: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Listener:
    """Who is told of what; every function may be left out.

    Attributes:
        on_step: what is done next, in a few words.
        on_labels: how many labels, or labelled pictures, there are.
        on_label: that one more was looked at.
        on_checked: what is left of them.
        on_warning: what the user should know before it learns.
        on_standing: how far the learning is.
    """

    on_step: Callable[[str], None] = lambda _: None
    on_labels: Callable[[int], None] = lambda _: None
    on_label: Callable[[], None] = lambda: None
    on_checked: Callable[[Any], None] = lambda _: None
    on_warning: Callable[[str], None] = lambda _: None
    on_standing: Callable[[Standing], None] = lambda _: None


def report_of(out: Path, name: str) -> Path:
    """Name the report of a model, beside it: a folder may hold several."""
    return out / f"report-{name}.html"


def key_of(parts: Iterable[str]) -> str:
    """Tell data and base apart from others."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@dataclass(slots=True)
class OpenCourse:
    """The course of a job, from `course_of` on.

    Attributes:
        job: what is asked for.
        work: the folder of the course.
        state: how far it is.
        told: who is told.
    """

    job: Job
    work: Path
    state: CourseState
    told: Listener

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C stopped it."""
        return self.state.ending == "interrupted"

    def learn(self, make_learner: Callable[[], Learner]) -> bool:
        """Learn until the course ends, if it has not yet; False where Ctrl-C stopped it.

        Raises:
            OSError: nothing can be written there; the last save stays.
        """
        if self.state.ending is None or self.interrupted:
            self.told.on_step("learning")
            self.state = run_course(
                make_learner(),
                self.work,
                self.state,
                self.job.limits,
                self.told.on_standing,
                lambda: self.told.on_step("mixing with the weights of the base"),
            )
        return not self.interrupted


@contextmanager
def course_of(job: Job, key: str, told: Listener) -> Iterator[OpenCourse]:
    """Make the folder of the course, or find the course that was stopped there; it is removed when
    all is done.

    Args:
        job: what is asked for.
        key: of data and base.
        told: who is told how far it is.

    Raises:
        InvalidRequest: an unfinished course is there and `resume` is not set, or it is of other
            data or another base (UNFINISHED); `resume` is set and none is there (NOT_STOPPED); the
            disk is full or nearly so (DISK_FULL), or the folder cannot be written.
        ModelUnavailable: what was learned is of no use (MODEL_TOO_WEAK); the course stays, as if it
            had been stopped.
    """
    refuse_to_resume_nothing(job)
    work = job.out / WORK
    with writing_to(job.out):
        course = OpenCourse(job, work, _begin(job, work, key), told)
        try:
            yield course
        except ModelUnavailable as error:
            if error.reason == TOO_WEAK:  # what was learned stays, to be gone on with
                course.state.ending = "interrupted"
                course.state.write(work)
                raise ModelUnavailable(
                    f"{error.message}. --resume with more --minutes goes on with it",
                    reason=TOO_WEAK,
                ) from None
            raise
        if not course.interrupted:
            shutil.rmtree(work, ignore_errors=True)


def refuse_to_resume_nothing(job: Job) -> None:
    """Say at once, before any data is looked at, that there is nothing to go on with.

    Raises:
        InvalidRequest: `resume` is set, and no course was stopped there (NOT_STOPPED).
    """
    if job.resume and read_state(job.out / WORK) is None:
        raise InvalidRequest(
            f"nothing was stopped in {job.out}; the command without --resume begins anew",
            field="resume",
            reason="NOT_STOPPED",
        )


def _begin(job: Job, work: Path, key: str) -> CourseState:
    found = read_state(work)
    if found is not None and (job.resume or found.seconds > 0):
        if not job.resume:
            raise InvalidRequest(
                f"{job.out} holds an unfinished fine-tuning; --resume goes on with it, another "
                f"--out begins anew, and so does removing {work}",
                field="out",
                reason="UNFINISHED",
            )
        if found.key != key:
            raise InvalidRequest(
                f"the unfinished fine-tuning in {job.out} is of other data or another base; name "
                f"another --out, or remove {work}",
                field="out",
                reason="UNFINISHED",
            )
        return found
    if found is None or found.key != key:
        # what was prepared there is of other data, or nobody knows of which
        shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(work).free < _NEEDED_BYTES:
        raise InvalidRequest(
            f"the disk of {job.out} has less than {_NEEDED_BYTES / 1e6:.0f} MB left, which the "
            "checkpoints need; free some space or name another --out",
            field="out",
            reason="DISK_FULL",
        )
    state = CourseState(key)
    state.write(work)
    return state
