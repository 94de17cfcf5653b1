"""Quantization-aware training: INT8 rounding is simulated, so that the weights adapt to it.

Straight-through estimation as in Jacob et al., "Quantization and Training of Neural Networks for
Efficient Integer-Arithmetic-Only Inference" (CVPR 2018): values are rounded in the forward pass,
gradients pass through unless the value was clipped. The rounding is that of
`export_reader.quantize`: weights signed, symmetric, per channel, 7 bits; activations unsigned, per
tensor, 8 bits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

_WEIGHT_LEVELS = 64  # on each side; a power of 2, so that rounding twice changes nothing
_MEMORY = 0.98
_SMALLEST = 1e-8
_RANGE = "activation_range"  # attribute of a layer
_IMAGES = 4  # number of axes of a batch of images
_FLOAT_PARTS = ("stem", "blocks.0", "blocks.1", "blocks.2", "squeeze", "neck")  # of the line reader


class ActivationRange:
    """Tracks the moving minimum and maximum of a tensor and rounds values to that range."""

    def __init__(self) -> None:
        self.least = self.greatest = 0.0
        self.has_seen = False

    def __call__(self, x: Tensor) -> Tensor:
        """Round `x` to 256 levels; shape and type stay.

        bfloat16 is precise enough for 256 levels, and takes half of the time.
        """
        least, greatest = (value.item() for value in torch.aminmax(_in_memory_order(x.detach())))
        self._follow(min(least, 0.0), max(greatest, 0.0))
        scale = max((self.greatest - self.least) / 255, _SMALLEST)
        zero = round(-self.least / scale)
        # clipped values get no gradient; the backward pass of `clamp` takes four times as long
        clipped = functional.hardtanh(x, -zero * scale, (255 - zero) * scale)
        rounded: Tensor = _RoundThrough.apply(clipped, scale)
        return rounded

    def _follow(self, least: float, greatest: float) -> None:
        if self.has_seen:
            least += _MEMORY * (self.least - least)
            greatest += _MEMORY * (self.greatest - greatest)
        self.least, self.greatest, self.has_seen = least, greatest, True


class _RoundThrough(torch.autograd.Function):
    """Rounds to multiples of a scale; the gradient passes through unchanged."""

    @staticmethod
    def forward(_: object, x: Tensor, scale: float) -> Tensor:
        return (x * (1 / scale)).round_().mul_(scale)

    @staticmethod
    def backward(_: object, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient, None


def _in_memory_order(x: Tensor) -> Tensor:
    # a reduction over a channels-last tensor would copy it first
    return x.permute(0, 2, 3, 1) if x.dim() == _IMAGES else x


def round_weight(weight: Tensor) -> Tensor:
    """Round to 7 bits with one scale for each output channel (axis 0)."""
    scale = _scale(weight)
    zero = torch.zeros_like(scale, dtype=torch.int32)
    rounded: Tensor = torch.fake_quantize_per_channel_affine(
        weight, scale, zero, 0, -_WEIGHT_LEVELS, _WEIGHT_LEVELS
    )
    return rounded


def weight_levels(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Compute the integer levels and the scales that `round_weight` rounds to.

    Returns:
        The levels, int8 from -64 to 64, in the shape of `weight`; and the scales, float32, of
        size 1 along all axes except the first.
    """
    scale = _scale(weight).reshape(-1, *[1] * (weight.dim() - 1))
    return (round_weight(weight) / scale).round().to(torch.int8), scale


def _scale(weight: Tensor) -> Tensor:
    greatest = weight.detach().abs().flatten(1).amax(1)
    return (greatest / _WEIGHT_LEVELS).clamp(min=_SMALLEST)


def lies_in_float_part(name: str) -> bool:
    """Tell whether the reader's layer of this dotted name is in a part that stays float."""
    return any(f".{part}." in f".{name}." for part in _FLOAT_PARTS)


def computed_in_int8(name: str, module: nn.Module) -> bool:
    """Tell whether the INT8 twin of the line reader rounds this layer; the default for `rounds`."""
    if lies_in_float_part(name):
        return False
    return isinstance(module, nn.Linear) or (isinstance(module, nn.Conv2d) and module.groups == 1)


def simulate_int8(
    net: nn.Module, rounds: Callable[[str, nn.Module], bool] = computed_in_int8
) -> None:
    """Make the layers of `net` compute as its INT8 twin will; changes it in place.

    Parameters and their names stay; the ranges of the activations are no parameters, see `ranges`.

    Args:
        net: the network; only its convolutions and linear layers are changed.
        rounds: whether the INT8 twin rounds the layer of this name; the line reader's by default.
    """
    for name, module in net.named_modules():
        if not rounds(name, module):
            continue
        if isinstance(module, nn.Conv2d):
            module.forward = _rounding_convolution(module)  # type: ignore[method-assign, assignment]
        elif isinstance(module, nn.Linear):
            module.forward = _rounding_product(module)  # type: ignore[method-assign, assignment]


def ranges(net: nn.Module) -> dict[str, tuple[float, float]]:
    """Return the activation range of each layer that has met inputs, for a checkpoint."""
    return {
        name: (found.least, found.greatest)
        for name, module in net.named_modules()
        if (found := getattr(module, _RANGE, None)) is not None and found.has_seen
    }


def set_ranges(net: nn.Module, known: Mapping[str, tuple[float, float]]) -> None:
    """Continue with the ranges of a checkpoint; without them they settle within a hundred steps."""
    for name, module in net.named_modules():
        found: ActivationRange | None = getattr(module, _RANGE, None)
        if found is not None and name in known:
            found.least, found.greatest = known[name]
            found.has_seen = True


def _range_of(layer: nn.Module) -> ActivationRange:
    setattr(layer, _RANGE, ActivationRange())
    found: ActivationRange = getattr(layer, _RANGE)
    return found


def _rounding_convolution(layer: nn.Conv2d) -> Callable[[Tensor], Tensor]:
    activations = _range_of(layer)

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
    activations = _range_of(layer)

    def forward(x: Tensor) -> Tensor:
        return functional.linear(activations(x), round_weight(layer.weight), layer.bias)

    return forward
