"""Weights of a detector from either of the files that hold them."""

from __future__ import annotations

from pathlib import Path

import onnx
import torch
from onnx import TensorProto, numpy_helper
from torch import Tensor


def load_weights(path: Path) -> dict[str, Tensor]:
    """State dict of a training checkpoint (its moving average) or of a float twin, as fp32."""
    if path.suffix == ".onnx":
        initializers = onnx.load(str(path)).graph.initializer
        half = [i for i in initializers if i.data_type == TensorProto.FLOAT16]
        return {i.name: torch.tensor(numpy_helper.to_array(i)).float() for i in half}
    state: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)["average"]
    return state


def is_coco(path: Path) -> bool:
    """Whether a file is YOLOX-nano's ONNX and no file of this project's."""
    if path.suffix != ".onnx":
        return False
    return all(p.key != "classes" for p in onnx.load(str(path)).metadata_props)
