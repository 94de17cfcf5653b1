"""Finds the detector to fine-tune: a float twin, given by its model name or its file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lipiyana.errors import InvalidRequest
from lipiyana.learning.finetune.reader.base import base_candidates
from lipiyana.learning.quantize.static import metadata
from lipiyana.learning.trainer.stored_weights import load_weights
from lipiyana.runtime.manifest import ModelEntry, Task
from lipiyana.runtime.session import LocalSession
from lipiyana.runtime.store import ModelStore
from lipiyana.vehicles.detection.detector import PLATE
from lipiyana.vehicles.detection.letterbox import InputShape
from lipiyana.vehicles.detection.network import input_of
from lipiyana.vehicles.training.data.labels import CLASSES
from lipiyana.vehicles.training.network import DetectorNet
from lipiyana.vehicles.training.starting_weights import widened

_ROWS = ("class_rows", "presence_rows")
_RARE = 2.0
"""Subtracted from the logits of a new class, so that it starts rarer: e^2 times lower odds."""


@dataclass(frozen=True, slots=True)
class DetectorBase:
    """The detector to start from: its state dict, its classes, and its input shape in serving."""

    entry: ModelEntry
    weights: Mapping[str, Tensor]
    classes: tuple[str, ...]
    shape: InputShape

    def net(self) -> DetectorNet:
        """Make the network with these weights."""
        net = DetectorNet(len(self.classes))
        net.load_state_dict(dict(self.weights))
        return net.eval()


def choose_detector(store: ModelStore, base: str | None) -> DetectorBase:
    """Find the detector to start from.

    Args:
        store: the installed models.
        base: name of a model, or path of a float twin; None for the preferred detector. For an
            INT8 model its float twin is used.

    Raises:
        ModelUnavailable: there is no such model, or it is not a detector that can be served.
        InvalidRequest: there is no float twin to train from, or its classes do not begin with
            this project's.
    """
    entry, candidates = base_candidates(store, base, Task.VEHICLE_DETECTOR)
    for candidate in candidates:
        classes = tuple(metadata(candidate.file).get("classes", "").split("\n"))
        net = DetectorNet(len(classes))
        # float twins of older detectors lack some weights
        weights = widened(net, load_weights(candidate.file))
        if _shapes(weights) != _shapes(net.state_dict()):
            continue
        if classes[: len(CLASSES)] != CLASSES:
            raise InvalidRequest(
                f"the classes of {candidate.name} must begin with those of this project "
                f"({', '.join(CLASSES)})",
                field="base",
            )
        shape = input_of(LocalSession(candidate, threads=1))
        return DetectorBase(candidate, weights, classes, shape)
    raise InvalidRequest(
        f"cannot train from {entry.name}: it is not a float twin (this project's detector with the "
        "weights under their names) and has none; `lipiyana models list` shows installed models",
        field="base",
    )


def _shapes(weights: Mapping[str, Tensor]) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in weights.items()}


def grow_classes(base: DetectorBase, classes: Sequence[str]) -> dict[str, Tensor]:
    """Extend a detector's head to the classes that `classes` has beyond the base's.

    A new row starts as the mean of the rows of the vehicles, with a lower bias.

    Raises:
        ValueError: `classes` does not begin with those of the base.
    """
    if tuple(classes[: len(base.classes)]) != base.classes:
        raise ValueError("the new classes must begin with the old ones")
    added = len(classes) - len(base.classes)
    vehicles = [index for index, label in enumerate(base.classes) if label != PLATE]
    grown = dict(base.weights)
    for name, rows in base.weights.items():
        layer, kind = name.split(".")[-2:]
        if layer not in _ROWS or not added:
            continue
        fresh = rows[vehicles].mean(0, keepdim=True).expand(added, *rows.shape[1:])
        if kind == "bias" and layer == _ROWS[0]:
            fresh = fresh - _RARE
        grown[name] = torch.cat([rows, fresh])
    return grown
