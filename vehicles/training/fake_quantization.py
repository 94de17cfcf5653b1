"""INT8 simulated while the detector trains, so that its weights learn to live with the rounding.

As `ocr.training.fake_quantization` does it for the reader; here depthwise convolutions are
quantized too; the first layers and those that give boxes and scores stay float.
"""

from __future__ import annotations

from torch import nn

from lipiyana.learning.trainer import fake_quantization
from lipiyana.vehicles.training.network import FIRST_LAYERS, OUTPUT_LAYERS, DetectorNet


def computed_in_int8(name: str, module: nn.Module) -> bool:
    """Whether the INT8 twin rounds this layer, as `export_detector.quantize` has it."""
    first = name.startswith(tuple(f"backbone.{layer}." for layer in FIRST_LAYERS))
    last = name.rsplit(".", 1)[-1] in OUTPUT_LAYERS
    return isinstance(module, nn.Conv2d) and not (first or last)


def simulate_int8(net: DetectorNet) -> None:
    """Let the convolutions of `net` compute as those of its INT8 twin; changes it in place."""
    fake_quantization.simulate_int8(net, computed_in_int8)
