"""`lipiyana finetune reader` and `plates`: from labelled lines to a registered model.

There is one reader for lines and for the rows of plates. For plates the rendered kin are painted
on whole plates of the user's formats, and what counts is the whole registration.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path

from lipiyana.finetuning.base import ChosenBase, choose_base
from lipiyana.finetuning.checking import CheckedData, check
from lipiyana.finetuning.course import Limits, run_course
from lipiyana.finetuning.finishing import Finetuned, finish_reader
from lipiyana.finetuning.job import WORK, Listener, begin, key_of
from lipiyana.finetuning.labels import read_labels
from lipiyana.finetuning.line_source import LineMix
from lipiyana.finetuning.plates import as_plates, format_notes, registrations
from lipiyana.finetuning.reader_learner import ReaderLearner, ReaderRecipe
from lipiyana.finetuning.reader_models import Made
from lipiyana.finetuning.scoring import sample_folder
from lipiyana.model_folder import writing_to
from lipiyana.runtime import ModelStore


@dataclass(frozen=True, slots=True)
class ReaderJob:
    """What is asked for.

    Attributes:
        data: see `labels.read_labels`.
        out: folder of models to be; made where it is not there.
        plates: every label is a plate.
        base: see `base.choose_base`.
        resume: go on with a course that was stopped.
        limits: how long to learn.
        recipe: how.
        name: of the new model.
        samples: the project's samples, None to leave them out.
    """

    data: Path
    out: Path
    plates: bool = False
    base: str | None = None
    resume: bool = False
    limits: Limits = field(default_factory=Limits)
    recipe: ReaderRecipe = field(default_factory=ReaderRecipe)
    name: str = "finetuned-reader"
    samples: Path | None = field(default_factory=sample_folder)


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
    if job.plates:
        labels = as_plates(labels)
    data = check(labels, base.reader.charset, told.on_label)
    mix = LineMix(data.train, data.charset.characters, base.words)
    if job.plates:
        mix = replace(mix, plates=tuple(registrations(data.train).values()))
        every = registrations((*data.train, *data.validation))
        data = replace(data, notes=(*data.notes, *format_notes(every)))
    told.on_checked(data)
    work = job.out / WORK
    with writing_to(job.out):
        state = begin(job.out, _key(job, base, data), resume=job.resume)
        if state.ending in {None, "interrupted"}:
            told.on_step("learning")
            learner = ReaderLearner(work, base.reader, mix, data.validation, job.recipe)
            state = run_course(learner, work, state, job.limits, told.on_standing)
        if state.ending == "interrupted":
            return Finetuned(state)
        made = Made(job.name, base, data, mix, state)
        finished = finish_reader(made, job.out, work, store, job.samples, told.on_step)
        shutil.rmtree(work, ignore_errors=True)
    return finished


def _key(job: ReaderJob, base: ChosenBase, data: CheckedData) -> str:
    parts = [base.entry.sha256, job.name, data.charset.sha256, str(job.plates)]
    parts += [json.dumps([e.where, e.text, e.part, e.row]) for e in (*data.train, *data.validation)]
    return key_of(parts)
