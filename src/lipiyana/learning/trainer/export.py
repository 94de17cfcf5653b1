"""A network as an ONNX file from which serving and further training begin."""

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
        inputs: by name, for each axis that may have any size its index and name.
        outputs: the same of the outputs.
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
    """Write a network in float, with its weights under their state-dict names.

    Args:
        served: what serving runs: a module that has the network as its `net`.
        example: one input, of any size that the model takes.
        out: where the file goes.
        signature: names of inputs and outputs.
        metadata: of the file; replaces what the exporter writes.
        rounded: see `store_weights`.
        fold_constants: whether the exporter computes what is constant.

    Raises:
        ValueError: two of the weights are equal.
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
        raise TypeError("the served module has no network as its `net`")
    store_weights(model, net, rounded)
    if metadata is not None:
        del model.metadata_props[:]
        helper.set_model_props(model, dict(metadata))
    onnx.checker.check_model(model)
    onnx.save(model, str(out))
