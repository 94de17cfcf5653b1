"""The student's network: only convolutions and ReLU, which are the fastest in INT8.

Like a DB detector (Liao et al., "Real-time Scene Text Detection with Differentiable Binarization",
AAAI 2020) it outputs for every pixel the probability that it is in the core of a text line. A
feature pyramid (Lin et al., CVPR 2017) joins the features of four strides at stride 4; the last
layer outputs 4x4 pixels at once.
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
"""Name of the layer that outputs the logits; it stays float."""

WIDTHS = (16, 32, 64, 96, 128)
_DEPTHS = (1, 2, 3, 3)
_NECK, _CELL = 56, 4
_RARE = -2.0  # initial bias: text covers little of a picture


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
    """From pictures, prepared by `ocr.detection.network_input`, to logits of their text maps."""

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
