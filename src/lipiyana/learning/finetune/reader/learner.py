"""The line reader as a learner: CTC on all lines, and distillation so that it forgets nothing.

On lines unlike the user's it learns what the reader it began from says. A head for more characters
keeps the weights and places of those that it knew.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lipiyana.learning.finetune.common.course import Measured
from lipiyana.learning.finetune.common.learners import LearnerRecipe, RunLearner
from lipiyana.learning.finetune.common.saving import BEST, save_weights
from lipiyana.learning.finetune.reader.examples import Example, load_example
from lipiyana.learning.finetune.reader.line_source import REAL, LineMix, batches, other_lines
from lipiyana.learning.finetune.reader.rendered_lines import KINDRED
from lipiyana.learning.trainer.fake_quantization import simulate_int8
from lipiyana.learning.trainer.metrics import edit_distance
from lipiyana.learning.trainer.run import Recipe
from lipiyana.learning.trainer.run_options import set_up
from lipiyana.learning.trainer.schedule import learning_rate_factor
from lipiyana.learning.trainer.stored_weights import load_weights
from lipiyana.ocr.recognition.charset import Charset
from lipiyana.ocr.recognition.line_input import bucket_width
from lipiyana.ocr.scripts.label_order import to_labels
from lipiyana.ocr.scripts.table import script_of_char
from lipiyana.ocr.training.batches import Batch, collate, greedy_texts
from lipiyana.ocr.training.lines import Line
from lipiyana.ocr.training.network import LineReaderNet, ReaderShape
from lipiyana.ocr.training.train_reader import Trainer, ctc_loss

HEAD = ("head.weight", "head.bias")


def grow_head(weights: dict[str, Tensor], old: Charset, new: Charset) -> dict[str, Tensor]:
    """Give a reader's weights rows for the characters that `new` has beyond `old`.

    A new row begins as the mean of those of its kin: of its script and kind (letter, mark,
    digit), else of its kind, else of all. The mean scores below each of them on their own
    pictures, so that nothing is taken from them before the new character is learned.

    Raises:
        ValueError: `new` does not begin with the characters of `old`.
    """
    if new.characters[: len(old)] != old.characters:
        raise ValueError("the old characters must keep their places")
    added = new.characters[len(old) :]
    grown = dict(weights)
    for name in HEAD:
        rows = weights[name]
        fresh = [rows[_kin(character, old)].mean(0) for character in added]
        grown[name] = torch.cat([rows, torch.stack(fresh)]) if fresh else rows
    return grown


def _kin(character: str, charset: Charset) -> list[int]:
    """Classes of the characters that are most like this one."""
    script, kind = script_of_char(character), unicodedata.category(character)[0]
    of_kind = [c for c in charset.characters if unicodedata.category(c)[0] == kind]
    of_script = [c for c in of_kind if script_of_char(c) == script]
    return charset.encode("".join(of_script or of_kind or charset.characters))


MEASURED_LINES = 400
"""More validation lines than this are thinned out evenly, for measuring must not take the time."""

_BATCH = 16
_FLOAT_SHARE = 0.65
"""Of the time, before INT8 is simulated: a step of it takes half as long again."""
_FORGETTING_WEIGHT = 2.0
"""Points of CER on the user's lines that one point more on the others counts as much as."""
_FORGIVEN = 0.003
_SHARES_OF_THE_WAY = (0.4, 0.55, 0.7, 0.85)
"""From the base to the best model, the nearest to the base first."""
_GIVEN_UP = 0.1
"""Of the best model's gain on the user's lines, at most, for one that moved less: the last tenth
is what a model forgets most for."""

GENTLE = Recipe(
    body_rate=1e-4,
    head_rate=4e-4,
    warm_up_steps=40,
    fade_steps=0,
    decay_share=0.6,
    ema_decay=0.98,
)
"""A fifth of the rates of training from nothing, with an average over some fifty steps."""


@dataclass(frozen=True, slots=True)
class ReaderBase:
    """The reader to begin from: its weights by state-dict name, its charset."""

    weights: dict[str, Tensor]
    charset: Charset


@dataclass(frozen=True, slots=True)
class ReaderRecipe(LearnerRecipe):
    """How a reader is fine-tuned.

    Attributes:
        retain: weight of the divergence from the base on lines that are unlike the user's.
        kept_lines: such lines that are measured on; 0 to leave it.
        int8: learn to compute in INT8 at the end, as the base did.
    """

    training: Recipe = GENTLE
    retain: float = 1.0
    kept_lines: int = 128
    int8: bool = True


class ReaderLearner(RunLearner[Trainer]):
    """A `course.Learner` for lines of text."""

    def __init__(
        self,
        folder: Path,
        base: ReaderBase,
        mix: LineMix,
        validation: Sequence[Example],
        recipe: ReaderRecipe,
        start: Mapping[str, Tensor] | None = None,
    ) -> None:
        """Begin from the base, its head grown where the labels have new characters.

        Args:
            folder: of the course.
            base: what is not to be forgotten.
            mix: what is learned from.
            validation: the user's lines that are measured on; without any, it is the lines unlike
                theirs.
            recipe: how to learn.
            start: weights of another shape to begin from, with the base's characters.
        """
        set_up(recipe.threads, mix.seed)
        charset = Charset(mix.characters)
        weights = grow_head(dict(start or base.weights), base.charset, charset)
        super().__init__(
            Trainer(
                folder,
                charset,
                recipe.training,
                torch.device("cpu"),
                ReaderShape.of_weights(weights),
            )
        )
        self._trainer.net.load_state_dict(weights)
        self._trainer.averaged.load_state_dict(weights)
        self._begun = weights
        self._base = LineReaderNet(ReaderShape.of_weights(base.weights)).eval()
        self._base.load_state_dict(base.weights)
        self._mix, self._recipe = mix, recipe
        self._batches: Iterator[Batch] | None = None
        self._rounds = False
        step = max(1, -(-len(validation) // MEASURED_LINES))
        users = [
            Line(np.ascontiguousarray(load_example(example)), example.text, REAL)
            for example in validation[::step]
        ]
        self._validation = list(measured_batches(users, charset))
        kept = other_lines(mix, recipe.kept_lines)
        self._kept = list(measured_batches(kept, charset))
        self._kept_before = self._read(self._base, self._kept).error

    def learn(self, share: float) -> None:
        """Take one step on one batch."""
        if self._batches is None:
            # other lines than before, where a course goes on
            seed = self._mix.seed + self._trainer.step
            self._batches = batches(replace(self._mix, seed=seed), self._recipe.workers)
        if self._recipe.int8 and share >= _FLOAT_SHARE and not self._rounds:
            simulate_int8(self._trainer.net)
            self._rounds = True
        factor = learning_rate_factor(self._trainer.step, share, self._recipe.training)
        self._trainer.learn(next(self._batches), factor, self._divergence)

    def measure(self) -> Measured:
        """Read the validation lines greedily with the average of the late weights.

        The error is their CER; where lines unlike the user's are read worse than by the base, it
        is worse too, so that the best model is none that forgot the rest.
        """
        return self._measured(self._trainer.averaged.eval())

    def settle(self, best: Measured, /) -> Measured | None:
        """See `course.Learner.settle`: models on the line between the base and the best one.

        A model part of the way back often reads the new lines as well and forgets less (Wortsman
        et al., "Robust fine-tuning of zero-shot models", CVPR 2022).
        """
        path = self._trainer.run / BEST
        learned = load_weights(path)
        net = LineReaderNet(ReaderShape.of_weights(learned)).eval()

        def part_of_the_way(share: float) -> Measured:
            between = {n: torch.lerp(self._begun[n], learned[n], share) for n in learned}
            net.load_state_dict(between)
            return self._measured(net)

        gain = part_of_the_way(0).error - best.error
        for share in _SHARES_OF_THE_WAY:
            measured = part_of_the_way(share)
            if measured.error <= best.error + _GIVEN_UP * max(0.0, gain):
                save_weights(path, net.state_dict())
                return measured
        return None

    def _measured(self, net: LineReaderNet) -> Measured:
        if not self._validation:
            return self._read(net, self._kept)
        users = self._read(net, self._validation)
        forgotten = self._read(net, self._kept).error - self._kept_before - _FORGIVEN
        return Measured(users.error + _FORGETTING_WEIGHT * max(0.0, forgotten), users.loss)

    def _read(self, net: LineReaderNet, batches: Sequence[Batch]) -> Measured:
        """Give the CER and the mean loss; 0 where there are no lines."""
        edits = characters = lines = 0
        loss = 0.0
        for batch in batches:
            with torch.inference_mode():
                logits = net(batch.pixels).float()
            loss += float(ctc_loss(logits, batch)) * len(batch.texts)
            found = greedy_texts(logits, self._trainer.charset)
            for text, read in zip(batch.texts, found, strict=True):
                edits += edit_distance(text, read)
                characters += len(text)
            lines += len(batch.texts)
        return Measured(edits / max(1, characters), loss / max(1, lines))

    def _divergence(self, batch: Batch, logits: Tensor) -> Tensor:
        """Kullback-Leibler divergence from the base's answer on the lines unlike the user's.

        Like CTC's loss it is of each line by its characters, and the mean over the batch.
        """
        others = torch.tensor([script not in {REAL, KINDRED} for script in batch.scripts])
        if not self._recipe.retain or not bool(others.any()):
            return logits.new_zeros(())
        with torch.no_grad():
            wanted = self._base(batch.pixels[others]).float().softmax(-1)
        # what the base does not know it has no say in
        classes = wanted.shape[-1]
        given = logits[others].float()[..., :classes].log_softmax(-1)
        divergence = torch.nn.functional.kl_div(given, wanted, reduction="none").sum((1, 2))
        a_character = divergence / batch.lengths[others].clamp(min=1)
        return self._recipe.retain * a_character.sum() / len(batch.scripts)


def measured_batches(lines: Sequence[Line], charset: Charset) -> Iterator[Batch]:
    """Gather lines of like width; they are few."""
    buckets: defaultdict[int, list[tuple[Line, list[int]]]] = defaultdict(list)
    for line in lines:
        labels = charset.encode(to_labels(line.text))
        buckets[bucket_width(*line.image.shape[:2])].append((line, labels))
    for _, members in sorted(buckets.items()):
        for start in range(0, len(members), _BATCH):
            yield collate(members[start : start + _BATCH])
