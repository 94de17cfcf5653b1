"""Weights that a training of the detector starts from: YOLOX-nano's, or a narrower version's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from lipiyana.learning.quantize.static import load_model, metadata
from lipiyana.runtime.packed import model_suffix
from lipiyana.vehicles.training.network import NOTHING, DetectorNet

_NEW_CLASS_BIAS = -4.6  # a score of 0.01: new classes start as rare
_Floats = npt.NDArray[np.float32]


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
