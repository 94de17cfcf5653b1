"""INT8 simulated while the detector trains, so that its weights learn to live with the rounding.

As `ocr.training.fake_quantization` does it for the reader; here depthwise convolutions are
quantized too, and only the layers that give boxes and scores stay float.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import functional

from lipiyana.ocr.training.fake_quantization import ActivationRange, round_weight
from lipiyana.vehicles.training.network import OUTPUT_LAYERS, DetectorNet


def computed_in_int8(name: str) -> bool:
    """Whether the INT8 twin rounds the convolution of this name: see `export_detector.quantize`."""
    return name.rsplit(".", 1)[-1] not in OUTPUT_LAYERS


def simulate_int8(net: DetectorNet) -> None:
    """Let the convolutions of `net` compute as those of its INT8 twin; changes it in place.

    Parameters and their names stay as they are; the ranges of the activations are not kept in
    checkpoints, they settle within a hundred steps.
    """
    for name, module in net.named_modules():
        if isinstance(module, nn.Conv2d) and computed_in_int8(name):
            module.forward = _rounding(module)  # type: ignore[method-assign, assignment]


def _rounding(layer: nn.Conv2d) -> Callable[[Tensor], Tensor]:
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
