"""Quantization-aware training of the detector: INT8 rounding is simulated.

It works like `learning.trainer.fake_quantization`; for detectors, depthwise convolutions are
rounded too, and the first and the output layers stay float.
"""

from __future__ import annotations

from torch import nn

from lipiyana.learning.trainer import fake_quantization
from lipiyana.vehicles.training.network import FIRST_LAYERS, OUTPUT_LAYERS, DetectorNet


def computed_in_int8(name: str, module: nn.Module) -> bool:
    """Tell whether the INT8 twin rounds this layer; must agree with `export_detector.quantize`."""
    first = name.startswith(tuple(f"backbone.{layer}." for layer in FIRST_LAYERS))
    last = name.rsplit(".", 1)[-1] in OUTPUT_LAYERS
    return isinstance(module, nn.Conv2d) and not (first or last)


def simulate_int8(net: DetectorNet) -> None:
    """Make the convolutions of `net` compute as its INT8 twin will; changes it in place."""
    fake_quantization.simulate_int8(net, computed_in_int8)
