"""`lipiyana finetune reader`: from labelled lines to a registered model, step by step."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from lipiyana.errors import InvalidRequest
from lipiyana.finetuning.base import ChosenBase, choose_base
from lipiyana.finetuning.checking import CheckedData, check
from lipiyana.finetuning.course import CourseState, Limits, Standing, read_state, run_course
from lipiyana.finetuning.finishing import Finetuned, Made, finish_reader
from lipiyana.finetuning.labels import read_labels
from lipiyana.finetuning.line_source import LineMix
from lipiyana.finetuning.reader_learner import ReaderLearner, ReaderRecipe
from lipiyana.finetuning.scoring import sample_folder
from lipiyana.model_folder import writing_to
from lipiyana.runtime import ModelStore

WORK = ".finetuning"

_NEEDED_BYTES = 200_000_000


@dataclass(frozen=True, slots=True)
class ReaderJob:
    """What is asked for.

    Attributes:
        data: see `labels.read_labels`.
        out: folder of models to be; made where it is not there.
        base: see `base.choose_base`.
        resume: go on with a course that was stopped.
        limits: how long to learn.
        recipe: how.
        name: of the new model.
        samples: the project's samples, None to leave them out.
    """

    data: Path
    out: Path
    base: str | None = None
    resume: bool = False
    limits: Limits = field(default_factory=Limits)
    recipe: ReaderRecipe = field(default_factory=ReaderRecipe)
    name: str = "finetuned-reader"
    samples: Path | None = field(default_factory=sample_folder)


@dataclass(frozen=True, slots=True)
class Listener:
    """Who is told of what; every function may be left out.

    Attributes:
        on_step: what is done next, in a few words.
        on_labels: how many labels there are.
        on_label: that one more was looked at.
        on_checked: what is left of them.
        on_standing: how far the learning is.
    """

    on_step: Callable[[str], None] = lambda _: None
    on_labels: Callable[[int], None] = lambda _: None
    on_label: Callable[[], None] = lambda: None
    on_checked: Callable[[CheckedData], None] = lambda _: None
    on_standing: Callable[[Standing], None] = lambda _: None


def finetune_reader(
    job: ReaderJob, store: ModelStore, listener: Listener | None = None
) -> Finetuned:
    """Check the data, learn, measure, quantize and register.

    Args:
        job: what is asked for.
        store: the models, of which the base is one.
        listener: told how far it is.

    Raises:
        InvalidRequest: the data, the base or the folder are no good; the message says why. An
            unfinished course is in the folder and `resume` is not set (UNFINISHED).
        ModelUnavailable: the base is not installed.
        LipiyanaError: something else that a message explains.
    """
    told = listener or Listener()
    base = choose_base(store, job.base)
    told.on_step("checking the data")
    labels = read_labels(job.data)
    told.on_labels(len(labels))
    data = check(labels, base.reader.charset, told.on_label)
    told.on_checked(data)
    work = job.out / WORK
    with writing_to(job.out):
        state = _begin(work, job, base, data)
        if state.ending in {None, "interrupted"}:
            state = _learn(job, base, data, work, state, told)
        if state.ending == "interrupted":
            return Finetuned(state)
        made = Made(job.name, base, data, state)
        finished = finish_reader(made, job.out, work, store, job.samples, told.on_step)
        shutil.rmtree(work, ignore_errors=True)
    return finished


def _begin(work: Path, job: ReaderJob, base: ChosenBase, data: CheckedData) -> CourseState:
    """Make the folder of the course, or find the course that was stopped there."""
    key = _key(job, base, data)
    found = read_state(work)
    if found is not None and found.seconds > 0:
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
    work.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(work).free < _NEEDED_BYTES:
        raise InvalidRequest(
            f"the disk of {job.out} has less than {_NEEDED_BYTES / 1e6:.0f} MB left, which the "
            "checkpoints need; free some space or name another --out",
            field="out",
            reason="DISK_FULL",
        )
    return CourseState(key)


def _key(job: ReaderJob, base: ChosenBase, data: CheckedData) -> str:
    parts = [base.entry.sha256, job.name, data.charset.sha256]
    parts += [json.dumps([e.where, e.text, e.part, e.row]) for e in (*data.train, *data.validation)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _learn(
    job: ReaderJob,
    base: ChosenBase,
    data: CheckedData,
    work: Path,
    state: CourseState,
    told: Listener,
) -> CourseState:
    told.on_step("learning")
    mix = LineMix(data.train, data.charset.characters, base.words)
    learner = ReaderLearner(work, base.reader, mix, data.validation, job.recipe)
    return run_course(learner, work, state, job.limits, told.on_standing)
