"""From the best weights to the files: the float student and its INT8 twin."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import onnx
import torch
from torch import Tensor

from lipiyana.errors import InvalidRequest
from lipiyana.learning.distill.network import (
    OUTPUT_LAYER,
    STRIDE,
    TextStudent,
    WithProbabilities,
    computed_in_int8,
    shift_of,
)
from lipiyana.learning.distill.pool import Seen
from lipiyana.learning.quantize.search import Quantized, quantize_within
from lipiyana.learning.trainer.stored_weights import read_weights, store_weights
from lipiyana.ocr.detection.detector import SCENE_DETECTION, network_input
from lipiyana.runtime.manifest import Task

_CALIBRATING = 48


def export_student(net: TextStudent, out: Path) -> None:
    """Write the float student: pixels (N, 3, H, W) to maps (N, 1, H, W), sides multiples of 32.

    The weights that INT8 rounds are stored rounded, as it learned with them.
    """
    served = WithProbabilities(net.eval(), SCENE_DETECTION.pixel_threshold)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            served,
            (torch.zeros(1, 3, 2 * STRIDE, 2 * STRIDE),),
            str(out),
            input_names=["pixels"],
            output_names=["maps"],
            dynamic_axes={
                "pixels": {0: "pictures", 2: "height", 3: "width"},
                "maps": {0: "pictures", 2: "height", 3: "width"},
            },
            opset_version=17,
            do_constant_folding=True,
            dynamo=False,
        )
    model = onnx.load(str(out))
    store_weights(model, served.net, computed_in_int8)
    onnx.checker.check_model(model)
    onnx.save(model, str(out))


def read_student(path: Path) -> dict[str, Tensor]:
    """State dict of a float student that `export_student` wrote.

    Raises:
        InvalidRequest: the file holds another model.
    """
    weights = read_weights(path)
    shapes = {name: value.shape for name, value in TextStudent().state_dict().items()}
    if {name: value.shape for name, value in weights.items()} != shapes:
        raise InvalidRequest(
            f"{path} is not the float twin of a distilled text detector; `lipiyana models distill` "
            "writes one beside its INT8 file",
            field="start",
        )
    weights[f"{OUTPUT_LAYER}.bias"] -= shift_of(SCENE_DETECTION.pixel_threshold)
    return weights


def quantize_student(float_model: Path, out: Path, pictures: Sequence[Seen]) -> Quantized:
    """Write the INT8 twin, calibrated and compared on pictures of the pool."""
    inputs = [network_input(seen.load()[0]) for seen in pictures[:_CALIBRATING]]
    return quantize_within(float_model, out, Task.TEXT_DETECTOR, inputs)
