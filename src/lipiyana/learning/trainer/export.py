"""Exports a network to the float ONNX file that serves and that further training starts from."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import onnx
import torch
from onnx import helper
from torch import Tensor, nn

from lipiyana.learning.trainer.stored_weights import RoundedLayers, store_weights


@dataclass(frozen=True, slots=True)
class Signature:
    """Inputs and outputs of an exported model.

    Attributes:
        inputs: input names, each with its dynamic axes: {index: axis name}.
        outputs: the same for the outputs.
    """

    inputs: Mapping[str, Mapping[int, str]]
    outputs: Mapping[str, Mapping[int, str]]


def export_onnx(
    served: nn.Module,
    example: Tensor,
    out: Path,
    signature: Signature,
    *,
    metadata: Mapping[str, str] | None = None,
    rounded: RoundedLayers | None = None,
    fold_constants: bool = True,
) -> None:
    """Export a float network; its weights keep their state-dict names.

    Args:
        served: the module to export; its attribute `net` is the network.
        example: an input of any supported size.
        out: path of the ONNX file.
        signature: names and dynamic axes of inputs and outputs.
        metadata: metadata of the file; replaces the exporter's.
        rounded: see `store_weights`.
        fold_constants: let the exporter fold constants.

    Raises:
        ValueError: two weights are equal, and the exporter merged them.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            served,
            (example,),
            str(out),
            input_names=list(signature.inputs),
            output_names=list(signature.outputs),
            dynamic_axes={
                name: dict(axes)
                for name, axes in (*signature.inputs.items(), *signature.outputs.items())
            },
            opset_version=17,
            do_constant_folding=fold_constants,
            dynamo=False,
        )
    model = onnx.load(str(out))
    net = served.net
    if not isinstance(net, nn.Module):
        raise TypeError("the attribute `net` of the exported module must be a network")
    store_weights(model, net, rounded)
    if metadata is not None:
        del model.metadata_props[:]
        helper.set_model_props(model, dict(metadata))
    onnx.checker.check_model(model)
    onnx.save(model, str(out))
