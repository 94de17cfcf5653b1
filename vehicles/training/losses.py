"""What the detector learns by: scores that tell how well a box lies, and boxes; both masked."""

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
    """Means a unit of assigned quality, scalars."""

    score: Tensor
    box: Tensor

    @property
    def total(self) -> Tensor:
        """What is minimized."""
        return self.score + BOX_GAIN * self.box


def losses(boxes: Tensor, logits: Tensor, batch: Batch, assigned: Assignment) -> Losses:
    """Compare what anchors predict with what they are taught.

    An anchor is taught the absence of a class only where the batch knows of it. Where it is
    assigned a vehicle it is also taught that this is no other vehicle.

    Args:
        boxes: (N, A, 4) predicted.
        logits: (N, A, classes) predicted.
        batch: the labels.
        assigned: boxes to anchors.
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
    """(N, A, classes) bool: the known ones, at positive anchors their own and its rivals too.

    Args:
        known: (N, A, classes) bool, by region.
        labels: (N, A) class of each positive anchor, anything elsewhere.
        positive: (N, A) bool.
    """
    index = torch.arange(known.shape[-1], device=known.device)
    rivals = (labels != _PLATE)[..., None] & (index != _PLATE)
    own = labels[..., None] == index
    return known | (positive[..., None] & (rivals | own))
