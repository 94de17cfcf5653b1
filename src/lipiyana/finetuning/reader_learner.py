"""The line reader as a learner: CTC on all lines, and on rendered ones what the base says too."""

from __future__ import annotations

import errno
import os
import shutil
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lipiyana.finetuning.course import Measured
from lipiyana.finetuning.examples import Example, load_example
from lipiyana.finetuning.growing import grow_head
from lipiyana.finetuning.line_source import REAL, LineMix, batches
from lipiyana.ocr.charset import Charset
from lipiyana.ocr.label_order import to_labels
from lipiyana.ocr.line_input import bucket_width
from lipiyana.ocr.training.batches import Batch, Line, collate, greedy_texts
from lipiyana.ocr.training.checkpoints import shape_of
from lipiyana.ocr.training.metrics import edit_distance
from lipiyana.ocr.training.network import LineReaderNet
from lipiyana.ocr.training.schedule import learning_rate_factor
from lipiyana.ocr.training.train_reader import Recipe, Trainer, ctc_loss

BEST = "best.pt"

MEASURED_LINES = 400
"""More validation lines than this are thinned out evenly, for measuring must not take the time."""

_BATCH = 16
_NEEDED_BYTES = 60_000_000  # of a checkpoint with its optimizer, and some more


GENTLE = Recipe(
    body_rate=2e-4,
    head_rate=1e-3,
    warm_up_steps=20,
    fade_steps=0,
    decay_share=0.6,
    ema_decay=0.98,
)
"""Slower than training from nothing, with an average over some fifty steps."""


@dataclass(frozen=True, slots=True)
class ReaderBase:
    """The reader to begin from: its weights by state-dict name, its charset."""

    weights: dict[str, Tensor]
    charset: Charset


@dataclass(frozen=True, slots=True)
class ReaderRecipe:
    """How a reader is fine-tuned.

    Attributes:
        training: learning rates and their course.
        retain: weight of the divergence from the base on rendered lines.
        workers: processes that render.
        threads: of the network.
    """

    training: Recipe = GENTLE
    retain: float = 0.5
    workers: int = 1
    threads: int = 1


class ReaderLearner:
    """A `course.Learner` for lines of text."""

    def __init__(
        self,
        folder: Path,
        base: ReaderBase,
        mix: LineMix,
        validation: Sequence[Example],
        recipe: ReaderRecipe,
    ) -> None:
        """Grow the head where the labels have new characters, and begin from the base."""
        torch.set_num_threads(recipe.threads)
        # denormals are a hundred times slower on CPUs, and mean nothing here
        torch.set_flush_denormal(True)
        torch.manual_seed(mix.seed)
        charset = Charset(mix.characters)
        weights = grow_head(base.weights, base.charset, charset)
        self._trainer = Trainer(
            folder, charset, recipe.training, torch.device("cpu"), shape_of(weights)
        )
        self._trainer.net.load_state_dict(weights)
        self._trainer.averaged.load_state_dict(weights)
        self._base = LineReaderNet(shape_of(base.weights)).eval()
        self._base.load_state_dict(base.weights)
        self._mix, self._recipe = mix, recipe
        self._batches: Iterator[Batch] | None = None
        step = max(1, -(-len(validation) // MEASURED_LINES))
        self._validation = list(_validation_batches(validation[::step], charset))

    @property
    def step(self) -> int:
        """See `course.Learner.step`."""
        return self._trainer.step

    def learn(self, share: float) -> None:
        """Take one step on one batch."""
        if self._batches is None:
            # other lines than before, where a course goes on
            seed = self._mix.seed + self._trainer.step
            self._batches = batches(replace(self._mix, seed=seed), self._recipe.workers)
        factor = learning_rate_factor(self._trainer.step, share, self._recipe.training)
        self._trainer.learn(next(self._batches), factor, self._divergence)

    def measure(self) -> Measured:
        """Read the validation lines greedily with the average of the late weights."""
        net = self._trainer.averaged.eval()
        edits = characters = 0
        loss = 0.0
        for batch in self._validation:
            with torch.inference_mode():
                logits = net(batch.pixels).float()
            loss += float(ctc_loss(logits, batch)) * len(batch.texts)
            found = greedy_texts(logits, self._trainer.charset)
            for text, read in zip(batch.texts, found, strict=True):
                edits += edit_distance(text, read)
                characters += len(text)
        lines = sum(len(batch.texts) for batch in self._validation)
        return Measured(edits / max(1, characters), loss / max(1, lines))

    def save(self) -> None:
        """See `course.Learner.save`."""
        with _full_disk_told(self._trainer.run):
            self._trainer.save()

    def keep_best(self) -> None:
        """See `course.Learner.keep_best`."""
        path = self._trainer.run / BEST
        partial = path.with_suffix(".part")
        with _full_disk_told(self._trainer.run):
            torch.save({"average": self._trainer.averaged.state_dict()}, partial)
            partial.replace(path)

    def restore(self) -> bool:
        """See `course.Learner.restore`."""
        return self._trainer.resume()

    def _divergence(self, batch: Batch, logits: Tensor) -> Tensor:
        """Kullback-Leibler divergence from the base's answer on the rendered lines, a step."""
        rendered = torch.tensor([script != REAL for script in batch.scripts])
        if not self._recipe.retain or not bool(rendered.any()):
            return logits.new_zeros(())
        with torch.no_grad():
            wanted = self._base(batch.pixels[rendered]).float().softmax(-1)
        # what the base does not know it has no say in
        classes = wanted.shape[-1]
        given = logits[rendered].float()[..., :classes].log_softmax(-1)
        divergence = torch.nn.functional.kl_div(given, wanted, reduction="none").sum(-1)
        return self._recipe.retain * divergence.mean()


@contextmanager
def _full_disk_told(folder: Path) -> Iterator[None]:
    """Raise the OSError that torch hides in a RuntimeError, and leave nothing half-written."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        full = shutil.disk_usage(folder).free < _NEEDED_BYTES
        for partial in folder.glob("*.part"):
            partial.unlink(missing_ok=True)
        if full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder)) from error
        raise


def _validation_batches(examples: Sequence[Example], charset: Charset) -> Iterator[Batch]:
    """Read the lines once; they are few."""
    buckets: defaultdict[int, list[tuple[Line, list[int]]]] = defaultdict(list)
    for example in examples:
        image = np.ascontiguousarray(load_example(example))
        labels = charset.encode(to_labels(example.text))
        line = Line(image, example.text, REAL)
        buckets[bucket_width(*image.shape[:2])].append((line, labels))
    for _, lines in sorted(buckets.items()):
        for start in range(0, len(lines), _BATCH):
            yield collate(lines[start : start + _BATCH])
