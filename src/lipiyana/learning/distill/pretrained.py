"""The student's weights before training: those of PP-OCRv6 small's text detector.

The blocks of the backbone are copied. The stem is new; it learns to output what the teacher's does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from lipiyana.errors import InvalidRequest
from lipiyana.learning.distill.network import STEM_CHANNELS, WIDTH, Stem, TextStudent
from lipiyana.learning.quantize.static import load_model
from lipiyana.ocr.training.network import MixBlock, folded_weights
from lipiyana.ocr.training.network import Stem as TeacherStem

NAME = "ppocrv6-small-text-detector"
"""Name of the model in the manifest."""

FITTING_STEPS = 400
_RATE = 3e-3
_SIDE = 192
"""Side of the parts of crops on which the stem is fitted, in pixels: it sees 11 at once."""


def pretrained_weights(
    file: Path, pixels: Iterator[Tensor], steps: int = FITTING_STEPS
) -> dict[str, Tensor]:
    """Compute the state dict of a student without its neck.

    Args:
        file: PP-OCRv6 small's text detector.
        pixels: batches (N, 3, S, S) of typical input, on which the stem is fitted.
        steps: batches to fit it on.

    Raises:
        InvalidRequest: the file has another network.
    """
    net, teacher = TextStudent(), TeacherStem(STEM_CHANNELS, WIDTH)
    blocks = [module for module in net.stages.modules() if isinstance(module, MixBlock)]
    layers = [*teacher.in_graph_order(), *(one for b in blocks for one in b.in_graph_order())]
    try:
        _copy(file, layers)
    except (IndexError, KeyError, RuntimeError, StopIteration, ValueError):
        raise InvalidRequest(f"{file} is not PP-OCRv6 small's text detector") from None
    with torch.no_grad():
        net.stem.conv1.load_state_dict(teacher.conv1.state_dict())
        # the max-pooled shortcut is nearest to what the new layer sees
        net.stem.conv2.weight.copy_(teacher.conv3.weight[:, :STEM_CHANNELS])
        net.stem.conv3.load_state_dict(teacher.conv4.state_dict())
    fit_stem(net.stem, teacher, pixels, steps)
    kept = ("stem.", "stages.")
    return {name: value for name, value in net.state_dict().items() if name.startswith(kept)}


def _copy(file: Path, layers: Sequence[nn.Conv2d]) -> None:
    """Copy the first layers of a file; raises an error of any kind if they do not fit."""
    weights = folded_weights(load_model(file).graph)
    for layer in layers:
        weight, bias = next(weights)
        layer.load_state_dict({"weight": torch.tensor(weight), "bias": torch.tensor(bias)})


def fit_stem(stem: Stem, teacher: TeacherStem, pixels: Iterator[Tensor], steps: int) -> float:
    """Train a stem to output what the teacher's does.

    Returns:
        The squared error of the last batch, by the mean square of the teacher's output.
    """
    optimizer = torch.optim.AdamW(stem.parameters(), lr=_RATE)
    share = 1.0
    for step in range(steps):
        batch = next(pixels)[..., :_SIDE, :_SIDE]
        with torch.no_grad():
            wanted = teacher(batch)
        error = functional.mse_loss(stem(batch), wanted)
        for group in optimizer.param_groups:
            group["lr"] = _RATE * (1 - step / steps)
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
        share = float(error.detach() / wanted.square().mean())
    return share
