"""A training run: its steps, its clock, and the checkpoint from which it resumes.

A run is a folder with the checkpoint `last.pt` and the measurements in `log.jsonl`. Starting it
again from its checkpoint makes it longer.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Generic, TypeVar, cast

import torch
from torch import Tensor, nn

from lipiyana.files import replacing
from lipiyana.learning.trainer.fake_quantization import ranges, set_ranges

Net = TypeVar("Net", bound=nn.Module)
_LONGEST_STEP_S = 180.0

Measure = Callable[[], Mapping[str, object]]
"""Scores the moving average; the result is logged."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Hyperparameters of a run.

    Attributes:
        body_rate, head_rate: peak learning rates of AdamW, for pretrained and for new layers.
        weight_decay: of AdamW.
        warm_up_steps, decay_share: see `schedule`.
        fade_steps: steps in which the pretrained activation fades into ReLU.
        ema_decay: decay of the moving average (EMA), per step.
        clip_norm: maximum norm of the gradients.
        evaluate_every_s, save_every_s: seconds between two evaluations, two checkpoints.
    """

    body_rate: float = 5e-4
    head_rate: float = 2e-3
    weight_decay: float = 0.01
    warm_up_steps: int = 200
    fade_steps: int = 1500
    decay_share: float = 0.25
    ema_decay: float = 0.998
    clip_norm: float = 2.0
    evaluate_every_s: float = 900.0
    save_every_s: float = 240.0


class Run(Generic[Net]):
    """A run: the network, its moving average, the optimizer and the step, saved together."""

    examples_name: ClassVar[str]
    """Unit of the training examples, for the log: for example `lines`."""

    def __init__(
        self,
        folder: Path,
        net: Net,
        recipe: Recipe,
        device: torch.device,
        *,
        is_new: Callable[[str], bool],
        trained_for: tuple[str, object],
    ) -> None:
        """Start a run from the current weights of the network.

        Args:
            folder: folder of the run.
            net: network to train.
            recipe: hyperparameters.
            device: device to train on.
            is_new: whether the parameter of this name belongs to a new layer.
            trained_for: name and value of what the output classes stand for, such as the charset; a
                checkpoint with another value is refused.
        """
        self.run, self.recipe, self.device = folder, recipe, device
        self.net = net.to(device)
        # torch's type hint of `Module.to` lacks the argument `memory_format`
        self.net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = torch.optim.swa_utils.AveragedModel(
            self.net,
            multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(recipe.ema_decay),
            use_buffers=True,
        )
        named = list(self.net.named_parameters())
        self.optimizer = torch.optim.AdamW(
            [
                {"params": [p for n, p in named if not is_new(n)], "peak": recipe.body_rate},
                {"params": [p for n, p in named if is_new(n)], "peak": recipe.head_rate},
            ],
            lr=recipe.body_rate,
            weight_decay=recipe.weight_decay,
            fused=True,
        )
        self._trained_for = trained_for
        self.ranges: dict[str, tuple[float, float]] = {}
        self.step = self.examples = 0
        self.trained_s = 0.0

    @property
    def moving_average(self) -> Net:
        """The moving average of the network, with the layers of `net`."""
        return cast("Net", self.average.module)

    @property
    def averaged(self) -> Net:
        """The moving average as it is evaluated and shipped; subclasses may transform it."""
        return self.moving_average

    @property
    def fading_share(self) -> float:
        """Weight of the pretrained activation against ReLU, from 1 down to 0."""
        fade = self.recipe.fade_steps
        return max(0.0, 1 - self.step / fade) if fade else 0.0

    def reset_average(self) -> None:
        """Copy the network's weights into the moving average."""
        self.moving_average.load_state_dict(self.net.state_dict())

    def save(self, name: str = "last.pt") -> None:
        """Write a checkpoint; readers never see a partial file."""
        trained_for, value = self._trained_for
        state = {
            "net": self.net.state_dict(),
            "average": self.averaged.state_dict(),
            "moving": self.moving_average.state_dict(),
            "averaged_steps": self.average.n_averaged,
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "trained_s": self.trained_s,
            self.examples_name: self.examples,
            trained_for: value,
            "ranges": ranges(self.net) or self.ranges,
        }
        with replacing(self.run / name) as partial:
            torch.save(state, partial)

    def resume(self) -> bool:
        """Load `last.pt`; return False if it does not exist.

        Raises:
            ValueError: the checkpoint was trained for other classes.
        """
        path = self.run / "last.pt"
        if not path.exists():
            return False
        state = torch.load(path, map_location=self.device, weights_only=True)
        trained_for, value = self._trained_for
        if state[trained_for] != value:
            raise ValueError(f"{path} was not trained with the same {trained_for}")
        self.net.load_state_dict(state["net"])
        self.moving_average.load_state_dict(state["moving"])
        self.average.n_averaged.copy_(state["averaged_steps"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.trained_s = state["step"], state["trained_s"]
        self.examples = state[self.examples_name]
        self.ranges = state.get("ranges", {})
        set_ranges(self.net, self.ranges)
        return True

    def autocast(self) -> torch.autocast:
        """Autocast to bfloat16 where the device supports it."""
        bf16 = self.device.type == "cuda" or torch.cpu._is_avx512_bf16_supported()
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=bf16)

    def optimize(self, loss: Tensor, examples: int, rate_factor: float) -> None:
        """Take one optimizer step on a loss over `examples` examples."""
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * rate_factor
        loss.backward()
        nn.utils.clip_grad_norm_(self.net.parameters(), self.recipe.clip_norm)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.average.update_parameters(self.net)
        self.step += 1
        self.examples += examples

    def shares(self, minutes: float, measure: Measure | None) -> Iterator[float]:
        """Yield the elapsed share of the time before each step; save and evaluate between steps.

        Args:
            minutes: training time, including the loading of examples.
            measure: evaluation, run at intervals and at the end.
        """
        begun = evaluated = saved = time.monotonic()
        before, elapsed = self.trained_s, 0.0
        while elapsed < minutes * 60:
            yield elapsed / (minutes * 60)
            now = time.monotonic()
            # time in which the process was suspended does not count
            elapsed += min(now - begun, _LONGEST_STEP_S)
            begun = now
            self.trained_s = before + elapsed
            if now - saved > self.recipe.save_every_s:
                self.save()
                saved = time.monotonic()
            if measure and now - evaluated > self.recipe.evaluate_every_s:
                self.log(measure())
                evaluated = time.monotonic()
        self.save()
        if measure:
            self.log({**measure(), "final": True})

    def log(self, measured: Mapping[str, object]) -> None:
        """Append a line to the log of the run."""
        name = self.examples_name
        at = {
            "step": self.step,
            name: self.examples,
            "s": round(self.trained_s),
            f"{name}_per_s": round(self.examples / self.trained_s, 2) if self.trained_s else 0.0,
        }
        with (self.run / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps({**at, **measured}, ensure_ascii=False) + "\n")
