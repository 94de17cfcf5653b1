"""`models prune`: the choice of the blocks, and the reader without them."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from needs import TORCH

torch = pytest.importorskip("torch", reason=TORCH)

from numbers_drawn import draw_number

from lipiyana.errors import InvalidRequest, ModelUnavailable
from lipiyana.learning.distill import pruned_reader
from lipiyana.learning.distill.pruned_reader import (
    PruneJob,
    choose_blocks,
    prune_reader,
    removable_blocks,
    remove_blocks,
)
from lipiyana.learning.finetune.common.course import Limits
from lipiyana.learning.finetune.common.job import WORK, Listener
from lipiyana.learning.finetune.reader import learner as reader_learner
from lipiyana.learning.finetune.reader import line_source
from lipiyana.learning.finetune.reader.learner import ReaderRecipe, batch_by_width
from lipiyana.learning.finetune.reader.line_source import LineMix
from lipiyana.learning.quantize import floor
from lipiyana.learning.trainer.run import Recipe
from lipiyana.ocr.recognition.charset import Charset
from lipiyana.ocr.recognition.reader import LineReader
from lipiyana.ocr.training.export_reader import export_float
from lipiyana.ocr.training.lines import Line
from lipiyana.ocr.training.network import Block, LineReaderNet, ReaderShape
from lipiyana.runtime.manifest import Task
from lipiyana.runtime.model_folder import NewModel, add_models
from lipiyana.runtime.store import ModelStore

DIGITS = Charset("0123456789")
BLOCKS = (Block(16), Block(16), Block(24, stride=2), Block(24), Block(32, stride=2))


def small_reader() -> LineReaderNet:
    torch.manual_seed(0)
    net = LineReaderNet(ReaderShape(DIGITS.classes, 8, 16, BLOCKS, neck=24, neck_layers=1))
    for module in net.modules():
        if isinstance(module, torch.nn.LayerNorm):  # the exporter would merge equal weights
            torch.nn.init.normal_(module.weight, 1.0, 0.02)
            torch.nn.init.normal_(module.bias, 0.0, 0.02)
    return net


@pytest.fixture
def weights() -> dict[str, torch.Tensor]:
    return small_reader().state_dict()


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    export_float(small_reader(), DIGITS, tmp_path / "net.onnx")
    reader = NewModel(
        "small", Task.LINE_READER, tmp_path / "net.onnx", "1", "Apache-2.0", "nothing", "#",
        DIGITS.sha256,
    )  # fmt: skip
    add_models(tmp_path / "small", [reader])
    return ModelStore(tmp_path / "small", threads=1)


def lines(count: int) -> list[Line]:
    return [Line(draw_number(str(n), n), str(n), "Latn") for n in range(count)]


def test_blocks_are_renumbered_when_some_are_removed(weights: dict[str, torch.Tensor]) -> None:
    assert removable_blocks(weights) == [0, 1, 3]
    pruned = remove_blocks(weights, [1])
    assert ReaderShape.of_weights(pruned).blocks == (BLOCKS[0], *BLOCKS[2:])
    assert torch.equal(pruned["blocks.1.project.weight"], weights["blocks.2.project.weight"])
    assert torch.equal(pruned["head.weight"], weights["head.weight"])
    with pytest.raises(ValueError, match="cannot be removed"):
        remove_blocks(weights, [2])


def test_a_block_without_effect_is_removed_first(weights: dict[str, torch.Tensor]) -> None:
    with torch.no_grad():
        for name, value in weights.items():
            if name.startswith("blocks.") and "weight" in name:
                value.mul_(3)  # the others have much effect
        weights["blocks.3.project.weight"].zero_()
        weights["blocks.3.project.bias"].zero_()
        weights["blocks.3.depthwise.weight"].zero_()
        weights["blocks.3.depthwise.weight"][:, :, 1, 1] = 1
        weights["blocks.3.depthwise.bias"].zero_()
    batches = list(batch_by_width(lines(6), DIGITS))
    tried: list[int] = []
    left = choose_blocks(weights, 2, batches, lambda: tried.append(1))
    assert left[0].block == 3
    assert left[0].divergence == pytest.approx(0, abs=1e-6)
    assert left[1].divergence > 1e-4
    assert len(tried) == 3 + 2
    with pytest.raises(ValueError, match="1 to 2 blocks"):
        choose_blocks(weights, 3, batches)


def test_a_pruned_reader_is_registered(
    store: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def digits(_: LineMix, count: int) -> list[Line]:
        return lines(count)[:9]

    def endless(_: LineMix, rng: np.random.Generator):
        while True:
            yield from lines(9)

    monkeypatch.setattr(pruned_reader, "other_lines", digits)
    monkeypatch.setattr(reader_learner, "other_lines", digits)
    monkeypatch.setattr(line_source, "mixed_lines", endless)
    with pytest.raises(InvalidRequest, match="can be removed"):
        prune_reader(PruneJob(out=tmp_path, blocks=9), store)
    recipe = ReaderRecipe(Recipe(warm_up_steps=1, fade_steps=0), workers=0)
    job = PruneJob(
        out=tmp_path / "models", limits=Limits(minutes=60, steps=3), recipe=recipe, samples=None
    )
    stopping = Listener(on_standing=lambda _: os.kill(os.getpid(), signal.SIGINT))
    assert prune_reader(replace(job, blocks=2), store, stopping).course.ending == "interrupted"
    monkeypatch.setattr(floor, "LEAST", 1.1)  # more than any reader has
    with pytest.raises(ModelUnavailable, match=r"not registered.*--resume") as weak:
        prune_reader(replace(job, blocks=2, resume=True), store)
    assert weak.value.reason == floor.TOO_WEAK
    assert not (job.out / "manifest.toml").exists()
    monkeypatch.setattr(floor, "LEAST", 0.0)
    monkeypatch.setattr(floor, "LEAST_SHARE", 0.0)
    made = prune_reader(replace(job, blocks=2, resume=True), store)
    assert len(made.left) == 2
    assert made.milliseconds[1] > 0
    assert not (job.out / WORK).exists()
    served = ModelStore(job.out, threads=1)
    assert served.default_for_task(Task.LINE_READER).name in {
        "pruned-reader",
        "pruned-reader-float",
    }
    assert all(check.ok for check in served.verify() if check.entry.name.startswith("pruned"))
    twin = served.entry("pruned-reader-float")
    assert twin.parameters["blocks_left_out"] == 2
    LineReader(served, twin.name).read([draw_number("7")])
    with pytest.raises(InvalidRequest, match="finished pruned-reader"):
        prune_reader(replace(job, blocks=2), store)
