"""`lipiyana finetune reader` and `plates`: from labelled lines to a registered model.

One reader reads lines and the rows of plates. For plates, whole plates of the user's formats are
rendered, and the scores are of whole registrations.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path

from lipiyana.learning.finetune.common.earlier import (
    continue_options,
    refuse_finished,
    warn_of_replacement,
)
from lipiyana.learning.finetune.common.job import (
    Job,
    Listener,
    course_of,
    key_of,
    refuse_to_resume_nothing,
)
from lipiyana.learning.finetune.reader.base import ChosenBase, choose_base, words_for_rendering
from lipiyana.learning.finetune.reader.checking import CheckedData, check
from lipiyana.learning.finetune.reader.finishing import Finetuned, finish_reader
from lipiyana.learning.finetune.reader.labels import read_labels
from lipiyana.learning.finetune.reader.learner import ReaderLearner, ReaderRecipe
from lipiyana.learning.finetune.reader.line_source import LineMix
from lipiyana.learning.finetune.reader.models import TrainedReader
from lipiyana.learning.finetune.reader.plates import as_plates, format_notes, registrations
from lipiyana.runtime.store import ModelStore


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderJob(Job):
    """Settings of fine-tuning a reader, in addition to those of every `Job`.

    Attributes:
        data: see `labels.read_labels`.
        plates: the labels are plates.
        base: see `base.choose_base`.
        recipe: training settings.
    """

    data: Path
    plates: bool = False
    base: str | None = None
    recipe: ReaderRecipe = field(default_factory=ReaderRecipe)
    name: str = "finetuned-reader"


def finetune_reader(
    job: ReaderJob, store: ModelStore, listener: Listener | None = None
) -> Finetuned:
    """Check the data, train, measure, quantize and register.

    Args:
        job: the job.
        store: the installed models, including the base.
        listener: receives the progress.

    Raises:
        InvalidRequest: the data, the base or the folder cannot be used; the message says why. See
            also `refuse_finished` and `course_of`.
        ModelUnavailable: the base is not installed.
        LipiyanaError: another error; the message explains it.
    """
    listener = listener or Listener()
    refuse_to_resume_nothing(job)
    base = choose_base(store, job.base)
    refuse_finished(job, base.entry.sha256, continue_options(job))
    warn_of_replacement(job, base.entry, listener)
    listener.on_step("checking the data")
    labels = read_labels(job.data)
    listener.on_labels(len(labels))
    if job.plates:
        labels = as_plates(labels)
    data = check(labels, base.reader.charset, listener.on_label)
    mix = LineMix(data.train, data.charset.characters, words_for_rendering(store, base))
    if job.plates:
        mix = replace(mix, plates=tuple(registrations(data.train).values()))
        every = registrations((*data.train, *data.validation))
        data = replace(data, notes=(*data.notes, *format_notes(every)))
    listener.on_checked(data)
    with course_of(job, _key(job, base, data), listener) as course:
        if not course.learn(
            lambda: ReaderLearner(course.work, base.reader, mix, data.validation, job.recipe)
        ):
            return Finetuned(course.state)
        trained = TrainedReader(job.name, base, data, mix, course.state)
        return finish_reader(trained, job.out, course.work, store, job.samples, listener.on_step)


def _key(job: ReaderJob, base: ChosenBase, data: CheckedData) -> str:
    parts = [base.entry.sha256, job.name, data.charset.sha256, str(job.plates)]
    parts += [json.dumps([e.where, e.text, e.part, e.row]) for e in (*data.train, *data.validation)]
    return key_of(parts)
