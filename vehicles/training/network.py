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
  depthwise ones, and additional blocks (`widened` initializes them without changing the output).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from onnx import numpy_helper
from torch import Tensor, nn
from torch.nn import functional

from lipiyana.learning.quantize.static import load_model, metadata
from lipiyana.learning.trainer.fading import FadingActivation
from lipiyana.runtime.packed import model_suffix

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
_NEW_CLASS_BIAS = -4.6  # a score of 0.01: new classes start as rare


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


def widened(net: DetectorNet, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Adapt weights of the network before it was widened to `net`; the output stays the same.

    A depthwise convolution becomes the diagonal of a dense one; additional blocks are initialized
    to add nothing. Weights that already fit are not changed.

    Args:
        net: the widened network.
        weights: a state dict without batch norms.
    """
    wide = dict(weights)
    for name, own in net.state_dict().items():
        if name in weights:
            wide[name] = _on_the_diagonal(weights[name], own)
        elif ".added." in name and ".norm." not in name:
            wide[name] = torch.randn_like(own) * NOTHING if ".second." in name else own.clone()
    return wide


def _on_the_diagonal(weight: Tensor, own: Tensor) -> Tensor:
    """Convert a depthwise convolution to a dense one, if `own` is dense."""
    if weight.shape == own.shape or weight.shape != (len(own), 1, *own.shape[2:]):
        return weight
    dense = torch.zeros_like(own, device=weight.device)
    channels = torch.arange(len(own))
    dense[channels, channels] = weight[:, 0].to(dense)
    return dense


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


def is_coco(path: Path) -> bool:
    """Tell whether a file is YOLOX-nano's ONNX file, and not one of this project."""
    return model_suffix(path) == ".onnx" and "classes" not in metadata(path)


def load_coco(net: DetectorNet, path: Path, mixes: Sequence[Sequence[int]]) -> None:
    """Copy the weights of YOLOX-nano into `net`.

    Args:
        net: the network.
        path: YOLOX-nano's ONNX file, with batch norms folded.
        mixes: for each class of `net`, the COCO classes whose mean initializes its row; without
            any, it starts from zeros and a score of 0.01.

    Raises:
        ValueError: the file is not that network, or `mixes` does not have one item a class.
    """
    if len(mixes) != net.classes:
        raise ValueError(f"{len(mixes)} mixes for {net.classes} classes")
    layers = list(_layers_in_graph_order(net))
    weights = list(_weights_in_graph_order(path))
    if len(layers) != len(weights):
        raise ValueError(f"{path} has {len(weights)} convolutions, YOLOX-nano has {len(layers)}")
    with torch.no_grad():
        for (name, layer), (loaded, loaded_bias) in zip(layers, weights, strict=True):
            weight, bias = loaded, loaded_bias
            if name.endswith("stem.conv") and layer.kernel_size == (6, 6):
                weight = _unfocused(weight)
            elif name.endswith("class_rows"):
                weight, bias = _mixed(weight, bias, mixes)
            elif name.endswith("presence_rows"):
                known = [[0] if mix else [] for mix in mixes]
                weight, bias = _mixed(weight, bias, known)
            fitted = _on_the_diagonal(torch.from_numpy(weight.copy()), layer.weight)
            if layer.weight.shape != fitted.shape:
                raise ValueError(f"{path} is not YOLOX-nano: {name} is of shape {weight.shape}")
            layer.weight.copy_(fitted)
            assert layer.bias is not None
            layer.bias.copy_(torch.from_numpy(bias.copy()))


_Floats = npt.NDArray[np.float32]


def _layers_in_graph_order(net: DetectorNet) -> Iterator[tuple[str, nn.Conv2d]]:
    # the modules are defined in graph order
    for name, module in net.named_modules():
        if isinstance(module, nn.Conv2d) and ".added." not in name:
            yield name, module


def _weights_in_graph_order(path: Path) -> Iterator[tuple[_Floats, _Floats]]:
    graph = load_model(path).graph
    values: Mapping[str, _Floats] = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    for node in graph.node:
        if node.op_type == "Conv":
            yield values[node.input[1]], values[node.input[2]]


def _unfocused(weight: _Floats) -> _Floats:
    """Convert a 3x3 kernel over the four pixels of 2x2 blocks to a 6x6 kernel of stride 2."""
    out = np.zeros((weight.shape[0], 3, 6, 6), np.float32)
    # the focus layer stacks top left, bottom left, top right, bottom right
    for block, (row, column) in enumerate(((0, 0), (1, 0), (0, 1), (1, 1))):
        out[:, :, row::2, column::2] = weight[:, 3 * block : 3 * block + 3]
    return out


def _mixed(
    weight: _Floats, bias: _Floats, mixes: Sequence[Sequence[int]]
) -> tuple[_Floats, _Floats]:
    rows = [weight[list(mix)].mean(0) if mix else np.zeros_like(weight[0]) for mix in mixes]
    biases = [bias[list(mix)].mean() if mix else _NEW_CLASS_BIAS / 2 for mix in mixes]
    return np.stack(rows), np.array(biases, np.float32)
