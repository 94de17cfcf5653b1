"""The detector's network: YOLOX-nano in PyTorch, with independent class scores.

It follows YOLOX-nano (Ge et al., "YOLOX: Exceeding YOLO Series in 2021", arXiv 2107.08430;
Apache-2.0): depthwise CSPDarknet, PAFPN, decoupled anchor-free head. Changes:

- ReLU replaces SiLU, because only ReLU fuses into an INT8 convolution.
- The focus stem is the equivalent 6x6 convolution of stride 2, and the max pools of 5, 9 and 13
  pixels are the equivalent three pools of 5 in a row.
- There is no objectness. It means "any vehicle", so pictures with only some classes labelled
  cannot train it. A class's logit is the sum of a row of the class branch and a row of the box
  branch, which are initialized with COCO's class and objectness rows.
- Batch norms are folded; `norms` installs new ones for training.
- The layers after the finest maps have more capacity: dense convolutions instead of YOLOX-nano's
  depthwise ones, and additional blocks, which `starting_weights.widened` initializes so that the
  output stays the same.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from lipiyana.learning.trainer.fading import FadingActivation

STRIDES = (8, 16, 32)

OUTPUT_LAYERS = ("box", "class_rows", "presence_rows")
"""Names of the layers of a head that output boxes and scores."""

FIRST_LAYERS = ("stem", "stage2", "stage3.0")
"""Names of the first parts of the backbone, which stay float: the range of their outputs is too
wide for 256 levels. INT8 here would cost 8 points of mean AP50, 7 of them in the stem and the next
layer, and would save no time.
"""

NOTHING = 1e-7
"""Standard deviation of weights that add nothing; the exporter would merge tensors of zeros."""

_HEAD = 64
_FINE_CHANNELS = 64


class Unit(nn.Module):
    """A convolution with activation, (N, C, H, W) to (N, out, H / stride, W / stride)."""

    def __init__(
        self,
        channels: int,
        out: int,
        kernel: int = 1,
        stride: int = 1,
        groups: int = 1,
        *,
        linear: bool = False,
    ) -> None:
        super().__init__()
        padding = (kernel - 1) // 2
        self.conv = nn.Conv2d(channels, out, kernel, stride, padding, groups=groups)
        self.norm: nn.BatchNorm2d | None = None
        self.activation = FadingActivation(functional.silu)
        self.linear = linear

    def forward(self, x: Tensor) -> Tensor:
        """Convolve, normalize if there is a batch norm, and activate unless linear."""
        x = self.conv(x)
        if self.norm is not None:
            x = self.norm(x)
        y: Tensor = x if self.linear else self.activation(x)
        return y


def _separable(channels: int, out: int, stride: int = 1, *, dense: bool = False) -> nn.Sequential:
    groups = 1 if dense else channels
    return nn.Sequential(Unit(channels, channels, 3, stride, groups=groups), Unit(channels, out))


class Bottleneck(nn.Module):
    """A pointwise and a separable convolution, optionally with a shortcut around both."""

    def __init__(self, channels: int, *, shortcut: bool, dense: bool = False) -> None:
        super().__init__()
        self.shortcut = shortcut
        self.reduce = Unit(channels, channels)
        self.mix = _separable(channels, channels, dense=dense)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to the same shape."""
        y: Tensor = self.mix(self.reduce(x))
        return x + y if self.shortcut else y


class Residual(nn.Module):
    """A residual block of two 3x3 convolutions, initialized to add nothing to its input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = Unit(channels, channels, 3)
        self.second = Unit(channels, channels, 3, linear=True)
        for value in self.second.conv.parameters():
            nn.init.normal_(value, std=NOTHING)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to the same shape."""
        y: Tensor = x + self.second(self.first(x))
        # SiLU has negative outputs, so clip only after it has faded into ReLU
        return functional.relu(y) if self.first.activation.share == 0 else y


class CrossStage(nn.Module):
    """Half of the channels pass through bottlenecks, half bypass them (CSP)."""

    def __init__(
        self,
        channels: int,
        out: int,
        depth: int,
        *,
        shortcut: bool,
        dense: bool = False,
        added: int = 0,
    ) -> None:
        super().__init__()
        self.deep = Unit(channels, out // 2)
        self.around = Unit(channels, out // 2)
        self.blocks = nn.Sequential(
            *(Bottleneck(out // 2, shortcut=shortcut, dense=dense) for _ in range(depth))
        )
        self.added = nn.Sequential(*(Residual(out // 2) for _ in range(added)))
        self.join = Unit(out, out)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, channels, H, W) to (N, out, H, W)."""
        y: Tensor = self.join(torch.cat([self.added(self.blocks(self.deep(x))), self.around(x)], 1))
        return y


class PyramidPool(nn.Module):
    """Concatenates the input with its max pools over 5, 9 and 13 pixels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.reduce = Unit(channels, channels // 2)
        self.join = Unit(channels * 2, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to the same shape."""
        views = [self.reduce(x)]
        for _ in range(3):
            views.append(functional.max_pool2d(views[-1], 5, 1, 2))
        y: Tensor = self.join(torch.cat(views, 1))
        return y


class Backbone(nn.Module):
    """CSPDarknet: (N, 3, S, S) to maps of stride 8, 16, 32 with 64, 128, 256 channels."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = Unit(3, 16, kernel=6, stride=2)
        self.stage2 = nn.Sequential(_separable(16, 32, 2), CrossStage(32, 32, 1, shortcut=True))
        self.stage3 = nn.Sequential(_separable(32, 64, 2), CrossStage(64, 64, 3, shortcut=True))
        self.stage4 = nn.Sequential(
            _separable(64, 128, 2), CrossStage(128, 128, 3, shortcut=True, dense=True, added=1)
        )
        self.stage5 = nn.Sequential(
            _separable(128, 256, 2),
            PyramidPool(256),
            CrossStage(256, 256, 1, shortcut=False, dense=True, added=2),
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the maps, the finest first."""
        fine = self.stage3(self.stage2(self.stem(x)))
        middle = self.stage4(fine)
        return fine, middle, self.stage5(middle)


class Pyramid(nn.Module):
    """PAFPN: passes context down to the fine map, and detail up again."""

    def __init__(self) -> None:
        super().__init__()
        self.lateral5 = Unit(256, 128)
        self.down4 = CrossStage(256, 128, 1, shortcut=False, dense=True, added=1)
        self.lateral4 = Unit(128, 64)
        self.down3 = CrossStage(128, 64, 1, shortcut=False, dense=True)
        self.shrink3 = _separable(64, 64, 2)
        self.up4 = CrossStage(128, 128, 1, shortcut=False, dense=True, added=1)
        self.shrink4 = _separable(128, 128, 2)
        self.up5 = CrossStage(256, 256, 1, shortcut=False, dense=True, added=1)

    def forward(self, fine: Tensor, middle: Tensor, coarse: Tensor) -> tuple[Tensor, ...]:
        """Return maps with the sizes and channels of the inputs."""
        context5 = self.lateral5(coarse)
        context4 = self.lateral4(self.down4(torch.cat([_double(context5), middle], 1)))
        out3 = self.down3(torch.cat([_double(context4), fine], 1))
        out4 = self.up4(torch.cat([self.shrink3(out3), context4], 1))
        return out3, out4, self.up5(torch.cat([self.shrink4(out4), context5], 1))


def _double(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2.0, mode="nearest")


class LevelHead(nn.Module):
    """Class and box branches of one map."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.stem = Unit(channels, _HEAD)
        # at the finest map, which takes most of the time, all but one stay depthwise
        coarse = channels > _FINE_CHANNELS
        self.class_branch = nn.Sequential(
            _separable(_HEAD, _HEAD, dense=True), _separable(_HEAD, _HEAD, dense=coarse)
        )
        self.class_rows = nn.Conv2d(_HEAD, classes, 1)
        self.box_branch = nn.Sequential(
            _separable(_HEAD, _HEAD, dense=coarse), _separable(_HEAD, _HEAD, dense=coarse)
        )
        self.box = nn.Conv2d(_HEAD, 4, 1)
        self.presence_rows = nn.Conv2d(_HEAD, classes, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return (N, 4, H, W) box values and (N, classes, H, W) logits."""
        x = self.stem(x)
        of_box = self.box_branch(x)
        logits = self.class_rows(self.class_branch(x)) + self.presence_rows(of_box)
        return self.box(of_box), logits


class DetectorNet(nn.Module):
    """From pictures, BGR from 0 to 255, to a box and class logits for every anchor."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes
        self.backbone = Backbone()
        self.pyramid = Pyramid()
        self.heads = nn.ModuleList(LevelHead(c, classes) for c in (64, 128, 256))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map (N, 3, H, W), sides multiples of 32, to boxes (N, A, 4) and logits (N, A, classes).

        Boxes are x_min, y_min, x_max, y_max in pixels of the input. Anchors are in the order of
        `anchor_points`.
        """
        boxes, logits = [], []
        maps = self.pyramid(*self.backbone(x))
        for stride, head, features in zip(STRIDES, self.heads, maps, strict=True):
            values, level_logits = head(features)
            boxes.append(_decode(values.float(), stride))
            logits.append(level_logits.float().flatten(2).transpose(1, 2))
        return torch.cat(boxes, 1), torch.cat(logits, 1)

    def fade_silu(self, share: float) -> None:
        """Set the share of SiLU in each activation; the rest is ReLU."""
        for module in self.modules():
            if isinstance(module, FadingActivation):
                module.share = share


def _decode(values: Tensor, stride: int) -> Tensor:
    rows, columns = values.shape[2:]
    y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    corners = torch.stack([x, y]).to(values)
    centres = (values[:, :2] + corners) * stride
    # sides over e^8 strides exceed any input: clamp diverging values, which would overflow
    halves = values[:, 2:].clamp(max=8).exp() * (stride / 2)
    return torch.cat([centres - halves, centres + halves], 1).flatten(2).transpose(1, 2)


def anchor_points(width: int, height: int | None = None) -> tuple[Tensor, Tensor]:
    """Centres (A, 2) x, y of the anchors' cells in pixels, and their strides (A,).

    Args:
        width: width of the input.
        height: height of the input; None for a square.
    """
    points, strides = [], []
    for stride in STRIDES:
        across = (torch.arange(width // stride) + 0.5) * stride
        down = (torch.arange((height or width) // stride) + 0.5) * stride
        y, x = torch.meshgrid(down, across, indexing="ij")
        points.append(torch.stack([x, y], -1).reshape(-1, 2))
        strides.append(torch.full((points[-1].shape[0],), float(stride)))
    return torch.cat(points), torch.cat(strides)
