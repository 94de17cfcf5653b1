"""`lipiyana models prune`: a line reader without some of its blocks, taught by the whole one.

Blocks are left out whose absence changes the reader's answers least.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from lipiyana.errors import InvalidRequest
from lipiyana.files import parse_json, read_text, write_atomically
from lipiyana.learning.finetune.common.course import Limits
from lipiyana.learning.finetune.common.earlier import refuse_finished, warn_of_disuse
from lipiyana.learning.finetune.common.job import (
    Job,
    Listener,
    OpenCourse,
    Outcome,
    course_of,
    key_of,
)
from lipiyana.learning.finetune.common.saving import BEST
from lipiyana.learning.finetune.common.twins import FLOAT_SUFFIX, today, twins
from lipiyana.learning.finetune.reader.base import ChosenBase, choose_base
from lipiyana.learning.finetune.reader.int8_twin import Int8, compare_twins, quantize_reader
from lipiyana.learning.finetune.reader.learner import ReaderLearner, ReaderRecipe, measured_batches
from lipiyana.learning.finetune.reader.line_source import LineMix, other_lines
from lipiyana.learning.finetune.reader.scoring import LineCase, sample_lines, score_cases
from lipiyana.learning.quantize.floor import require_useful
from lipiyana.learning.quantize.search import open_file
from lipiyana.learning.quantize.timing import median_milliseconds, typical_input
from lipiyana.learning.trainer.stored_weights import load_weights
from lipiyana.ocr.recognition.reader import LineReader
from lipiyana.ocr.training.batches import Batch
from lipiyana.ocr.training.export_reader import export_float
from lipiyana.ocr.training.network import LineReaderNet, ReaderShape
from lipiyana.runtime.manifest import Task
from lipiyana.runtime.model_folder import NewModel, add_models
from lipiyana.runtime.store import ModelStore

_BLOCK = "blocks."


@dataclass(frozen=True, slots=True)
class Left:
    """A block that was left out: its number in the whole reader, and what the answers lost with it
    and those before it: Kullback-Leibler divergence by the step.
    """

    block: int
    divergence: float


def droppable(weights: Mapping[str, Tensor]) -> list[int]:
    """Number the blocks that add to their input, so that the rest fits together without them."""
    return [
        index
        for index, block in enumerate(ReaderShape.of_weights(weights).blocks)
        if block.stride == 1
    ]


def without(weights: Mapping[str, Tensor], left: Sequence[int]) -> dict[str, Tensor]:
    """Leave blocks out of a reader's weights; those behind them move up.

    Raises:
        ValueError: one of them does not add to its input.
    """
    if not set(left) <= set(droppable(weights)):
        raise ValueError(f"of the blocks {list(left)} some cannot be left out")
    kept = [n for n in range(len(ReaderShape.of_weights(weights).blocks)) if n not in left]
    places = {str(old): str(new) for new, old in enumerate(kept)}
    pruned = {}
    for name, value in weights.items():
        if not name.startswith(_BLOCK):
            pruned[name] = value
            continue
        number, rest = name.removeprefix(_BLOCK).split(".", 1)
        if number in places:
            pruned[f"{_BLOCK}{places[number]}.{rest}"] = value
    return pruned


def least_needed(
    weights: Mapping[str, Tensor],
    count: int,
    batches: Sequence[Batch],
    on_tried: Callable[[], None] = lambda: None,
) -> list[Left]:
    """Choose blocks one after the other: each time the one without which the answers change least.

    Args:
        weights: of the reader.
        count: of blocks; at most all but one of those that can be left out.
        batches: lines to read.
        on_tried: called after each trial, of which there are about `count` times the blocks.

    Raises:
        ValueError: `count` is more than that.
    """
    candidates = droppable(weights)
    if not 0 < count < len(candidates):
        raise ValueError(f"1 to {len(candidates) - 1} blocks can be left out, not {count}")
    wanted = _answers(weights, batches)
    left: list[Left] = []
    for _ in range(count):
        gone = [one.block for one in left]
        trials = []
        for block in candidates:
            if block not in gone:
                found = _answers(without(weights, [*gone, block]), batches)
                trials.append(Left(block, _divergence(wanted, found)))
                on_tried()
        left.append(min(trials, key=lambda one: one.divergence))
    return left


def _answers(weights: Mapping[str, Tensor], batches: Sequence[Batch]) -> list[Tensor]:
    net = LineReaderNet(ReaderShape.of_weights(weights)).eval()
    net.load_state_dict(dict(weights))
    with torch.inference_mode():
        return [net(batch.pixels).log_softmax(-1) for batch in batches]


def _divergence(wanted: Sequence[Tensor], found: Sequence[Tensor]) -> float:
    total = sum(
        float(torch.nn.functional.kl_div(b, a, reduction="sum", log_target=True))
        for a, b in zip(wanted, found, strict=True)
    )
    return total / max(1, sum(a.shape[0] * a.shape[1] for a in wanted))


_LEFT = "left.json"
_TRIED_LINES = 96

_WHOLE = "what-it-was-before"  # its name among those that are compared


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneJob(Job):
    """What is asked for, beside what every `Job` has.

    Attributes:
        base: see `finetuning.base.choose_base`.
        blocks: how many to leave out.
        recipe: how to learn.
    """

    base: str | None = None
    blocks: int = 3
    recipe: ReaderRecipe = field(default_factory=ReaderRecipe)
    name: str = "pruned-reader"
    limits: Limits = field(default_factory=lambda: Limits(minutes=30.0, measure_every_s=60.0))


@dataclass(frozen=True, slots=True)
class Pruned(Outcome):
    """What came of it.

    Attributes:
        left: the blocks that were left out.
        cer: of the samples' lines, whole reader and pruned one, float; None without samples.
        milliseconds: of one word, whole reader and pruned one, float.
    """

    left: tuple[Left, ...] = ()
    cer: tuple[float, float] | None = None
    milliseconds: tuple[float, ...] = ()


def prune_reader(job: PruneJob, store: ModelStore, listener: Listener | None = None) -> Pruned:
    """Choose the blocks, learn without them, quantize, compare and register.

    Raises:
        InvalidRequest: so many blocks cannot be left out, the base is no good, there are no fonts
            to render with, or the folder has an unfinished course (UNFINISHED) or a finished model
            of the name (FINISHED).
        ModelUnavailable: the base is not installed, or the pruned reader reads next to nothing
            (MODEL_TOO_WEAK): then nothing is registered, and the course stays.
    """
    told = listener or Listener()
    base = choose_base(store, job.base)
    most = len(droppable(base.reader.weights)) - 1
    if not 0 < job.blocks <= most:
        raise InvalidRequest(
            f"{base.entry.name} has blocks of which 1 to {most} can be left out", field="blocks"
        )
    refuse_finished(job, base.entry.sha256)
    warn_of_disuse(job, base.entry, told, option="")
    mix = LineMix((), base.reader.charset.characters, base.words, real_share=0.0, kindred_share=0.0)
    key = key_of([base.entry.sha256, job.name, str(job.blocks)])
    with course_of(job, key, told) as course:
        left = _chosen(job, course.work, base, mix, told)
        start = without(base.reader.weights, [one.block for one in left])
        if not course.learn(
            lambda: ReaderLearner(course.work, base.reader, mix, (), job.recipe, start)
        ):
            return Pruned(course.state)
        return _finish(job, course, store, base, mix, left)


def _chosen(
    job: PruneJob, work: Path, base: ChosenBase, mix: LineMix, told: Listener
) -> tuple[Left, ...]:
    """Choose the blocks, once in a course."""
    path = work / _LEFT
    if path.is_file():
        return tuple(Left(**row) for row in parse_json(read_text(path)))
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
    course: OpenCourse,
    store: ModelStore,
    base: ChosenBase,
    mix: LineMix,
    left: tuple[Left, ...],
) -> Pruned:
    work, told = course.work, course.told
    told.on_step("exporting")
    weights = load_weights(work / BEST)
    net = LineReaderNet(ReaderShape.of_weights(weights))
    net.load_state_dict(weights)
    twin, small = work / "float.onnx", work / "int8.onnx"
    export_float(net, base.reader.charset, twin)
    told.on_step("quantizing")
    quantize_reader(twin, small, mix)
    names = (job.name + FLOAT_SUFFIX, job.name)
    told.on_step("comparing")
    sessions = [open_file(path, Task.LINE_READER) for path in (base.entry.file, twin)]
    milliseconds = median_milliseconds(sessions, typical_input(sessions[0]))
    samples = sample_lines(job.samples) if job.samples is not None else ()
    cases = samples or _rendered(mix)
    staged = work / "staged"
    files = zip((*names, _WHOLE), (twin, small, base.entry.file), strict=True)
    add_models(staged, [_model(job, base, name, file) for name, file in files])
    trial = ModelStore(staged, store.threads)
    int8 = compare_twins(trial, names, cases, ())
    both = score_cases(LineReader(trial, _WHOLE), cases).cer, int8.float_score.cer
    measure = "characters of lines that neither learned from, read right (1 - CER)"
    require_useful(job.name, measure, *(max(0.0, 1 - one) for one in reversed(both)))
    cer = both if samples else None
    told.on_step("registering")
    entries = add_models(job.out, _models(job, base, (twin, small), int8, left, cer))
    return Pruned(course.state, entries, left, cer, milliseconds)


def _rendered(mix: LineMix) -> tuple[LineCase, ...]:
    """Lines to read where there are no samples; those by which the blocks were chosen."""
    return tuple(
        LineCase("rendered", one.image, one.text) for one in other_lines(mix, _TRIED_LINES)
    )


def _models(
    job: PruneJob,
    base: ChosenBase,
    files: tuple[Path, Path],
    int8: Int8,
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
    return twins(
        _model(job, base, job.name + FLOAT_SUFFIX, twin, card),
        _model(job, base, job.name, small, card),
        good=int8.good,
        faster=int8.preferred,
    )


def _model(job: PruneJob, base: ChosenBase, name: str, file: Path, card: str = "") -> NewModel:
    return NewModel(
        name,
        Task.LINE_READER,
        file,
        today(),
        base.entry.licence,
        f"rendered lines and the answers of {base.entry.name}; {base.entry.data}",
        card,
        base.reader.charset.sha256,
        parameters={"blocks_left_out": job.blocks},
        companions={"words": base.words} if base.words else {},
    )
