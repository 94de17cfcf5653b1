"""INT8 simulated while a network trains, so that its weights learn to live with the rounding.

Straight-through estimation as in Jacob et al., "Quantization and Training of Neural Networks for
Efficient Integer-Arithmetic-Only Inference" (CVPR 2018): values are rounded in the forward pass,
gradients pass through where nothing was clipped. The rounding is that of `export_reader.quantize`:
weights signed, symmetric, a scale a channel, 7 bits; activations unsigned, a scale a tensor, 8.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

_WEIGHT_LEVELS = 64  # to either side; what was rounded once rounds to itself, as it is a power of 2
_MEMORY = 0.98
_SMALLEST = 1e-8


class ActivationRange:
    """Follows the least and the greatest value of a tensor, and rounds between them."""

    def __init__(self) -> None:
        self.least: Tensor | None = None
        self.greatest: Tensor | None = None

    def __call__(self, x: Tensor) -> Tensor:
        """Round `x` to 256 levels; returns float32 of the same shape."""
        x = x.float()
        least, greatest = torch.aminmax(x.detach())
        least, greatest = least.clamp(max=0), greatest.clamp(min=0)
        if self.least is None or self.greatest is None:
            self.least, self.greatest = least, greatest
        else:
            self.least = torch.lerp(least, self.least, _MEMORY)
            self.greatest = torch.lerp(greatest, self.greatest, _MEMORY)
        scale = ((self.greatest - self.least) / 255).clamp(min=_SMALLEST)
        zero = (-self.least / scale).round().int()
        rounded: Tensor = torch.fake_quantize_per_tensor_affine(x, scale, zero, 0, 255)
        return rounded


def round_weight(weight: Tensor) -> Tensor:
    """Round to 7 bits with a scale for each output channel (axis 0)."""
    scale = _scale(weight)
    zero = torch.zeros_like(scale, dtype=torch.int32)
    rounded: Tensor = torch.fake_quantize_per_channel_affine(
        weight, scale, zero, 0, -_WEIGHT_LEVELS, _WEIGHT_LEVELS
    )
    return rounded


def weight_levels(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Split what `round_weight` gives into levels and scale.

    Returns:
        int8 from -64 to 64, in the shape of `weight`, and float32, with one element along all
        axes but the first.
    """
    scale = _scale(weight).reshape(-1, *[1] * (weight.dim() - 1))
    return (round_weight(weight) / scale).round().to(torch.int8), scale


def _scale(weight: Tensor) -> Tensor:
    greatest = weight.detach().abs().flatten(1).amax(1)
    return (greatest / _WEIGHT_LEVELS).clamp(min=_SMALLEST)


def computed_in_int8(name: str, module: nn.Module) -> bool:
    """Whether the INT8 twin rounds this layer: see `export_reader.quantize` for what it leaves."""
    if isinstance(module, nn.Conv2d):
        return module.groups == 1 and not name.startswith("neck.")
    return isinstance(module, nn.Linear) and not name.startswith("neck.")


def simulate_int8(
    net: nn.Module, rounds: Callable[[str, nn.Module], bool] = computed_in_int8
) -> None:
    """Let the layers of `net` compute as those of its INT8 twin will; changes it in place.

    Parameters and their names stay as they are; the ranges of the activations are not kept in
    checkpoints, they settle within a hundred steps.

    Args:
        net: of convolutions and linear layers, and others that stay as they are.
        rounds: whether the INT8 twin rounds the layer of this name; by default a reader's.
    """
    for name, module in net.named_modules():
        if not rounds(name, module):
            continue
        if isinstance(module, nn.Conv2d):
            module.forward = _rounding_convolution(module)  # type: ignore[method-assign, assignment]
        elif isinstance(module, nn.Linear):
            module.forward = _rounding_product(module)  # type: ignore[method-assign, assignment]


def _rounding_convolution(layer: nn.Conv2d) -> Callable[[Tensor], Tensor]:
    activations = ActivationRange()

    def forward(x: Tensor) -> Tensor:
        return functional.conv2d(
            activations(x),
            round_weight(layer.weight),
            layer.bias,
            layer.stride,
            layer.padding,
            layer.dilation,
            layer.groups,
        )

    return forward


def _rounding_product(layer: nn.Linear) -> Callable[[Tensor], Tensor]:
    activations = ActivationRange()

    def forward(x: Tensor) -> Tensor:
        return functional.linear(activations(x), round_weight(layer.weight), layer.bias)

    return forward
