"""Activations that fade into ReLU during training, because only ReLU fuses with INT8 layers."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional


class FadingActivation(nn.Module):
    """A smooth activation at `share` 1, ReLU at `share` 0, and their weighted mean between.

    A network that was trained with the smooth activation adapts to ReLU while `share` falls.

    Args:
        smooth: the smooth activation, for example `torch.nn.functional.gelu`.
        share: its weight, in [0, 1].
    """

    def __init__(self, smooth: Callable[[Tensor], Tensor], share: float = 0.0) -> None:
        super().__init__()
        self.smooth = smooth
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        """Apply the activation to each element."""
        if self.share == 0:
            return functional.relu(x)
        if self.share == 1:
            return self.smooth(x)
        return torch.lerp(functional.relu(x), self.smooth(x), self.share)
