"""Weights of a network from either of the files that hold them, and the sizes of a reader."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from lipiyana.learning.trainer.stored_weights import read_weights
from lipiyana.ocr.training.network import Block, ReaderShape
from lipiyana.runtime.packed import model_suffix


def load_weights(path: Path) -> dict[str, Tensor]:
    """State dict, as fp32, of a training checkpoint (its moving average) or of a float twin, which
    may be packed.
    """
    if model_suffix(path) == ".onnx":
        return read_weights(path)
    state: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)["average"]
    return state


def shape_of(weights: Mapping[str, Tensor], heads: int = 8) -> ReaderShape:
    """Tell the sizes of a reader from its weights; `heads`, of the attention, leave no trace.

    Raises:
        ValueError: they are not a reader's.
    """
    try:
        channels = width = len(weights["stem.conv4.weight"])
        blocks: list[Block] = []
        while (name := f"blocks.{len(blocks)}") + ".project.weight" in weights:
            out = len(weights[f"{name}.project.weight"])
            # a block that shrinks widens too
            stride, squeeze = 1 + (out != channels), f"{name}.squeeze.reduce.weight" in weights
            blocks.append(Block(out, stride, squeeze))
            channels = out
        classes, neck = weights["head.weight"].shape
        layers = {name.split(".")[2] for name in weights if name.startswith("neck.layers.")}
        stem = len(weights["stem.conv1.weight"])
    except KeyError as missing:
        raise ValueError(f"not the weights of a line reader: there is no {missing}") from None
    return ReaderShape(classes, stem, width, tuple(blocks), neck, len(layers), heads)
