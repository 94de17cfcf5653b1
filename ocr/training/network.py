"""The line reader's network: the architecture of PP-OCRv6 small in PyTorch, with one CTC head.

It follows the ONNX graph of PP-OCRv6 small's recognizer (Apache-2.0; see NOTICE): a stem of plain
convolutions, three stages of depthwise-and-pointwise blocks, some with squeeze-excitation, and a
neck of two narrow transformer layers. Changes: batch norms are folded into their convolutions;
time is pooled by 1 instead of 2 (one step every 4 pixels, because an Indic syllable takes several
labels in little width); and `activation` may replace GELU and SiLU, because only ReLU fuses into
an INT8 convolution.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from lipiyana.learning.trainer.fading import FadingActivation

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

Activation = Literal["gelu", "relu"]


@dataclass(frozen=True, slots=True)
class Block:
    """One depthwise-and-pointwise block: output channels, vertical stride, squeeze-excitation."""

    channels: int
    stride: int = 1
    squeeze: bool = False


@dataclass(frozen=True, slots=True)
class ReaderShape:
    """Sizes of the network. The defaults are PP-OCRv6 small's, as its weights need."""

    classes: int
    stem: int = 48
    width: int = 96
    blocks: tuple[Block, ...] = (
        Block(96, squeeze=True),
        Block(96),
        Block(96),
        Block(192, stride=2),
        Block(192, squeeze=True),
        Block(192),
        Block(192, squeeze=True),
        Block(192),
        Block(192, squeeze=True),
        Block(192),
        Block(384, stride=2),
        Block(384, squeeze=True),
        Block(384),
    )
    neck: int = 120
    neck_layers: int = 2
    heads: int = 8
    activation: Activation = "relu"

    @classmethod
    def of_weights(cls, weights: Mapping[str, Tensor], heads: int = 8) -> ReaderShape:
        """Infer the sizes from weights, except `heads`, which the weights do not determine.

        Raises:
            ValueError: they are not the weights of a reader.
        """
        try:
            channels = width = len(weights["stem.conv4.weight"])
            blocks: list[Block] = []
            while (name := f"blocks.{len(blocks)}") + ".project.weight" in weights:
                out = len(weights[f"{name}.project.weight"])
                # blocks with a stride also widen
                stride, squeeze = 1 + (out != channels), f"{name}.squeeze.reduce.weight" in weights
                blocks.append(Block(out, stride, squeeze))
                channels = out
            classes, neck = weights["head.weight"].shape
            layers = {name.split(".")[2] for name in weights if name.startswith("neck.layers.")}
            stem = len(weights["stem.conv1.weight"])
        except KeyError as missing:
            raise ValueError(f"not the weights of a line reader: {missing} is missing") from None
        return cls(classes, stem, width, tuple(blocks), neck, len(layers), heads)


class Stem(nn.Module):
    """(N, 3, 48, W) to (N, width, 12, W / 4)."""

    def __init__(self, stem: int, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, stem, 3, stride=2, padding=1)
        self.conv2a = nn.Conv2d(stem, stem // 2, 2)
        self.conv2b = nn.Conv2d(stem // 2, stem, 2)
        self.conv3 = nn.Conv2d(stem * 2, stem, 3, stride=2, padding=1)
        self.conv4 = nn.Conv2d(stem, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Halve twice; a max-pooled shortcut runs parallel to two 2x2 convolutions."""
        x = functional.relu(self.conv1(x))
        # the 2x2 windows extend right and down; all values are >= 0, so zero padding suits both
        padded = functional.pad(x, (0, 1, 0, 1))
        deep = functional.relu(self.conv2a(padded))
        deep = functional.relu(self.conv2b(functional.pad(deep, (0, 1, 0, 1))))
        x = torch.cat([functional.max_pool2d(padded, 2, stride=1), deep], dim=1)
        x = functional.relu(self.conv3(x))
        return functional.relu(self.conv4(x))

    def in_graph_order(self) -> tuple[nn.Conv2d, ...]:
        """List its layers as the ONNX graph has them."""
        return self.conv1, self.conv2a, self.conv2b, self.conv3, self.conv4


class SqueezeExcite(nn.Module):
    """Channel gates computed from the mean over the whole map."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(channels, channels // 4, 1)
        self.expand = nn.Conv2d(channels // 4, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Scale each channel of (N, C, H, W) by a gate in [0, 1]."""
        gate = x.mean((2, 3), keepdim=True)
        gate = self.expand(functional.relu(self.reduce(gate)))
        return x * functional.hardsigmoid(gate)


class MixBlock(nn.Module):
    """A depthwise 3x3 for spatial mixing, then a residual two-layer pointwise net for channels."""

    def __init__(
        self, channels_in: int, block: Block, activation: Activation, *, both_ways: bool = False
    ) -> None:
        super().__init__()
        # blocks with a stride also widen, so they have no shortcut
        self.residual = block.stride == 1
        stride = (block.stride, block.stride if both_ways else 1)
        self.depthwise = nn.Conv2d(
            channels_in, channels_in, 3, stride=stride, padding=1, groups=channels_in
        )
        self.squeeze = SqueezeExcite(channels_in) if block.squeeze else nn.Identity()
        hidden = channels_in * 2
        self.expand = nn.Conv2d(channels_in, hidden, 1)
        self.activation = FadingActivation(functional.gelu, 1.0 if activation == "gelu" else 0.0)
        self.project = nn.Conv2d(hidden, block.channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, block.channels, H / stride, W), or W / stride if `both_ways`."""
        x = self.squeeze(self.depthwise(x))
        y: Tensor = self.project(self.activation(self.expand(x)))
        return x + y if self.residual else y

    def in_graph_order(self) -> tuple[nn.Conv2d, ...]:
        """List its layers as the ONNX graph has them."""
        squeeze = self.squeeze
        gates = (squeeze.reduce, squeeze.expand) if isinstance(squeeze, SqueezeExcite) else ()
        return (self.depthwise, *gates, self.expand, self.project)


class EncoderLayer(nn.Module):
    """A pre-norm transformer layer over the time steps."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(channels, eps=1e-5)
        self.qkv = nn.Linear(channels, channels * 3)
        self.out = nn.Linear(channels, channels)
        self.norm2 = nn.LayerNorm(channels, eps=1e-5)
        self.fc1 = nn.Linear(channels, channels * 2)
        self.fc2 = nn.Linear(channels * 2, channels)

    def forward(self, x: Tensor) -> Tensor:
        """(N, T, C) to (N, T, C)."""
        n, t, c = x.shape
        qkv = self.qkv(self.norm1(x)).reshape(n, t, 3, self.heads, c // self.heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        mixed = functional.scaled_dot_product_attention(query, key, value)
        x = x + self.out(mixed.transpose(1, 2).reshape(n, t, c))
        return x + self.fc2(functional.silu(self.fc1(self.norm2(x))))


class Neck(nn.Module):
    """Pools the height, then mixes over time: locally (1x7) and globally (attention)."""

    def __init__(self, channels_in: int, shape: ReaderShape) -> None:
        super().__init__()
        self.shortcut = nn.Conv2d(channels_in, shape.neck, 1)
        self.reduce = nn.Conv2d(channels_in, shape.neck, 1)
        self.local = nn.Conv2d(shape.neck, shape.neck, (1, 7), padding=(0, 3), groups=shape.neck)
        self.layers = nn.ModuleList(
            EncoderLayer(shape.neck, shape.heads) for _ in range(shape.neck_layers)
        )
        self.norm = nn.LayerNorm(shape.neck, eps=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, 3, T) to (N, T, neck)."""
        x = functional.avg_pool2d(x, (3, 1))
        shortcut = functional.silu(self.shortcut(x)).squeeze(2).transpose(1, 2)
        y = functional.silu(self.reduce(x))
        y = (y + functional.silu(self.local(y))).squeeze(2).transpose(1, 2)
        for layer in self.layers:
            y = layer(y)
        return shortcut + self.norm(y)


class LineReaderNet(nn.Module):
    """BGR crops of height 48, scaled to [-1, 1], to CTC logits; class 0 is the blank."""

    def __init__(self, shape: ReaderShape) -> None:
        super().__init__()
        self.shape = shape
        self.stem = Stem(shape.stem, shape.width)
        blocks, channels = [], shape.width
        for block in shape.blocks:
            blocks.append(MixBlock(channels, block, shape.activation))
            channels = block.channels
        self.blocks = nn.Sequential(*blocks)
        self.neck = Neck(channels, shape)
        self.head = nn.Linear(shape.neck, shape.classes)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, 48, W) to logits (N, W / 4, classes); W a multiple of 4."""
        logits: Tensor = self.head(self.neck(self.blocks(self.stem(x))))
        return logits

    def fade_gelu(self, share: float) -> None:
        """Set the share of GELU in each block's activation; the rest is ReLU."""
        for module in self.modules():
            if isinstance(module, FadingActivation):
                module.share = share


def load_pretrained(net: LineReaderNet, onnx_path: Path, characters: Sequence[str]) -> None:
    """Copy the weights of PP-OCRv6 small's recognizer into `net`.

    The graph stores weights in the order of its convolutions and matrix products, with separate
    batch norms; each batch norm is folded into the convolution before it. The head takes the rows
    of the blank and of the characters that both have; `characters` are the classes from 1 on.

    Raises:
        ValueError: the file is not that network.
    """
    import onnx

    model = onnx.load(str(onnx_path))
    weights = iter(folded_weights(model.graph))
    with torch.no_grad():
        for target in _layers_in_graph_order(net):
            weight, bias = next(weights)
            value = torch.tensor(weight)
            if isinstance(target, nn.Linear):
                value = value.T
            if value.shape != target.weight.shape:
                raise ValueError(
                    f"{onnx_path} is not PP-OCRv6 small's recognizer: "
                    f"{tuple(value.shape)} instead of {tuple(target.weight.shape)}"
                )
            target.weight.copy_(value)
            assert target.bias is not None
            target.bias.copy_(torch.tensor(bias))
        weight, bias = next(weights)
        known = {c: i for i, c in enumerate(_character_classes(model))}
        for row, character in enumerate(("", *characters)):
            if character in known:
                net.head.weight[row] = torch.tensor(weight[:, known[character]])
                net.head.bias[row] = float(bias[known[character]])


def _character_classes(model: object) -> list[str]:
    # the blank is class 0, and the space follows the listed characters
    listed = next(p.value for p in model.metadata_props if p.key == "character")  # type: ignore[attr-defined]
    return ["", *listed.splitlines(), " "]


_Layer = nn.Conv2d | nn.Linear | nn.LayerNorm


def _layers_in_graph_order(net: LineReaderNet) -> Iterator[_Layer]:
    yield from net.stem.in_graph_order()
    for block in net.blocks:
        assert isinstance(block, MixBlock)
        yield from block.in_graph_order()
    yield from (net.neck.shortcut, net.neck.reduce, net.neck.local)
    for layer in net.neck.layers:
        assert isinstance(layer, EncoderLayer)
        yield from (layer.norm1, layer.qkv, layer.out, layer.norm2, layer.fc1, layer.fc2)
    yield net.neck.norm


def folded_weights(
    graph: object,
) -> Iterator[tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]]:
    """Yield (weight, bias) of each layer of the graph, in graph order."""
    import numpy as np
    from onnx import numpy_helper

    values = {i.name: numpy_helper.to_array(i) for i in graph.initializer}  # type: ignore[attr-defined]
    nodes = []
    for node in graph.node:  # type: ignore[attr-defined]
        if node.op_type == "Identity" and node.input[0] in values:
            values[node.output[0]] = values[node.input[0]]
        else:
            nodes.append(node)
    reader = {node.input[0]: node for node in nodes}
    for node in nodes:
        operands = [values[name] for name in node.input if name in values]
        if node.op_type == "Conv":
            after = reader[node.output[0]]
            if after.op_type == "BatchNormalization":
                epsilon = next(a.f for a in after.attribute if a.name == "epsilon")
                gamma, beta, mean, variance = (values[name] for name in after.input[1:])
                scale = gamma / np.sqrt(variance + epsilon)
                yield operands[0] * scale[:, None, None, None], beta - mean * scale
            else:
                yield operands[0], _constant_of(after, values).reshape(-1)
        elif node.op_type == "MatMul" and operands:
            yield operands[0], _constant_of(reader[node.output[0]], values)
        elif node.op_type == "Div" and reader[node.output[0]].op_type == "Mul":
            # a layer norm written out: (x - mean) / deviation * gamma + beta
            gain = reader[node.output[0]]
            gains = [values[name] for name in gain.input if name in values]
            if gains and gains[0].ndim == 1 and gains[0].size > 1:
                yield gains[0], _constant_of(reader[gain.output[0]], values)


def _constant_of(
    node: object, values: dict[str, npt.NDArray[np.float32]]
) -> npt.NDArray[np.float32]:
    return next(values[name] for name in node.input if name in values)  # type: ignore[attr-defined]
