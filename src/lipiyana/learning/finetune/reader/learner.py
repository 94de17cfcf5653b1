"""Trains the line reader: CTC on all lines, and distillation against forgetting.

On lines unlike the user's, the base reader is the teacher. If the labels have new characters, the
head grows; the known characters keep their weights and indices.
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
from lipiyana.learning.finetune.reader.rendered_lines import SIMILAR
from lipiyana.learning.trainer.fake_quantization import set_ranges, simulate_int8
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
    """Extend a reader's head to the characters that `new` has beyond `old`.

    A new row starts as the mean of the rows of similar characters: those of the same script and
    kind (letter, mark, digit), else of the same kind, else all. The mean scores lower than each of
    them on its own pictures, so that known characters lose nothing before the new one is learned.

    Raises:
        ValueError: `new` does not begin with the characters of `old`.
    """
    if new.characters[: len(old)] != old.characters:
        raise ValueError("the new charset must begin with the old one")
    added = new.characters[len(old) :]
    grown = dict(weights)
    for name in HEAD:
        rows = weights[name]
        fresh = [rows[_kin(character, old)].mean(0) for character in added]
        grown[name] = torch.cat([rows, torch.stack(fresh)]) if fresh else rows
    return grown


def _kin(character: str, charset: Charset) -> list[int]:
    """Classes of the characters that are most similar to this one."""
    script, kind = script_of_char(character), unicodedata.category(character)[0]
    of_kind = [c for c in charset.characters if unicodedata.category(c)[0] == kind]
    of_script = [c for c in of_kind if script_of_char(c) == script]
    return charset.encode("".join(of_script or of_kind or charset.characters))


MEASURED_LINES = 400
"""Maximum number of validation lines; larger sets are thinned out evenly to save time."""

_BATCH = 16
_FLOAT_SHARE = 0.65
"""Share of the time before INT8 is simulated, because its steps take 1.5 times as long."""
_FORGETTING_WEIGHT = 2.0
"""How many points of CER on the user's lines one point of CER on the other lines is worth."""
_FORGIVEN = 0.003
_INTERPOLATIONS = (0.4, 0.55, 0.7, 0.85)
"""Interpolation weights between the base (0) and the best model (1) that are tried, in order."""
_GIVEN_UP = 0.1
"""Share of the best model's gain on the user's lines that an interpolated model may lose: the last
tenth of the gain costs the most forgetting."""

GENTLE = Recipe(
    body_rate=1e-4,
    head_rate=4e-4,
    warm_up_steps=40,
    fade_steps=0,
    decay_share=0.6,
    ema_decay=0.98,
)
"""A fifth of the learning rates of training from scratch; the EMA averages about fifty steps."""


@dataclass(frozen=True, slots=True)
class ReaderBase:
    """The reader to start from: its state dict and its charset."""

    weights: dict[str, Tensor]
    charset: Charset


@dataclass(frozen=True, slots=True)
class ReaderRecipe(LearnerRecipe):
    """Settings of fine-tuning a reader.

    Attributes:
        retain: weight of the distillation loss on lines unlike the user's.
        retained_lines: number of such lines to measure on; 0 for none.
        int8: simulate INT8 at the end of the training, as for the base.
        repeatable: a resumed course draws the lines that it would have drawn if it had not been
            stopped; it has to draw up to a few minutes of lines again for that.
    """

    training: Recipe = GENTLE
    retain: float = 1.0
    retained_lines: int = 128
    int8: bool = True
    repeatable: bool = False


class ReaderLearner(RunLearner[Trainer]):
    """The `course.Learner` of line readers."""

    def __init__(
        self,
        folder: Path,
        base: ReaderBase,
        mix: LineMix,
        validation: Sequence[Example],
        recipe: ReaderRecipe,
        start: Mapping[str, Tensor] | None = None,
    ) -> None:
        """Start from the base; its head grows if the labels have new characters.

        Args:
            folder: folder of the course.
            base: teacher against forgetting, and initial weights unless `start` is given.
            mix: the training lines.
            validation: the user's validation lines; if empty, only lines unlike the user's are
                measured.
            recipe: settings.
            start: initial weights of a reader of another shape with the base's characters.
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
        self._initial = weights
        self._base = LineReaderNet(ReaderShape.of_weights(base.weights)).eval()
        self._base.load_state_dict(base.weights)
        self._mix, self._recipe = mix, recipe
        self._batches: Iterator[Batch] | None = None
        self._simulates_int8 = False
        step = max(1, -(-len(validation) // MEASURED_LINES))
        users = [
            Line(np.ascontiguousarray(load_example(example)), example.text, REAL)
            for example in validation[::step]
        ]
        self._validation = list(batch_by_width(users, charset))
        retained = other_lines(mix, recipe.retained_lines)
        self._retained = list(batch_by_width(retained, charset))
        self._retained_before = self._read(self._base, self._retained).error

    def learn(self, share: float) -> None:
        """Take one step on one batch."""
        if self._batches is None:
            self._batches = self._open_batches()
        if self._recipe.int8 and share >= _FLOAT_SHARE and not self._simulates_int8:
            simulate_int8(self._trainer.net)
            set_ranges(self._trainer.net, self._trainer.ranges)
            self._simulates_int8 = True
        factor = learning_rate_factor(self._trainer.step, share, self._recipe.training)
        self._trainer.learn(next(self._batches), factor, self._divergence)

    def _open_batches(self) -> Iterator[Batch]:
        if self._recipe.repeatable:
            return batches(self._mix, self._recipe.workers, self._trainer.step)
        # a resumed course needs other random lines than before
        seed = self._mix.seed + self._trainer.step
        return batches(replace(self._mix, seed=seed), self._recipe.workers)

    def measure(self) -> Measured:
        """Measure the moving average on the validation lines, read greedily.

        The error is their CER, plus a penalty if lines unlike the user's are read worse than by
        the base, so that the best model is never one that forgot the rest.
        """
        return self._measured(self._trainer.averaged.eval())

    def settle(self, best: Measured, /) -> Measured | None:
        """See `course.Learner.settle`: interpolate the weights of the base and the best model.

        An interpolated model often reads the new lines as well and forgets less (Wortsman et al.,
        "Robust fine-tuning of zero-shot models", CVPR 2022).
        """
        path = self._trainer.run / BEST
        learned = load_weights(path)
        net = LineReaderNet(ReaderShape.of_weights(learned)).eval()

        def interpolated(share: float) -> Measured:
            between = {n: torch.lerp(self._initial[n], learned[n], share) for n in learned}
            net.load_state_dict(between)
            return self._measured(net)

        gain = interpolated(0).error - best.error
        for share in _INTERPOLATIONS:
            measured = interpolated(share)
            if measured.error <= best.error + _GIVEN_UP * max(0.0, gain):
                save_weights(path, net.state_dict())
                return measured
        return None

    def _measured(self, net: LineReaderNet) -> Measured:
        if not self._validation:
            return self._read(net, self._retained)
        users = self._read(net, self._validation)
        forgotten = self._read(net, self._retained).error - self._retained_before - _FORGIVEN
        return Measured(users.error + _FORGETTING_WEIGHT * max(0.0, forgotten), users.loss)

    def _read(self, net: LineReaderNet, batches: Sequence[Batch]) -> Measured:
        """Return the CER and the mean loss; 0 if there are no lines."""
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
        """Kullback-Leibler divergence from the base's output on lines unlike the user's.

        Like the CTC loss, it is divided by the characters of each line and averaged over the batch.
        """
        others = torch.tensor([script not in {REAL, SIMILAR} for script in batch.scripts])
        if not self._recipe.retain or not bool(others.any()):
            return logits.new_zeros(())
        with torch.no_grad():
            wanted = self._base(batch.pixels[others]).float().softmax(-1)
        # the base cannot teach the classes that it does not know
        classes = wanted.shape[-1]
        given = logits[others].float()[..., :classes].log_softmax(-1)
        divergence = torch.nn.functional.kl_div(given, wanted, reduction="none").sum((1, 2))
        a_character = divergence / batch.lengths[others].clamp(min=1)
        return self._recipe.retain * a_character.sum() / len(batch.scripts)


def batch_by_width(lines: Sequence[Line], charset: Charset) -> Iterator[Batch]:
    """Batch lines of similar width."""
    buckets: defaultdict[int, list[tuple[Line, list[int]]]] = defaultdict(list)
    for line in lines:
        labels = charset.encode(to_labels(line.text))
        buckets[bucket_width(*line.image.shape[:2])].append((line, labels))
    for _, members in sorted(buckets.items()):
        for start in range(0, len(members), _BATCH):
            yield collate(members[start : start + _BATCH])
