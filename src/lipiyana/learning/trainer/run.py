"""A run of training: its steps, its clock, and what it goes on from after any stop.

A run is a folder: `last.pt` is what it goes on from, `log.jsonl` what was measured. A run can be
lengthened by starting from its checkpoint again.
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

Net = TypeVar("Net", bound=nn.Module)
_LONGEST_STEP_S = 180.0

Measure = Callable[[], Mapping[str, object]]
"""Scores the moving average; what it returns is logged."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a run learns.

    Attributes:
        body_rate, head_rate: the greatest learning rates of AdamW, of what the network began with
            and of its new layers.
        weight_decay: of AdamW.
        warm_up_steps, decay_share: see `schedule`.
        fade_steps: in which the activation that the weights know gives way to ReLU.
        ema_decay: of the moving average, a step.
        clip_norm: the greatest norm of the gradients.
        evaluate_every_s, save_every_s: seconds between two.
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
    """One run: network, its moving average, optimizer and step, saved together."""

    examples_name: ClassVar[str]
    """What the network learns from, in the log."""

    def __init__(
        self,
        folder: Path,
        net: Net,
        recipe: Recipe,
        device: torch.device,
        *,
        is_new: Callable[[str], bool],
        made_for: tuple[str, object],
    ) -> None:
        """Begin, with the weights that the network has.

        Args:
            folder: of the run.
            net: to be trained.
            recipe: how.
            device: where.
            is_new: whether a parameter, by its name, is of a new layer.
            made_for: what the network's classes stand for: a noun, and a value that is another
                where they stand for others.
        """
        self.run, self.recipe, self.device = folder, recipe, device
        self.net = net.to(device)
        # torch types the module's `to` without the memory format that it takes
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
        self._made_for = made_for
        self.step = self.examples = 0
        self.trained_s = 0.0

    @property
    def moving(self) -> Net:
        """The moving average of the network, layer for layer."""
        return cast("Net", self.average.module)

    @property
    def averaged(self) -> Net:
        """The moving average as it is measured and shipped."""
        return self.moving

    @property
    def fading_share(self) -> float:
        """How much of each activation is still the one that the weights began with."""
        fade = self.recipe.fade_steps
        return max(0.0, 1 - self.step / fade) if fade else 0.0

    def begin_average(self) -> None:
        """Set the moving average to the network."""
        self.moving.load_state_dict(self.net.state_dict())

    def save(self, name: str = "last.pt") -> None:
        """Write everything the run goes on from; a reader never sees a half-written file."""
        made_for, value = self._made_for
        state = {
            "net": self.net.state_dict(),
            "average": self.averaged.state_dict(),
            "moving": self.moving.state_dict(),
            "averaged_steps": self.average.n_averaged,
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "trained_s": self.trained_s,
            self.examples_name: self.examples,
            made_for: value,
        }
        with replacing(self.run / name) as partial:
            torch.save(state, partial)

    def resume(self) -> bool:
        """Go on from `last.pt`, if there is one.

        Raises:
            ValueError: the checkpoint's classes stand for something else.
        """
        path = self.run / "last.pt"
        if not path.exists():
            return False
        state = torch.load(path, map_location=self.device, weights_only=True)
        made_for, value = self._made_for
        if state[made_for] != value:
            raise ValueError(f"{path} was not trained with the same {made_for}")
        self.net.load_state_dict(state["net"])
        self.moving.load_state_dict(state["moving"])
        self.average.n_averaged.copy_(state["averaged_steps"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.trained_s = state["step"], state["trained_s"]
        self.examples = state[self.examples_name]
        return True

    def autocast(self) -> torch.autocast:
        """Compute in bfloat16 where the machine has it."""
        bf16 = self.device.type == "cuda" or torch.cpu._is_avx512_bf16_supported()
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=bf16)

    def descend(self, loss: Tensor, examples: int, rate_factor: float) -> None:
        """Take one step down a loss of so many examples."""
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
        """Yield how much of the time has passed, once a step; save and measure between steps.

        Args:
            minutes: of computing, the making of examples included.
            measure: now and then, and at the end.
        """
        begun = evaluated = saved = time.monotonic()
        before, elapsed = self.trained_s, 0.0
        while elapsed < minutes * 60:
            yield elapsed / (minutes * 60)
            now = time.monotonic()
            # a process that was stopped for a while did not compute
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
        """Add a line to the log of the run."""
        name = self.examples_name
        at = {
            "step": self.step,
            name: self.examples,
            "s": round(self.trained_s),
            f"{name}_per_s": round(self.examples / self.trained_s, 2) if self.trained_s else 0.0,
        }
        with (self.run / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps({**at, **measured}, ensure_ascii=False) + "\n")
