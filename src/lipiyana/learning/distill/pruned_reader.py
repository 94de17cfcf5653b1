"""`lipiyana models prune`: removes blocks from a line reader and trains the rest by distillation.

The blocks whose removal changes the reader's output least are removed.
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
from lipiyana.learning.finetune.common.earlier import refuse_finished, warn_of_replacement
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
from lipiyana.learning.finetune.reader.learner import ReaderLearner, ReaderRecipe, batch_by_width
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
class RemovedBlock:
    """A removed block: its index in the whole reader, and the divergence of the output without it
    and the blocks removed before it (Kullback-Leibler, a time step).
    """

    block: int
    divergence: float


def removable_blocks(weights: Mapping[str, Tensor]) -> list[int]:
    """Indices of the blocks with a shortcut; the network still fits together without them."""
    return [
        index
        for index, block in enumerate(ReaderShape.of_weights(weights).blocks)
        if block.stride == 1
    ]


def remove_blocks(weights: Mapping[str, Tensor], left: Sequence[int]) -> dict[str, Tensor]:
    """Remove blocks from a reader's weights and renumber the rest.

    Raises:
        ValueError: one of the blocks has no shortcut.
    """
    if not set(left) <= set(removable_blocks(weights)):
        raise ValueError(f"some of the blocks {list(left)} cannot be removed")
    remaining = [n for n in range(len(ReaderShape.of_weights(weights).blocks)) if n not in left]
    places = {str(old): str(new) for new, old in enumerate(remaining)}
    pruned = {}
    for name, value in weights.items():
        if not name.startswith(_BLOCK):
            pruned[name] = value
            continue
        number, rest = name.removeprefix(_BLOCK).split(".", 1)
        if number in places:
            pruned[f"{_BLOCK}{places[number]}.{rest}"] = value
    return pruned


def choose_blocks(
    weights: Mapping[str, Tensor],
    count: int,
    batches: Sequence[Batch],
    on_tried: Callable[[], None] = lambda: None,
) -> list[RemovedBlock]:
    """Choose the blocks greedily: each time the one whose removal changes the output least.

    Args:
        weights: weights of the reader.
        count: number of blocks; less than the number of removable ones.
        batches: lines to compare the outputs on.
        on_tried: called after each trial; there are about `count` times the number of blocks.

    Raises:
        ValueError: `count` is out of range.
    """
    candidates = removable_blocks(weights)
    if not 0 < count < len(candidates):
        raise ValueError(f"1 to {len(candidates) - 1} blocks can be removed, not {count}")
    wanted = _answers(weights, batches)
    left: list[RemovedBlock] = []
    for _ in range(count):
        gone = [one.block for one in left]
        trials = []
        for block in candidates:
            if block not in gone:
                found = _answers(remove_blocks(weights, [*gone, block]), batches)
                trials.append(RemovedBlock(block, _divergence(wanted, found)))
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

_WHOLE = "what-it-was-before"  # name of the unpruned reader in the comparison


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneJob(Job):
    """Settings of pruning a reader, in addition to those of every `Job`.

    Attributes:
        base: see `finetune.reader.base.choose_base`.
        blocks: number of blocks to remove.
        recipe: training settings.
    """

    base: str | None = None
    blocks: int = 3
    recipe: ReaderRecipe = field(default_factory=ReaderRecipe)
    name: str = "pruned-reader"
    limits: Limits = field(default_factory=lambda: Limits(minutes=30.0, measure_every_s=60.0))


@dataclass(frozen=True, slots=True)
class Pruned(Outcome):
    """Outcome of pruning.

    Attributes:
        left: the removed blocks.
        cer: CER of the whole and the pruned float reader on the samples; None without samples.
        milliseconds: run times of the whole and the pruned float reader for one word.
    """

    left: tuple[RemovedBlock, ...] = ()
    cer: tuple[float, float] | None = None
    milliseconds: tuple[float, ...] = ()


def prune_reader(job: PruneJob, store: ModelStore, listener: Listener | None = None) -> Pruned:
    """Choose the blocks, train without them, quantize, compare and register.

    Raises:
        InvalidRequest: that many blocks cannot be removed, the base cannot be used, there are no
            fonts for rendering, or the folder has an unfinished course (UNFINISHED) or a finished
            model of this name (FINISHED).
        ModelUnavailable: the base is not installed, or the pruned reader reads next to nothing
            (MODEL_TOO_WEAK): then nothing is registered, and the course stays.
    """
    listener = listener or Listener()
    base = choose_base(store, job.base)
    most = len(removable_blocks(base.reader.weights)) - 1
    if not 0 < job.blocks <= most:
        raise InvalidRequest(
            f"1 to {most} blocks of {base.entry.name} can be removed", field="blocks"
        )
    refuse_finished(job, base.entry.sha256)
    warn_of_replacement(job, base.entry, listener, option="")
    mix = LineMix((), base.reader.charset.characters, base.words, real_share=0.0, similar_share=0.0)
    key = key_of([base.entry.sha256, job.name, str(job.blocks)])
    with course_of(job, key, listener) as course:
        left = _chosen(job, course.work, base, mix, listener)
        start = remove_blocks(base.reader.weights, [one.block for one in left])
        if not course.learn(
            lambda: ReaderLearner(course.work, base.reader, mix, (), job.recipe, start)
        ):
            return Pruned(course.state)
        return _finish(job, course, store, base, mix, left)


def _chosen(
    job: PruneJob, work: Path, base: ChosenBase, mix: LineMix, listener: Listener
) -> tuple[RemovedBlock, ...]:
    """Choose the blocks, or load the choice of a resumed course."""
    path = work / _LEFT
    if path.is_file():
        return tuple(RemovedBlock(**row) for row in parse_json(read_text(path)))
    listener.on_step("trying the reader without its blocks")
    lines = other_lines(mix, _TRIED_LINES)
    if not lines:
        raise InvalidRequest(
            "there are no fonts for rendering lines; scripts/install_fonts.sh installs some",
            field="blocks",
        )
    batches = list(batch_by_width(lines, base.reader.charset))
    left = tuple(choose_blocks(base.reader.weights, job.blocks, batches, listener.on_label))
    rows = [{"block": one.block, "divergence": one.divergence} for one in left]
    write_atomically(path, json.dumps(rows).encode())
    return left


def _finish(
    job: PruneJob,
    course: OpenCourse,
    store: ModelStore,
    base: ChosenBase,
    mix: LineMix,
    left: tuple[RemovedBlock, ...],
) -> Pruned:
    work, listener = course.work, course.listener
    listener.on_step("exporting")
    weights = load_weights(work / BEST)
    net = LineReaderNet(ReaderShape.of_weights(weights))
    net.load_state_dict(weights)
    twin, small = work / "float.onnx", work / "int8.onnx"
    export_float(net, base.reader.charset, twin)
    listener.on_step("quantizing")
    quantize_reader(twin, small, mix)
    names = (job.name + FLOAT_SUFFIX, job.name)
    listener.on_step("comparing")
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
    measure = "the share of characters read correctly in unseen lines (1 - CER)"
    require_useful(job.name, measure, *(max(0.0, 1 - one) for one in reversed(both)))
    cer = both if samples else None
    listener.on_step("registering")
    entries = add_models(job.out, _models(job, base, (twin, small), int8, left, cer))
    return Pruned(course.state, entries, left, cer, milliseconds)


def _rendered(mix: LineMix) -> tuple[LineCase, ...]:
    """Render lines to score if there are no samples; the blocks were chosen by the same lines."""
    return tuple(
        LineCase("rendered", one.image, one.text) for one in other_lines(mix, _TRIED_LINES)
    )


def _models(
    job: PruneJob,
    base: ChosenBase,
    files: tuple[Path, Path],
    int8: Int8,
    left: tuple[RemovedBlock, ...],
    cer: tuple[float, float] | None,
) -> list[NewModel]:
    twin, small = files
    gone = ", ".join(str(one.block) for one in left)
    text = [f"# {job.name}", "", f"`{base.entry.name}` without its blocks {gone}."]
    if cer is not None:
        text.append(
            f"CER on the project's samples: {cer[1]:.4f}; of the whole reader: {cer[0]:.4f}."
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
