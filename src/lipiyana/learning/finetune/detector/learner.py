"""Trains the detector on the user's boxes and distils the base's other classes into it.

It trains with batch norms first; then these are folded and INT8 is simulated.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from lipiyana.learning.finetune.common.course import Measured
from lipiyana.learning.finetune.common.learners import LearnerRecipe, NormedLearner
from lipiyana.learning.finetune.detector.base import DetectorBase, grow_classes
from lipiyana.learning.finetune.detector.scoring import Validation
from lipiyana.learning.trainer.run_options import set_up
from lipiyana.learning.trainer.schedule import learning_rate_factor
from lipiyana.vehicles.detection.letterbox import InputShape
from lipiyana.vehicles.training.assignment import Assignment, giou
from lipiyana.vehicles.training.data.batches import (
    MOSAIC_SHARE,
    Batch,
    BatchSource,
    CanvasMix,
    batch_loader,
)
from lipiyana.vehicles.training.evaluation import predict_with_torch
from lipiyana.vehicles.training.fake_quantization import simulate_int8
from lipiyana.vehicles.training.losses import BOX_GAIN
from lipiyana.vehicles.training.train_detector import Recipe, Trainer

_RETAIN_WEIGHT = 0.25
"""Weight of the change on unlabelled classes in the error, beside AP50 on the labelled ones."""
_SURE = 0.2  # minimum score of the base's boxes that are distilled

GENTLE = Recipe(
    body_rate=2e-4,
    head_rate=8e-4,
    warm_up_steps=30,
    fade_steps=0,
    decay_share=0.5,
    ema_decay=0.98,
)
"""A quarter of the learning rates of training from COCO; the EMA averages about fifty steps."""


@dataclass(frozen=True, slots=True)
class DetectorRecipe(LearnerRecipe):
    """Settings of fine-tuning a detector.

    Attributes:
        retain: weight of the distillation loss on unlabelled classes.
        int8_share: share of the time, at the end, in which INT8 is simulated; batch norms are
            used before that. 1 trains without batch norms.
        steps: of the course, if they alone limit it: then one that was stopped and resumed ends in
            the same model as one that was not. None if the clock decides.
    """

    training: Recipe = GENTLE
    retain: float = 1.0
    int8_share: float = 0.35
    steps: int | None = None


class DetectorLearner(NormedLearner[Trainer]):
    """The `course.Learner` of detectors."""

    def __init__(
        self,
        folder: Path,
        base: DetectorBase,
        mix: CanvasMix,
        validation: Validation,
        recipe: DetectorRecipe,
    ) -> None:
        """Load the base, with its head grown for new classes."""
        set_up(recipe.threads, mix.seed)
        self._folder, self._mix, self._recipe = folder, mix, recipe
        self._validation = validation
        self._base = base.net()
        super().__init__(self._new_trainer(norms=False))
        self._trainer.start_from_weights(grow_classes(base, validation.classes))
        self._source: BatchSource | None = None
        self._batches: Iterator[Batch] = iter(())

    def learn(self, share: float) -> None:
        """Take one step on one batch."""
        if self._source is None:
            mix = replace(self._mix, workers=self._recipe.workers)
            self._source = BatchSource(mix, self.step, mosaics_until=self._mosaics_until())
            self._batches = iter(batch_loader(self._source))
        if self._recipe.steps is None:
            last = self._is_last(share)
            self._source.mosaic_share.fill_(0.0 if last else MOSAIC_SHARE)
        batch = next(self._batches)
        self._begin_phase(share, batch)
        factor = learning_rate_factor(self.step, share, self._recipe.training)
        self._trainer.learn(batch, factor, lambda *outputs: self._forgotten(batch, *outputs))

    def _is_last(self, share: float) -> bool:
        """Whether the learning rate falls; then there are no mosaics."""
        return share >= 1 - self._recipe.training.decay_share

    def _mosaics_until(self) -> int | None:
        """The first step without mosaics. Workers draw ahead, so that they must know it before."""
        steps = self._recipe.steps
        if steps is None:
            return None
        return next((step for step in range(steps) if self._is_last(step / steps)), steps)

    def measure(self) -> Measured:
        """Measure the moving average on the validation pictures.

        The error is 1 - mean AP50 of the user's classes, plus a penalty if the other classes are
        detected differently than by the base.
        """
        predict = predict_with_torch(self._trainer.averaged)
        scored = self._validation.score(predict, InputShape(self._mix.size))
        forgotten = 0.0 if scored.retained is None else 1 - scored.retained
        return Measured(1 - scored.ap50 + _RETAIN_WEIGHT * forgotten, 1 - scored.ap)

    def _begin_phase(self, share: float, batch: Batch) -> None:
        """Install batch norms before the first step, and fold them for the last share of time."""
        norms = share < 1 - self._recipe.int8_share
        if norms and not self._has_norms:
            weights, step = self._trainer.averaged.state_dict(), self.step
            self._trainer = self._new_trainer(norms=True)
            self._trainer.start_from_weights(weights, batch.pixels)
            self._trainer.step = step
        elif self._has_norms and not norms:
            self._fold()

    def _new_trainer(self, *, norms: bool) -> Trainer:
        trainer = Trainer(
            self._folder,
            self._recipe.training,
            torch.device("cpu"),
            self._mix.size,
            self._validation.classes,
            norms=norms,
        )
        if not norms:
            simulate_int8(trainer.net)
        return trainer

    def _forgotten(
        self, batch: Batch, boxes: Tensor, logits: Tensor, assigned: Assignment
    ) -> Tensor:
        """Distillation loss: distance from the base's scores and boxes where labels are missing.

        It is the cross entropy in excess of the base's own, plus 1 - GIoU where the base is sure.
        It is normalized by the sure and the assigned boxes, like the losses of the labels.
        """
        if not self._recipe.retain:
            return logits.new_zeros(())
        with torch.no_grad():
            base_boxes, base_logits = self._base(batch.pixels.float())
        wanted = base_logits.sigmoid()
        given = logits[..., : wanted.shape[-1]]
        free = ~batch.known[..., : wanted.shape[-1]] & (assigned.box < 0)[..., None]
        errors = functional.binary_cross_entropy_with_logits(given, wanted, reduction="none")
        own = functional.binary_cross_entropy_with_logits(base_logits, wanted, reduction="none")
        sure = (wanted * free).amax(-1)
        sure = sure * (sure > _SURE)
        moved = (1 - giou(boxes, base_boxes)) * sure
        whole = (sure.sum() + assigned.quality.sum()).clamp(min=1.0)
        return (
            self._recipe.retain * (((errors - own) * free).sum() + BOX_GAIN * moved.sum()) / whole
        )
