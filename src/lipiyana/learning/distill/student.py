"""The student: a small text detector that learns what its teacher finds.

It learns with batch norms in its neck first; then these are folded and INT8 is simulated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from lipiyana.learning.distill.crops import Batch, CropMix, batches
from lipiyana.learning.distill.network import (
    NEW_LAYERS,
    OUTPUT_LAYER,
    TextStudent,
    computed_in_int8,
)
from lipiyana.learning.distill.pictures.pool import PoolPicture
from lipiyana.learning.distill.pretrained import FITTING_STEPS, pretrained_weights
from lipiyana.learning.distill.text_cores import CORE, UNKNOWN
from lipiyana.learning.finetune.common.course import Measured
from lipiyana.learning.finetune.common.learners import LearnerRecipe, NormedLearner
from lipiyana.learning.trainer.fake_quantization import simulate_int8
from lipiyana.learning.trainer.run import Recipe, Run
from lipiyana.learning.trainer.run_options import set_up
from lipiyana.learning.trainer.schedule import learning_rate_factor
from lipiyana.ocr.detection.detector import network_input
from lipiyana.vehicles.training.norms import calibrate, folded, install

_HARD = 3.0
"""Number of hard negative pixels in the loss, for each pixel with text."""
_LEAST_HARD = 512

FROM_PRETRAINED = Recipe(
    body_rate=5e-4,
    head_rate=2e-3,
    warm_up_steps=100,
    fade_steps=500,
    decay_share=0.6,
    ema_decay=0.995,
    clip_norm=5.0,
)

CONTINUED = replace(FROM_PRETRAINED, head_rate=5e-4, fade_steps=0)


@dataclass(frozen=True, slots=True)
class StudentRecipe(LearnerRecipe):
    """Settings of training the student.

    Attributes:
        continued: replaces `training` if the student starts from trained weights.
        int8_share: share of the time, at the end, in which INT8 is simulated.
        fitting_steps: see `pretrained_weights`.
    """

    training: Recipe = FROM_PRETRAINED
    continued: Recipe = CONTINUED
    int8_share: float = 0.25
    fitting_steps: int = FITTING_STEPS


class StudentTrainer(Run[TextStudent]):
    """The training run of a student."""

    examples_name = "crops"

    def __init__(self, folder: Path, recipe: Recipe, *, norms: bool) -> None:
        net = TextStudent()
        if norms:
            install(net)
        super().__init__(
            folder,
            net,
            recipe,
            torch.device("cpu"),
            is_new=lambda name: name.startswith(NEW_LAYERS),
            trained_for=("classes", ["text"]),
        )

    @property
    def averaged(self) -> TextStudent:
        """The moving average with batch norms folded, as it is evaluated and shipped."""
        return folded(self.moving_average)

    def start_from(self, weights: Mapping[str, Tensor], pixels: Tensor) -> None:
        """Load weights without batch norms; those of new layers may be missing.

        If they are not, the norms are calibrated on pixels (N, 3, S, S).
        """
        self.net.load_state_dict(weights, strict=False)
        if f"{OUTPUT_LAYER}.weight" in weights:
            calibrate(self.net, pixels)
        self.reset_average()

    def learn(self, batch: Batch, rate_factor: float) -> None:
        """Take one optimizer step."""
        self.net.train()
        self.net.fade_gelu(self.fading_share)
        with self.autocast():
            logits = self.net(batch.pixels.to(memory_format=torch.channels_last))
        self.optimize(
            map_loss(logits.float(), batch.maps, batch.known), len(batch.pixels), rate_factor
        )


class DistillLearner(NormedLearner[StudentTrainer]):
    """The `course.Learner` of text detectors."""

    def __init__(
        self,
        folder: Path,
        mix: CropMix,
        validation: Sequence[PoolPicture],
        recipe: StudentRecipe,
        start: Mapping[str, Tensor] | None = None,
        pretrained: Path | None = None,
    ) -> None:
        """Start from the weights of a student, or of PP-OCRv6's detector in file `pretrained`."""
        set_up(recipe.threads, mix.seed)
        if start is not None:
            recipe = replace(recipe, training=recipe.continued)
        self._folder, self._mix, self._recipe = folder, mix, recipe
        self._validation = tuple(validation)
        self._batches: Iterator[Batch] | None = None
        super().__init__(self._new_trainer(norms=True))
        if start is not None:
            self._trainer.start_from(start, next(batches(mix, 0)).pixels)
        elif pretrained is not None and not (folder / "last.pt").exists():
            pixels = (batch.pixels for batch in batches(mix, 0))
            weights = pretrained_weights(pretrained, pixels, recipe.fitting_steps)
            self._trainer.start_from(weights, next(pixels))

    def learn(self, share: float) -> None:
        """Take one step on one batch."""
        if self._batches is None:
            # a resumed course needs other random crops than before
            mix = replace(self._mix, seed=self._mix.seed + self.step)
            self._batches = batches(mix, self._recipe.workers)
        if self._has_norms and share >= 1 - self._recipe.int8_share:
            self._fold()
        factor = learning_rate_factor(self.step, share, self._recipe.training)
        self._trainer.learn(next(self._batches), factor)

    def measure(self) -> Measured:
        """Compare the text pixels of student and teacher on the validation pictures.

        The error is 1 - the Dice coefficient (Dice 1945); the loss is the mean difference of the
        student's probabilities from the teacher's map.
        """
        net = self._trainer.averaged.eval()
        both = either = 0.0
        difference = 0.0
        for seen in self._validation:
            pixels, wanted = seen.load()
            with torch.inference_mode():
                found = net(torch.from_numpy(network_input(pixels))).sigmoid().numpy()[0, 0]
            known = wanted != UNKNOWN
            text, truth = (found > 0.5) & known, wanted == CORE
            both += float((text & truth).sum())
            either += float(text.sum() + truth.sum())
            difference += float((np.abs(found - truth) * known).mean())
        overlap = 2 * both / either if either else 1.0
        return Measured(1 - overlap, difference / max(1, len(self._validation)))

    def _new_trainer(self, *, norms: bool) -> StudentTrainer:
        trainer = StudentTrainer(self._folder, self._recipe.training, norms=norms)
        if not norms:
            simulate_int8(trainer.net, computed_in_int8)
        return trainer


def map_loss(logits: Tensor, maps: Tensor, known: Tensor) -> Tensor:
    """Cross entropy on text and on hard negatives, plus Dice loss, as in training DB detectors.

    Args:
        logits: (N, 1, H, W).
        maps: the same shape, from 0 to 1.
        known: the same shape, 0 where nothing is to be learned.
    """
    errors = functional.binary_cross_entropy_with_logits(logits, maps, reduction="none")
    text = maps > 0.5
    count = int(text.sum())
    rest = errors[~text & (known > 0)]
    hard = rest.topk(min(len(rest), max(_LEAST_HARD, int(_HARD * count)))).values
    entropy = (errors[text].sum() + hard.sum()) / max(1, count + len(hard))
    found = logits.sigmoid() * known
    dice = 1 - (2 * (found * maps).sum() + 1) / (found.sum() + maps.sum() + 1)
    return entropy + dice
