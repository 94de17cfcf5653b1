"""`lipiyana finetune reader` and `plates`: from labelled lines to a registered model.

There is one reader for lines and for the rows of plates. For plates the rendered kin are painted
on whole plates of the user's formats, and what counts is the whole registration.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path

from lipiyana.learning.finetune.common.earlier import going_on_from, refuse_finished, warn_of_disuse
from lipiyana.learning.finetune.common.job import (
    Job,
    Listener,
    course_of,
    key_of,
    refuse_to_resume_nothing,
)
from lipiyana.learning.finetune.reader.base import ChosenBase, choose_base, words_to_draw
from lipiyana.learning.finetune.reader.checking import CheckedData, check
from lipiyana.learning.finetune.reader.finishing import Finetuned, finish_reader
from lipiyana.learning.finetune.reader.labels import read_labels
from lipiyana.learning.finetune.reader.learner import ReaderLearner, ReaderRecipe
from lipiyana.learning.finetune.reader.line_source import LineMix
from lipiyana.learning.finetune.reader.models import Made
from lipiyana.learning.finetune.reader.plates import as_plates, format_notes, registrations
from lipiyana.runtime.store import ModelStore


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderJob(Job):
    """What is asked for, beside what every `Job` has.

    Attributes:
        data: see `labels.read_labels`.
        plates: every label is a plate.
        base: see `base.choose_base`.
        recipe: how to learn.
    """

    data: Path
    plates: bool = False
    base: str | None = None
    recipe: ReaderRecipe = field(default_factory=ReaderRecipe)
    name: str = "finetuned-reader"


def finetune_reader(
    job: ReaderJob, store: ModelStore, listener: Listener | None = None
) -> Finetuned:
    """Check the data, learn, measure, quantize and register.

    Args:
        job: what is asked for.
        store: the models, of which the base is one.
        listener: told how far it is.

    Raises:
        InvalidRequest: the data, the base or the folder are no good; the message says why. See
            also `refuse_finished` and `course_of`.
        ModelUnavailable: the base is not installed.
        LipiyanaError: something else that a message explains.
    """
    told = listener or Listener()
    refuse_to_resume_nothing(job)
    base = choose_base(store, job.base)
    refuse_finished(job, base.entry.sha256, going_on_from(job))
    warn_of_disuse(job, base.entry, told)
    told.on_step("checking the data")
    labels = read_labels(job.data)
    told.on_labels(len(labels))
    if job.plates:
        labels = as_plates(labels)
    data = check(labels, base.reader.charset, told.on_label)
    mix = LineMix(data.train, data.charset.characters, words_to_draw(store, base))
    if job.plates:
        mix = replace(mix, plates=tuple(registrations(data.train).values()))
        every = registrations((*data.train, *data.validation))
        data = replace(data, notes=(*data.notes, *format_notes(every)))
    told.on_checked(data)
    with course_of(job, _key(job, base, data), told) as course:
        if not course.learn(
            lambda: ReaderLearner(course.work, base.reader, mix, data.validation, job.recipe)
        ):
            return Finetuned(course.state)
        made = Made(job.name, base, data, mix, course.state)
        return finish_reader(made, job.out, course.work, store, job.samples, told.on_step)


def _key(job: ReaderJob, base: ChosenBase, data: CheckedData) -> str:
    parts = [base.entry.sha256, job.name, data.charset.sha256, str(job.plates)]
    parts += [json.dumps([e.where, e.text, e.part, e.row]) for e in (*data.train, *data.validation)]
    return key_of(parts)
