"""The student as a learner: it is taught the teacher's maps, with batch norms first, and then,
these folded, with INT8 simulated.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from lipiyana.distilling.crops import Batch, CropMix, batches
from lipiyana.distilling.network import TextStudent, computed_in_int8
from lipiyana.distilling.pool import Seen
from lipiyana.finetuning.course import Measured
from lipiyana.finetuning.saving import BEST, full_disk_told, save_weights
from lipiyana.ocr.detection import SCENE_DETECTION, network_input
from lipiyana.ocr.training.fake_quantization import simulate_int8
from lipiyana.ocr.training.schedule import learning_rate_factor
from lipiyana.vehicles.training.norms import folded, install

_LAST = "last.pt"
_NORMS = ".norm."
_HARD = 3.0
"""Pixels without text that count, the worst ones, by pixels with text."""
_LEAST_HARD = 512


@dataclass(frozen=True, slots=True)
class StudentRecipe:
    """How the student learns; rates are of AdamW.

    Attributes:
        rate: highest learning rate.
        warm_up_steps: in which it rises.
        decay_share: of the time, how much at its end it falls in.
        ema_decay: of the average that is measured and shipped.
        int8_share: of the time, how much at its end INT8 is simulated in.
        workers: processes that draw crops.
        threads: of the network.
    """

    rate: float = 2e-3
    warm_up_steps: int = 100
    decay_share: float = 0.6
    ema_decay: float = 0.995
    int8_share: float = 0.25
    workers: int = 1
    threads: int = 1


class DistillLearner:
    """A `course.Learner` for a text detector."""

    def __init__(
        self, folder: Path, mix: CropMix, validation: Sequence[Seen], recipe: StudentRecipe
    ) -> None:
        """Begin from nothing; `restore` goes on."""
        torch.set_num_threads(recipe.threads)
        # denormals are a hundred times slower on CPUs, and mean nothing here
        torch.set_flush_denormal(True)
        torch.manual_seed(mix.seed)
        self._folder, self._mix, self._recipe = folder, mix, recipe
        self._validation = tuple(validation)
        self._batches: Iterator[Batch] | None = None
        net = TextStudent()
        install(net)
        self._take(net)
        self._step = 0

    @property
    def step(self) -> int:
        """See `course.Learner.step`."""
        return self._step

    def learn(self, share: float) -> None:
        """Take one step on one batch."""
        if self._batches is None:
            # other crops than before, where a course goes on
            mix = replace(self._mix, seed=self._mix.seed + self._step)
            self._batches = batches(mix, self._recipe.workers)
        if self._has_norms and share >= 1 - self._recipe.int8_share:
            self._take(folded(self._moving))
            simulate_int8(self._net, computed_in_int8)
        factor = learning_rate_factor(self._step, share, self._recipe)
        for group in self._optimizer.param_groups:
            group["lr"] = self._recipe.rate * factor
        batch = next(self._batches)
        self._net.train()
        bf16 = torch.cpu._is_avx512_bf16_supported()
        pixels = batch.pixels.to(memory_format=torch.channels_last)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
            logits = self._net(pixels)
        map_loss(logits.float(), batch.maps).backward()
        nn.utils.clip_grad_norm_(self._net.parameters(), 5.0)
        self._optimizer.step()
        self._optimizer.zero_grad()
        self._average.update_parameters(self._net)
        self._step += 1

    def measure(self) -> Measured:
        """Compare the pixels that both find on the validation pictures.

        The error is one minus their overlap, twice what both find by all that either finds (Dice,
        1945); the loss is the mean difference of the maps.
        """
        net = folded(self._moving).eval()
        both = either = 0.0
        difference = 0.0
        threshold = SCENE_DETECTION.pixel_threshold
        for seen in self._validation:
            pixels, wanted = seen.load()
            with torch.inference_mode():
                found = net(torch.from_numpy(network_input(pixels))).sigmoid().numpy()[0, 0]
            text, truth = found > threshold, wanted > 255 * threshold
            both += float((text & truth).sum())
            either += float(text.sum() + truth.sum())
            difference += float(np.abs(found - wanted / np.float32(255)).mean())
        overlap = 2 * both / either if either else 1.0
        return Measured(1 - overlap, difference / max(1, len(self._validation)))

    def save(self) -> None:
        """See `course.Learner.save`."""
        state = {
            "net": self._net.state_dict(),
            "moving": self._moving.state_dict(),
            "averaged_steps": self._average.n_averaged,
            "optimizer": self._optimizer.state_dict(),
            "step": self._step,
        }
        partial = self._folder / f"{_LAST}.part"
        with full_disk_told(self._folder):
            torch.save(state, partial)
            partial.replace(self._folder / _LAST)

    def keep_best(self) -> None:
        """See `course.Learner.keep_best`."""
        save_weights(self._folder / BEST, folded(self._moving).state_dict())

    def restore(self) -> bool:
        """See `course.Learner.restore`."""
        path = self._folder / _LAST
        if not path.exists():
            return False
        state = torch.load(path, map_location="cpu", weights_only=True)
        net = TextStudent()
        has_norms = any(_NORMS in name for name in state["net"])
        if has_norms:
            install(net)
        net.load_state_dict(state["net"])
        self._take(net)
        self._moving.load_state_dict(state["moving"])
        self._average.n_averaged.copy_(state["averaged_steps"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._step = state["step"]
        if not has_norms:
            simulate_int8(self._net, computed_in_int8)
        return True

    @property
    def _moving(self) -> TextStudent:
        net = self._average.module
        assert isinstance(net, TextStudent)
        return net

    @property
    def _has_norms(self) -> bool:
        return any(_NORMS in name for name in self._net.state_dict())

    def _take(self, net: TextStudent) -> None:
        """Learn with this network from now on."""
        self._net = net
        self._net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._average = torch.optim.swa_utils.AveragedModel(
            net,
            multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(self._recipe.ema_decay),
            use_buffers=True,
        )
        self._optimizer = torch.optim.AdamW(
            net.parameters(), self._recipe.rate, weight_decay=0.01, fused=True
        )


def map_loss(logits: Tensor, maps: Tensor) -> Tensor:
    """Cross entropy on text and on the hardest of the rest, and Dice's loss, as DB detectors learn.

    Args:
        logits: (N, 1, H, W).
        maps: the same shape, from 0 to 1.
    """
    errors = functional.binary_cross_entropy_with_logits(logits, maps, reduction="none")
    text = maps > 0.5
    count = int(text.sum())
    rest = errors[~text]
    hard = rest.topk(min(len(rest), max(_LEAST_HARD, int(_HARD * count)))).values
    entropy = (errors[text].sum() + hard.sum()) / max(1, count + len(hard))
    found = logits.sigmoid()
    dice = 1 - (2 * (found * maps).sum() + 1) / (found.sum() + maps.sum() + 1)
    return entropy + dice
