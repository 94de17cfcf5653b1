"""`lipiyana models prune`: a line reader without some of its blocks, taught by the whole one."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from lipiyana.distilling.pruning import Left, droppable, least_needed, without
from lipiyana.errors import InvalidRequest
from lipiyana.finetuning.base import ChosenBase, choose_base
from lipiyana.finetuning.course import CourseState, Limits, run_course
from lipiyana.finetuning.int8_twin import Int8, compare_twins, quantize_reader
from lipiyana.finetuning.job import WORK, Listener, begin, key_of
from lipiyana.finetuning.line_source import LineMix, other_lines
from lipiyana.finetuning.reader_learner import ReaderLearner, ReaderRecipe, measured_batches
from lipiyana.finetuning.saving import BEST
from lipiyana.finetuning.scoring import sample_folder, sample_lines, score_cases
from lipiyana.manifest import ModelEntry, Task
from lipiyana.model_folder import NewModel, add_models, write_atomically, writing_to
from lipiyana.ocr.recognition import LineReader
from lipiyana.ocr.training.checkpoints import load_weights, shape_of
from lipiyana.ocr.training.export_reader import export_float
from lipiyana.ocr.training.network import LineReaderNet
from lipiyana.quantizing.search import open_file
from lipiyana.quantizing.timing import median_milliseconds, typical_input
from lipiyana.runtime import ModelStore
from lipiyana.timings import TWIN

FLOAT_SUFFIX = "-float"

_LEFT = "left.json"
_TRIED_LINES = 96


@dataclass(frozen=True, slots=True)
class PruneJob:
    """What is asked for.

    Attributes:
        out: folder of models to be; made where it is not there.
        base: see `finetuning.base.choose_base`.
        blocks: how many to leave out.
        resume: go on with a course that was stopped.
        limits: how long to learn.
        recipe: how.
        name: of the new model.
        samples: the project's samples, to compare on.
    """

    out: Path
    base: str | None = None
    blocks: int = 3
    resume: bool = False
    limits: Limits = field(default_factory=lambda: Limits(minutes=30.0, measure_every_s=60.0))
    recipe: ReaderRecipe = field(default_factory=ReaderRecipe)
    name: str = "pruned-reader"
    samples: Path | None = field(default_factory=sample_folder)


@dataclass(frozen=True, slots=True)
class Pruned:
    """What came of it.

    Attributes:
        course: how it ended; nothing else is there where it was interrupted.
        models: the new entries, the preferred one first.
        left: the blocks that were left out.
        cer: of the samples' lines, whole reader and pruned one, float; None without samples.
        milliseconds: of one word, whole reader and pruned one, float.
    """

    course: CourseState
    models: tuple[ModelEntry, ...] = ()
    left: tuple[Left, ...] = ()
    cer: tuple[float, float] | None = None
    milliseconds: tuple[float, ...] = ()


def prune_reader(job: PruneJob, store: ModelStore, listener: Listener | None = None) -> Pruned:
    """Choose the blocks, learn without them, quantize, compare and register.

    Raises:
        InvalidRequest: so many blocks cannot be left out, the base is no good, there are no fonts
            to render with, or an unfinished course is in the folder (UNFINISHED).
        ModelUnavailable: the base is not installed.
    """
    told = listener or Listener()
    base = choose_base(store, job.base)
    most = len(droppable(base.reader.weights)) - 1
    if not 0 < job.blocks <= most:
        raise InvalidRequest(
            f"{base.entry.name} has blocks of which 1 to {most} can be left out", field="blocks"
        )
    mix = LineMix((), base.reader.charset.characters, base.words, real_share=0.0, kindred_share=0.0)
    work = job.out / WORK
    with writing_to(job.out):
        key = key_of([base.entry.sha256, job.name, str(job.blocks)])
        state = begin(job.out, key, resume=job.resume)
        left = _chosen(job, work, base, mix, told)
        if state.ending in {None, "interrupted"}:
            told.on_step("learning")
            start = without(base.reader.weights, [one.block for one in left])
            learner = ReaderLearner(work, base.reader, mix, (), job.recipe, start)
            state = run_course(learner, work, state, job.limits, told.on_standing)
        if state.ending == "interrupted":
            return Pruned(state)
        finished = _finish(job, work, store, base, mix, state, left, told)
        shutil.rmtree(work, ignore_errors=True)
    return finished


def _chosen(
    job: PruneJob, work: Path, base: ChosenBase, mix: LineMix, told: Listener
) -> tuple[Left, ...]:
    """Choose the blocks, once in a course."""
    path = work / _LEFT
    if path.is_file():
        return tuple(Left(**row) for row in json.loads(path.read_text("utf-8")))
    told.on_step("trying the reader without its blocks")
    lines = other_lines(mix, _TRIED_LINES)
    if not lines:
        raise InvalidRequest(
            "there are no fonts to render lines with; scripts/install_fonts.sh installs some",
            field="blocks",
        )
    batches = list(measured_batches(lines, base.reader.charset))
    left = tuple(least_needed(base.reader.weights, job.blocks, batches, told.on_label))
    rows = [{"block": one.block, "divergence": one.divergence} for one in left]
    write_atomically(path, json.dumps(rows).encode())
    return left


def _finish(
    job: PruneJob,
    work: Path,
    store: ModelStore,
    base: ChosenBase,
    mix: LineMix,
    state: CourseState,
    left: tuple[Left, ...],
    told: Listener,
) -> Pruned:
    told.on_step("exporting")
    weights = load_weights(work / BEST)
    net = LineReaderNet(shape_of(weights))
    net.load_state_dict(weights)
    twin, small = work / "float.onnx", work / "int8.onnx"
    export_float(net, base.reader.charset, twin)
    told.on_step("quantizing")
    quantize_reader(twin, small, mix)
    names = (job.name + FLOAT_SUFFIX, job.name)
    told.on_step("comparing")
    sessions = [open_file(path, Task.LINE_READER) for path in (base.entry.file, twin)]
    milliseconds = median_milliseconds(sessions, typical_input(sessions[0]))
    cases = sample_lines(job.samples) if job.samples is not None else ()
    cer, int8 = None, None
    if cases:
        staged = work / "staged"
        add_models(
            staged, [_model(job, base, n, f) for n, f in zip(names, (twin, small), strict=True)]
        )
        trial = ModelStore(staged, store.threads)
        int8 = compare_twins(trial, names, cases, ())
        whole = score_cases(LineReader(store, base.entry.name), cases)
        cer = whole.cer, int8.float_score.cer
    told.on_step("registering")
    entries = add_models(job.out, _models(job, base, (twin, small), int8, left, cer))
    return Pruned(state, entries, left, cer, milliseconds)


def _models(
    job: PruneJob,
    base: ChosenBase,
    files: tuple[Path, Path],
    int8: Int8 | None,
    left: tuple[Left, ...],
    cer: tuple[float, float] | None,
) -> list[NewModel]:
    twin, small = files
    gone = ", ".join(str(one.block) for one in left)
    text = [f"# {job.name}", "", f"`{base.entry.name}` without its blocks {gone}."]
    if cer is not None:
        text.append(
            f"CER of the project's samples: {cer[1]:.4f}, of the whole reader {cer[0]:.4f}."
        )
    card = "\n".join((*text, ""))
    good = int8 is None or int8.good
    float_name = job.name + FLOAT_SUFFIX
    models = [_model(job, base, float_name, twin, card, job.name if good else "")]
    if good:
        first = int8 is None or int8.preferred
        models.insert(0 if first else 1, _model(job, base, job.name, small, card, float_name))
    return models


def _model(
    job: PruneJob, base: ChosenBase, name: str, file: Path, card: str = "", other: str = ""
) -> NewModel:
    return NewModel(
        name,
        Task.LINE_READER,
        file,
        datetime.now(UTC).strftime("%Y.%m.%d"),
        base.entry.licence,
        f"rendered lines and the answers of {base.entry.name}; {base.entry.data}",
        card,
        base.reader.charset.sha256,
        parameters={"blocks_left_out": job.blocks} | ({TWIN: other} if other else {}),
        companions={"words": base.words} if base.words else {},
    )
