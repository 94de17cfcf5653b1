"""Training losses of the detector, for scores and boxes, masked for partial labels."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from lipiyana.vehicles.detection.detector import PLATE
from lipiyana.vehicles.training.assignment import Assignment, giou
from lipiyana.vehicles.training.data.batches import Batch
from lipiyana.vehicles.training.data.labels import CLASSES

BOX_GAIN = 5.0

_PLATE = CLASSES.index(PLATE)


@dataclass(frozen=True, slots=True)
class Losses:
    """Scalar losses, divided by the sum of the assigned qualities."""

    score: Tensor
    box: Tensor

    @property
    def total(self) -> Tensor:
        """The weighted sum that training minimizes."""
        return self.score + BOX_GAIN * self.box


def losses(boxes: Tensor, logits: Tensor, batch: Batch, assigned: Assignment) -> Losses:
    """Compute the losses of predictions against assigned targets.

    An anchor is a negative for a class only where the batch knows that the class is absent. An
    anchor with an assigned vehicle is also a negative for all other vehicle classes.

    Args:
        boxes: (N, A, 4) predicted.
        logits: (N, A, classes) predicted.
        batch: the labels.
        assigned: assignment of boxes to anchors.
    """
    positive = assigned.box >= 0
    owner = assigned.box.clamp(min=0)
    labels = batch.classes.to(owner).gather(1, owner)
    targets = torch.zeros_like(logits)
    targets.scatter_(2, labels.clamp(min=0)[..., None], (assigned.quality * positive)[..., None])

    sides = (boxes.detach()[..., 2:] - boxes.detach()[..., :2]).amin(-1)
    surely = batch.known.to(positive.device) & (sides >= batch.smallest.to(sides))[..., None]
    known = taught_classes(surely, labels, positive)
    errors = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    whole = assigned.quality.sum().clamp(min=1.0)
    score = (errors * known).sum() / whole

    wanted = batch.boxes.to(boxes).gather(1, owner[..., None].expand(-1, -1, 4))[positive]
    lost = (1 - giou(boxes[positive], wanted)) * assigned.quality[positive]
    return Losses(score, lost.sum() / whole)


def taught_classes(known: Tensor, labels: Tensor, positive: Tensor) -> Tensor:
    """(N, A, classes) bool: known classes; for positive anchors also their own class and rivals.

    Args:
        known: (N, A, classes) bool, by region.
        labels: (N, A) class of each positive anchor, arbitrary elsewhere.
        positive: (N, A) bool.
    """
    index = torch.arange(known.shape[-1], device=known.device)
    rivals = (labels != _PLATE)[..., None] & (index != _PLATE)
    own = labels[..., None] == index
    return known | (positive[..., None] & (rivals | own))
