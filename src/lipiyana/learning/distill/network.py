"""The student: plain convolutions and ReLU alone, which INT8 computes fastest.

It gives what a DB detector gives (Liao et al., "Real-time Scene Text Detection with Differentiable
Binarization", AAAI 2020): for every pixel how surely it is the core of a line. Features of four
strides meet at stride 4, as in a feature pyramid (Lin et al., CVPR 2017); the last layer gives
sixteen pixels at once.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from lipiyana.vehicles.training.network import Unit

STRIDE = 32
OUTPUT_LAYER = "rows"
"""Name of the layer that gives the logits: it stays float."""

WIDTHS = (16, 32, 64, 96, 128)
_DEPTHS = (1, 2, 3, 3)
_NECK, _CELL = 56, 4
_RARE = -2.0  # text covers little of a picture


class Residual(nn.Module):
    """A convolution with a shortcut around it, (N, C, H, W) to the same."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.unit = Unit(channels, channels, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Add what the convolution finds."""
        y: Tensor = x + self.unit(x)
        return y


class TextStudent(nn.Module):
    """Pictures as `ocr.detection.network_input` makes them to the logits of their maps."""

    def __init__(self, widths: Sequence[int] = WIDTHS, neck: int = _NECK) -> None:
        """Make the layers; `widths` are channels at the strides 2, 4, 8, 16 and 32."""
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
        """(N, 3, H, W), sides multiples of 32, to logits (N, 1, H, W)."""
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
    """The student as it is served: probabilities in the place of logits.

    It learned to decide, and is in two minds at a half; what serves takes a pixel from
    `threshold` on. The last layer's bias is moved so that the one becomes the other: an addition
    of its own would be rounded.
    """

    def __init__(self, net: TextStudent, threshold: float) -> None:
        super().__init__()
        self.net = copy.deepcopy(net)
        assert self.net.rows.bias is not None
        with torch.no_grad():
            self.net.rows.bias += shift_of(threshold)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) to (N, 1, H, W) in [0, 1]."""
        return torch.sigmoid(self.net(x))


def shift_of(threshold: float) -> float:
    """What is added to a logit, that the probability of a half becomes `threshold`."""
    return math.log(threshold / (1 - threshold))


def computed_in_int8(name: str, module: nn.Module) -> bool:
    """Whether the INT8 student rounds this layer."""
    return isinstance(module, nn.Conv2d) and name != OUTPUT_LAYER


def _double(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2.0, mode="nearest")
