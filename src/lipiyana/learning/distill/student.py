"""The student: a small text detector that learns what its teacher finds.

Its network has only convolutions and ReLU, which are the fastest in INT8. Like a DB detector (Liao
et al., "Real-time Scene Text Detection with Differentiable Binarization", AAAI 2020) it outputs for
every pixel the probability that it is in the core of a text line. A feature pyramid (Lin et al.,
CVPR 2017) joins the features of four strides at stride 4; the last layer outputs 4x4 pixels at
once. It learns with batch norms first; then these are folded and INT8 is simulated.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from lipiyana.learning.distill.crops import Batch, CropMix, batches
from lipiyana.learning.distill.pool import PoolPicture
from lipiyana.learning.distill.text_cores import CORE, UNKNOWN
from lipiyana.learning.finetune.common.course import Measured
from lipiyana.learning.finetune.common.learners import LearnerRecipe, NormedLearner
from lipiyana.learning.trainer.fake_quantization import simulate_int8
from lipiyana.learning.trainer.run import Recipe, Run
from lipiyana.learning.trainer.run_options import set_up
from lipiyana.learning.trainer.schedule import learning_rate_factor
from lipiyana.ocr.detection.detector import network_input
from lipiyana.vehicles.training.network import Unit
from lipiyana.vehicles.training.norms import calibrate, folded, install

STRIDE = 32
OUTPUT_LAYER = "rows"
"""Name of the layer that outputs the logits; it stays float."""

WIDTHS = (16, 32, 64, 96, 128)
_DEPTHS = (1, 2, 3, 3)
_NECK, _CELL = 56, 4
_RARE = -2.0  # initial bias: text covers little of a picture
_HARD = 3.0
"""Number of hard negative pixels in the loss, for each pixel with text."""
_LEAST_HARD = 512

FROM_SCRATCH = Recipe(
    body_rate=2e-3,
    head_rate=2e-3,
    warm_up_steps=100,
    fade_steps=0,
    decay_share=0.6,
    ema_decay=0.995,
    clip_norm=5.0,
)

CONTINUED = replace(FROM_SCRATCH, body_rate=7e-4, head_rate=7e-4)


class Residual(nn.Module):
    """A convolution with a shortcut; the shape (N, C, H, W) stays."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.unit = Unit(channels, channels, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Add the output of the convolution to its input."""
        y: Tensor = x + self.unit(x)
        return y


class TextStudent(nn.Module):
    """From pictures, as `network_input` of the detector prepares them, to logits of text maps."""

    def __init__(self, widths: Sequence[int] = WIDTHS, neck: int = _NECK) -> None:
        """Make the layers; `widths` are the channels at strides 2, 4, 8, 16 and 32."""
        super().__init__()
        self.stem = Unit(3, widths[0], 3, 2)
        self.stages = nn.ModuleList(
            nn.Sequential(Unit(before, after, 3, 2), *(Residual(after) for _ in range(depth)))
            for (before, after), depth in zip(pairwise(widths), _DEPTHS, strict=True)
        )
        self.laterals = nn.ModuleList(Unit(width, neck) for width in widths[1:])
        self.mix = nn.Sequential(Unit(neck, neck, 3), Unit(neck, neck, 3))
        self.rows = nn.Conv2d(neck, _CELL * _CELL, 1)
        assert self.rows.bias is not None
        nn.init.constant_(self.rows.bias, _RARE)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, 3, H, W), sides multiples of 32, to logits (N, 1, H, W)."""
        x = self.stem(x)
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        own = [lateral(features) for lateral, features in zip(self.laterals, maps, strict=True)]
        joined: Tensor = own[-1]
        for features in own[-2::-1]:
            joined = features + _double(joined)
        logits: Tensor = functional.pixel_shuffle(self.rows(self.mix(joined)).float(), _CELL)
        return logits


class WithProbabilities(nn.Module):
    """The student as it is exported: it outputs probabilities.

    The student decides at a probability of 0.5, the serving code at `threshold`. The bias of the
    last layer is shifted to map one to the other; a separate Add node would be rounded in INT8.
    """

    def __init__(self, net: TextStudent, threshold: float) -> None:
        super().__init__()
        self.net = copy.deepcopy(net)
        assert self.net.rows.bias is not None
        with torch.no_grad():
            self.net.rows.bias += shift_of(threshold)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, 3, H, W) to (N, 1, H, W) in [0, 1]."""
        return torch.sigmoid(self.net(x))


def shift_of(threshold: float) -> float:
    """Shift of a logit that turns a probability of 0.5 into `threshold`."""
    return math.log(threshold / (1 - threshold))


def computed_in_int8(name: str, module: nn.Module) -> bool:
    """Tell whether the INT8 student rounds this layer."""
    return isinstance(module, nn.Conv2d) and name != OUTPUT_LAYER


def _double(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2.0, mode="nearest")


@dataclass(frozen=True, slots=True)
class StudentRecipe(LearnerRecipe):
    """Settings of training the student.

    Attributes:
        continued: replaces `training` if the student starts from trained weights.
        int8_share: share of the time, at the end, in which INT8 is simulated.
    """

    training: Recipe = FROM_SCRATCH
    continued: Recipe = CONTINUED
    int8_share: float = 0.25


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
            is_new=lambda _: True,
            trained_for=("classes", ["text"]),
        )

    @property
    def averaged(self) -> TextStudent:
        """The moving average with batch norms folded, as it is evaluated and shipped."""
        return folded(self.moving_average)

    def start_from(self, weights: Mapping[str, Tensor], pixels: Tensor) -> None:
        """Load weights without batch norms; calibrate the norms on pixels (N, 3, S, S)."""
        self.net.load_state_dict(weights, strict=False)
        calibrate(self.net, pixels)
        self.reset_average()

    def learn(self, batch: Batch, rate_factor: float) -> None:
        """Take one optimizer step."""
        self.net.train()
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
    ) -> None:
        """Start from random weights, or from the weights of a student."""
        set_up(recipe.threads, mix.seed)
        if start is not None:
            recipe = replace(recipe, training=recipe.continued)
        self._folder, self._mix, self._recipe = folder, mix, recipe
        self._validation = tuple(validation)
        self._batches: Iterator[Batch] | None = None
        super().__init__(self._new_trainer(norms=True))
        if start is not None:
            first = next(iter(batches(mix, 0)))
            self._trainer.start_from(start, first.pixels)

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
