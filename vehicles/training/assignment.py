"""Which anchor is to find which box: task-aligned assignment.

Feng et al., "TOOD: Task-aligned One-stage Object Detection" (ICCV 2021): the anchors that already
score and place a box best are taught it, and the score they are taught is how well they place it.
No objectness is needed, so that it works where only some classes are labelled.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

TOP = 10
_SCORE_POWER, _IOU_POWER = 0.5, 6.0
_TINY = 1e-9


@dataclass(frozen=True, slots=True)
class Assignment:
    """What the anchors of N pictures are taught.

    Attributes:
        box: (N, A) int64, index of the box of each anchor, -1 for none.
        quality: (N, A) float, the score to be learnt for the box's class, 0 for none.
    """

    box: Tensor
    quality: Tensor


@torch.no_grad()
def assign(
    boxes: Tensor,
    classes: Tensor,
    predicted: Tensor,
    scores: Tensor,
    points: Tensor,
    strides: Tensor,
) -> Assignment:
    """Assign boxes to anchors.

    Args:
        boxes: (N, M, 4) to be found.
        classes: (N, M) int64, -1 where there is no box.
        predicted: (N, A, 4) boxes that the anchors predict.
        scores: (N, A, classes) in [0, 1].
        points: (A, 2) centres of the anchors' cells.
        strides: (A,).
    """
    there = classes >= 0
    candidates = _candidates(boxes, points, strides) & there[..., None]
    ious = iou(boxes[:, :, None], predicted[:, None]) * candidates
    index = classes.clamp(min=0)[..., None].expand(-1, -1, scores.shape[1])
    own_scores = scores.transpose(1, 2).gather(1, index)
    alignment = own_scores.pow(_SCORE_POWER) * ious.pow(_IOU_POWER)

    # where nothing overlaps yet, the topmost would be the first anchors: candidates come before
    ranked = alignment + candidates * _TINY
    best = ranked.topk(min(TOP, ranked.shape[-1]), dim=-1).indices
    chosen = torch.zeros_like(candidates).scatter_(-1, best, value=True) & candidates

    # an anchor that several boxes want is taught the one it overlaps most
    overlap = torch.where(chosen, ious, -1.0)
    owner = overlap.argmax(1)
    taken = chosen.any(1)
    mine = chosen & (torch.arange(boxes.shape[1])[None, :, None].to(owner) == owner[:, None])

    aligned = alignment * mine
    highest = aligned.amax(-1, keepdim=True).clamp(min=_TINY)
    quality = (aligned / highest * (ious * mine).amax(-1, keepdim=True)).amax(1)
    return Assignment(torch.where(taken, owner, -1), quality * taken)


def _candidates(boxes: Tensor, points: Tensor, strides: Tensor) -> Tensor:
    """(N, M, A): whether an anchor's cell lies in a box; a small box reaches its neighbours."""
    centres, halves = (boxes[..., :2] + boxes[..., 2:]) / 2, (boxes[..., 2:] - boxes[..., :2]) / 2
    # only of the finest map: elsewhere a tiny box is lost
    reach = torch.where(strides == strides.min(), strides, 0.0)
    away = (points - centres[:, :, None]).abs()
    return (away < torch.maximum(halves[:, :, None], reach[:, None])).all(-1)


def iou(a: Tensor, b: Tensor) -> Tensor:
    """Intersection over union of boxes (..., 4) that broadcast, in [0, 1]."""
    shared, union, _ = _parts(a, b)
    return shared / union


def giou(a: Tensor, b: Tensor) -> Tensor:
    """Generalized IoU in [-1, 1] (Rezatofighi et al., CVPR 2019): falls on with the distance."""
    shared, union, hull = _parts(a, b)
    return shared / union - (hull - union) / hull


def _parts(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    low, high = torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:], b[..., 2:])
    shared = (high - low).clamp(min=0).prod(-1)
    union = _area(a) + _area(b) - shared + _TINY
    outer = torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])
    return shared, union, outer.prod(-1) + _TINY


def _area(boxes: Tensor) -> Tensor:
    return (boxes[..., 2:] - boxes[..., :2]).clamp(min=0).prod(-1)
