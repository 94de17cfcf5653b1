"""The student's network: the backbone of PP-OCRv6 small's text detector with a small stem and neck.

Its pretrained features already know real text, so it learns in an hour what random weights learn
in days. Three changes make it fast in INT8:

- The stem has two convolutions of stride 2. The teacher's five, with a max-pooled shortcut at
  stride 2, take a quarter of its time.
- ReLU replaces GELU, because only ReLU fuses into an INT8 convolution.
- A feature pyramid (Lin et al., CVPR 2017) joins the four strides at stride 4, and the last layer
  outputs 4x4 pixels at once.

Like a DB detector (Liao et al., "Real-time Scene Text Detection with Differentiable Binarization",
AAAI 2020) it outputs for every pixel the probability that it is in the core of a text line.
"""

from __future__ import annotations

import copy
import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from lipiyana.learning.trainer.fading import FadingActivation
from lipiyana.ocr.training.network import Block, MixBlock
from lipiyana.vehicles.training.network import Unit

STRIDE = 32
OUTPUT_LAYER = "rows"
"""Name of the layer that outputs the logits; it stays float."""

NEW_LAYERS = ("laterals", "mix", OUTPUT_LAYER)
"""First parts of the names of the layers that the teacher does not have."""

STEM_CHANNELS, WIDTH = 24, 48
BLOCKS = (
    (Block(48, squeeze=True), Block(48)),
    (Block(96, stride=2), Block(96, squeeze=True), Block(96)),
    (
        Block(192, stride=2),
        Block(192, squeeze=True),
        Block(192),
        Block(192, squeeze=True),
        Block(192),
    ),
    (Block(384, stride=2), Block(384, squeeze=True), Block(384)),
)
"""The blocks of PP-OCRv6 small's detector at the strides 4, 8, 16 and 32."""

_NECK, _CELL = 48, 4
_RARE = -2.0  # initial bias: text covers little of a picture
_FLOAT_PARTS = ("stem", "squeeze", OUTPUT_LAYER)


class Stem(nn.Module):
    """(N, 3, H, W) to (N, 48, H / 4, W / 4)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, STEM_CHANNELS, 3, stride=2, padding=1)
        self.conv2 = nn.Conv2d(STEM_CHANNELS, STEM_CHANNELS, 3, stride=2, padding=1)
        self.conv3 = nn.Conv2d(STEM_CHANNELS, WIDTH, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Halve twice."""
        for layer in (self.conv1, self.conv2, self.conv3):
            x = functional.relu(layer(x))
        return x


class TextStudent(nn.Module):
    """From pictures, as `network_input` of the detector prepares them, to logits of text maps."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = Stem()
        self.stages = nn.ModuleList()
        channels, widths = WIDTH, []
        for blocks in BLOCKS:
            stage = []
            for block in blocks:
                stage.append(MixBlock(channels, block, "relu", both_ways=True))
                channels = block.channels
            self.stages.append(nn.Sequential(*stage))
            widths.append(channels)
        self.laterals = nn.ModuleList(Unit(width, _NECK) for width in widths)
        self.mix = nn.Sequential(Unit(_NECK, _NECK, 3), Unit(_NECK, _NECK, 3))
        self.rows = nn.Conv2d(_NECK, _CELL * _CELL, 1)
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

    def fade_gelu(self, share: float) -> None:
        """Set the share of GELU in each block's activation; the rest is ReLU."""
        for module in self.stages.modules():
            if isinstance(module, FadingActivation):
                module.share = share


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
    """Tell whether the INT8 student rounds this layer.

    Depthwise convolutions gain no time in INT8; the stem and the gates lose most by it.
    """
    return isinstance(module, nn.Conv2d) and module.groups == 1 and not lies_in_float_part(name)


def lies_in_float_part(name: str) -> bool:
    """Tell whether the layer of this dotted name is in a part that stays float."""
    return any(f".{part}." in f".{name}." for part in _FLOAT_PARTS)


def _double(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2.0, mode="nearest")
