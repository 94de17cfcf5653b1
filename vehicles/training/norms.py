"""Temporary batch norms for training a network whose own were folded into its convolutions.

Ioffe and Szegedy, "Batch Normalization" (ICML 2015). A detector hardly learns from folded weights
without them, because every change of a layer shifts and scales the input of the next. They are
initialized to change nothing, and folded again before evaluation and export, so no other part
handles them.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import TypeVar

import torch
from torch import Tensor, nn

from lipiyana.vehicles.training.network import NOTHING, Unit

Net = TypeVar("Net", bound=nn.Module)

_EPS, _MOMENTUM = 1e-3, 0.03


def install(net: nn.Module) -> None:
    """Install a batch norm after every trainable unit's convolution; call `calibrate` next."""
    for unit in _units(net):
        if unit.conv.weight.requires_grad:
            unit.norm = nn.BatchNorm2d(unit.conv.out_channels, _EPS, _MOMENTUM)


@torch.no_grad()
def calibrate(net: nn.Module, pixels: Tensor) -> None:
    """Set the norms to a batch's statistics, and their gains to undo them: the output stays.

    Args:
        net: network with batch norms.
        pixels: (N, 3, S, S), typical training input.
    """
    hooks = []
    for unit in _units(net):
        if unit.norm is None:
            continue
        silent = bool(unit.conv.weight.abs().max() < 100 * NOTHING)
        if silent:
            # a block that adds nothing: give it normal weights and a gain of 0, which can train
            nn.init.kaiming_normal_(unit.conv.weight)
        hooks.append(unit.norm.register_forward_hook(_silence if silent else _measure))
    net(pixels)
    for hook in hooks:
        hook.remove()


@torch.no_grad()
def folded(net: Net) -> Net:
    """Make a copy without norms that has the same output in evaluation mode."""
    plain = copy.deepcopy(net)
    for unit in _units(plain):
        norm = unit.norm
        if norm is None:
            continue
        assert norm.running_mean is not None
        assert norm.running_var is not None
        assert unit.conv.bias is not None
        factor = norm.weight / (norm.running_var + norm.eps).sqrt()
        unit.conv.weight.mul_(factor[:, None, None, None])
        unit.conv.bias.copy_((unit.conv.bias - norm.running_mean) * factor + norm.bias)
        unit.norm = None
    return plain


def _units(net: nn.Module) -> Iterator[Unit]:
    return (module for module in net.modules() if isinstance(module, Unit))


def _silence(norm: nn.Module, inputs: tuple[Tensor], _: Tensor) -> Tensor:
    _measure(norm, inputs, _)
    assert isinstance(norm, nn.BatchNorm2d)
    nn.init.zeros_(norm.weight)
    nn.init.zeros_(norm.bias)
    return torch.zeros_like(inputs[0])


def _measure(norm: nn.Module, inputs: tuple[Tensor], _: Tensor) -> Tensor:
    assert isinstance(norm, nn.BatchNorm2d)
    variance, mean = torch.var_mean(inputs[0].float(), (0, 2, 3), correction=0)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    norm.running_mean.copy_(mean)
    norm.running_var.copy_(variance)
    norm.weight.copy_((variance + norm.eps).sqrt())
    norm.bias.copy_(mean)
    return inputs[0]
