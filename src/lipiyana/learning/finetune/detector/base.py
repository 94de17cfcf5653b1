"""The detector that a fine-tuning begins from: a float twin, by its name or its file."""

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
from lipiyana.runtime.store import ModelStore, Session
from lipiyana.vehicles.detection.detector import PLATE
from lipiyana.vehicles.detection.letterbox import InputShape
from lipiyana.vehicles.detection.network import input_of
from lipiyana.vehicles.training.data.labels import CLASSES
from lipiyana.vehicles.training.network import DetectorNet, widened

_ROWS = ("class_rows", "presence_rows")
_RARE = 2.0
"""What is new begins so much less likely than what it is like: by a factor of e^2 in its odds."""


@dataclass(frozen=True, slots=True)
class DetectorBase:
    """A base, its weights by state-dict name, its classes, and the shape in which it is served."""

    entry: ModelEntry
    weights: Mapping[str, Tensor]
    classes: tuple[str, ...]
    shape: InputShape

    def net(self) -> DetectorNet:
        """Make the network."""
        net = DetectorNet(len(self.classes))
        net.load_state_dict(dict(self.weights))
        return net.eval()


def choose_detector(store: ModelStore, base: str | None) -> DetectorBase:
    """Find the detector to begin from.

    Args:
        store: the models.
        base: a model's name, or the path of a float twin; None for the preferred detector. Of an
            INT8 model its twin is taken.

    Raises:
        ModelUnavailable: there is no such model, or it is no detector that can be served.
        InvalidRequest: it cannot be trained from: no float twin of it is there, or its classes
            are not this project's.
    """
    entry, candidates = base_candidates(store, base, Task.VEHICLE_DETECTOR)
    for candidate in candidates:
        classes = tuple(metadata(candidate.file).get("classes", "").split("\n"))
        net = DetectorNet(len(classes))
        # twins of detectors before this one have fewer weights
        weights = widened(net, load_weights(candidate.file))
        if _shapes(weights) != _shapes(net.state_dict()):
            continue
        if classes[: len(CLASSES)] != CLASSES:
            raise InvalidRequest(
                f"{candidate.name} does not begin with the classes of this project "
                f"({', '.join(CLASSES)})",
                field="base",
            )
        shape = input_of(Session(candidate, threads=1))
        return DetectorBase(candidate, weights, classes, shape)
    raise InvalidRequest(
        f"{entry.name} cannot be trained from: it is no float twin (this project's detector, its "
        "weights under their names) and names none; `lipiyana models list` shows what is installed",
        field="base",
    )


def _shapes(weights: Mapping[str, Tensor]) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in weights.items()}


def grow_classes(base: DetectorBase, classes: Sequence[str]) -> dict[str, Tensor]:
    """Give a detector's weights rows for the classes that `classes` has beyond the base's.

    A new row begins as the mean of those of the vehicles, and rarer.

    Raises:
        ValueError: `classes` does not begin with those of the base.
    """
    if tuple(classes[: len(base.classes)]) != base.classes:
        raise ValueError("the old classes must keep their places")
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
