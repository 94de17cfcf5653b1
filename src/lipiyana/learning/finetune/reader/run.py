"""`lipiyana finetune reader` and `plates`: from labelled lines to a registered model.

One reader reads lines and the rows of plates. For plates, whole plates of the user's formats are
rendered, and the scores are of whole registrations. After training the reader is exported,
quantized, compared with its base, registered and reported.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from lipiyana.files import write_atomically
from lipiyana.learning.finetune.common.earlier import base_of
from lipiyana.learning.finetune.common.job import (
    FinetunedModel,
    Job,
    Listener,
    course_of,
    key_of,
    report_of,
)
from lipiyana.learning.finetune.common.saving import BEST
from lipiyana.learning.finetune.common.twins import FLOAT_SUFFIX, int8_notes, no_gain_note
from lipiyana.learning.finetune.reader.base import ChosenBase, choose_base, words_for_rendering
from lipiyana.learning.finetune.reader.checking import (
    CheckedData,
    as_plates,
    check,
    format_notes,
    registrations,
)
from lipiyana.learning.finetune.reader.int8_twin import Int8, compare_twins, quantize_reader
from lipiyana.learning.finetune.reader.labels import read_labels
from lipiyana.learning.finetune.reader.learner import ReaderLearner, ReaderRecipe
from lipiyana.learning.finetune.reader.line_source import LineMix
from lipiyana.learning.finetune.reader.models import TrainedReader, new_models
from lipiyana.learning.finetune.reader.report import ReportFacts, render_report
from lipiyana.learning.finetune.reader.scoring import (
    Comparison,
    LineCase,
    ReadCases,
    example_lines,
    example_plates,
    plates_with,
    read_lines,
    sample_lines,
    score_cases,
)
from lipiyana.learning.quantize.floor import require_useful
from lipiyana.learning.trainer.stored_weights import load_weights
from lipiyana.ocr.language.script_choice import LATIN
from lipiyana.ocr.recognition.reader import LineReader, Reader
from lipiyana.ocr.recognition.text_reader import installed_reader
from lipiyana.ocr.scripts.table import COMMON, script_of_char
from lipiyana.ocr.training.export_reader import export_float
from lipiyana.ocr.training.network import LineReaderNet, ReaderShape
from lipiyana.runtime.manifest import ModelEntry, Task
from lipiyana.runtime.model_folder import NewModel, add_models
from lipiyana.runtime.store import ModelStore

_BASE = "base"
_MIN_LATIN_LINES = 5
"""Minimum number of Latin lines for deciding which reader reads Latin."""


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


@dataclass(frozen=True, slots=True)
class Finetuned(FinetunedModel):
    """Outcome of fine-tuning a reader.

    Attributes:
        validation: readings of the user's validation set, before and after.
        samples: readings of the project's samples, before and after.
    """

    validation: Comparison | None = None
    samples: Comparison | None = None


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
            also `base_of` and `course_of`.
        ModelUnavailable: the base is not installed.
        LipiyanaError: another error; the message explains it.
    """
    listener = listener or Listener()
    base = base_of(job, lambda: choose_base(store, job.base), listener)
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


def finish_reader(
    trained: TrainedReader,
    out: Path,
    work: Path,
    store: ModelStore,
    samples: Path | None,
    on_step: Callable[[str], None],
) -> Finetuned:
    """Make models of a course's best weights and register them.

    Args:
        trained: the trained reader.
        out: output folder for the models.
        work: folder of the course, with the best weights.
        store: the installed models.
        samples: folder of the project's samples, if available.
        on_step: called with a short text before each step.

    Raises:
        OSError: the disk is full, or the folder cannot be written.
        ModelUnavailable: the new reader reads next to nothing (MODEL_TOO_WEAK).
        LipiyanaError: a model cannot be loaded.
    """
    on_step("exporting")
    twin, small = work / "float.onnx", work / "int8.onnx"
    weights = load_weights(work / BEST)
    net = LineReaderNet(ReaderShape.of_weights(weights))
    net.load_state_dict(weights)
    export_float(net, trained.data.charset, twin)
    on_step("quantizing")
    quantize_reader(twin, small, trained.mix)
    on_step("measuring")
    staged = _stage(work / "staged", trained, twin, small, store)
    lines = example_lines(trained.data.validation)
    shown = sample_lines(samples) if samples is not None else ()
    int8 = compare_twins(staged, (trained.name + FLOAT_SUFFIX, trained.name), lines, shown)
    preferred = trained.name if int8.preferred else trained.name + FLOAT_SUFFIX
    cases, read = _cases(trained, staged, lines)
    specialist = wants_specialist(staged, preferred, cases, read, trained.base.entry)
    before = installed_reader(staged, _BASE)
    after = _reader(staged, preferred, specialist)
    validation = Comparison(cases, read(before, cases), read(after, cases))
    measure = "the share of characters in your validation part that are read correctly (1 - CER)"
    now, earlier = (max(0.0, 1 - s.cer) for s in (validation.score_after, validation.score_before))
    require_useful(trained.name, measure, now, earlier)
    compared = None
    if shown:
        compared = Comparison(shown, read_lines(before, shown), read_lines(after, shown))
    better = validation.score_after.cer < validation.score_before.cer
    facts = ReportFacts(
        name=trained.name,
        base=trained.base.entry.name,
        of_what="plates" if trained.plates else "lines",
        data=trained.data,
        course=trained.course,
        validation=validation,
        samples=compared,
        int8=int8,
        notes=tuple(_notes(int8, specialist, validation, better)),
    )
    on_step("registering")
    models = new_models(trained, twin, small, facts, specialist)
    entries = add_models(out, models)
    report = report_of(out, trained.name)
    write_atomically(report, render_report(facts).encode())
    return Finetuned(
        trained.course,
        entries,
        report,
        better,
        facts.notes,
        validation=validation,
        samples=compared,
    )


def _stage(
    folder: Path, trained: TrainedReader, twin: Path, small: Path, store: ModelStore
) -> ModelStore:
    """Make a temporary store with the base, both new models and the installed models."""
    shutil.rmtree(folder, ignore_errors=True)
    old, new = trained.base.reader.charset.sha256, trained.data.charset.sha256
    files = ((_BASE, trained.base.entry.file, old), (trained.name, small, new),
             (trained.name + FLOAT_SUFFIX, twin, new))  # fmt: skip
    words = {"words": trained.base.words} if trained.base.words else {}
    base_parameters = {
        key: trained.base.entry.parameters[key]
        for key in ("latin_specialist",)
        if key in trained.base.entry.parameters
    }
    add_models(
        folder,
        [
            NewModel(
                name, Task.LINE_READER, file, "", "", "", "", charset,
                parameters=base_parameters if name == _BASE else {}, companions=words,
            )
            for name, file, charset in files
        ],
    )  # fmt: skip
    return ModelStore(folder, store.threads)


def _cases(
    trained: TrainedReader, staged: ModelStore, lines: tuple[LineCase, ...]
) -> tuple[tuple[LineCase, ...], ReadCases]:
    """Return the validation cases and the function that reads them: lines, or whole plates."""
    if trained.plates:
        return example_plates(trained.data.validation), plates_with(staged)
    return lines, read_lines


def wants_specialist(
    staged: ModelStore,
    name: str,
    cases: Sequence[LineCase],
    read: ReadCases,
    base: ModelEntry,
) -> bool:
    """Decide whether the specialist reader for Latin should still read Latin lines.

    It should until enough validation lines show that the new reader is better at them. Lines with
    letters of other scripts do not count: these letters are often labelling mistakes.
    """
    latin = tuple(case for case in cases if {*map(script_of_char, case.text)} <= {LATIN, COMMON})
    if len(latin) < _MIN_LATIN_LINES or not base.parameters.get("latin_specialist", True):
        return bool(base.parameters.get("latin_specialist", True))
    alone = score_cases(LineReader(staged, name), latin, read)
    joined = score_cases(installed_reader(staged, name), latin, read)
    return joined.cer <= alone.cer


def _reader(staged: ModelStore, name: str, specialist: bool) -> Reader:
    return installed_reader(staged, name) if specialist else LineReader(staged, name)


def _notes(int8: Int8, specialist: bool, validation: Comparison, better: bool) -> Iterator[str]:
    before, after = validation.score_before, validation.score_after
    if not better:
        yield no_gain_note("CER", before.cer, after.cer, perfect=0)
    yield from int8_notes(f"{int8.loss:.3f} of CER", good=int8.good, faster=int8.preferred)
    if not specialist:
        yield "the specialist reader for Latin is no longer used, because this reader is better"
    if (count := before.lines) < 20:
        yield f"{count} are few for validation: each counts for {1 / count:.0%} of the exact share"
