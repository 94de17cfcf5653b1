"""Activations that fade into ReLU while a network trains, because only ReLU fuses in INT8."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional


class FadingActivation(nn.Module):
    """A smooth activation at `share` 1, ReLU at 0, and their mean weighted by `share` between.

    A network trained with the one learns to live with the other while `share` falls.

    Args:
        smooth: the activation, such as `torch.nn.functional.gelu`.
        share: of it, in [0, 1].
    """

    def __init__(self, smooth: Callable[[Tensor], Tensor], share: float = 0.0) -> None:
        super().__init__()
        self.smooth = smooth
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        """Apply it pointwise; the shape stays."""
        if self.share == 0:
            return functional.relu(x)
        if self.share == 1:
            return self.smooth(x)
        return torch.lerp(functional.relu(x), self.smooth(x), self.share)
