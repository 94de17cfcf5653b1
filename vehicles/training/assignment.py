"""Task-aligned assignment of labelled boxes to anchors.

Feng et al., "TOOD: Task-aligned One-stage Object Detection" (ICCV 2021): a box is assigned to the
anchors that already score and localize it best, and their target score is how well they localize
it. It needs no objectness, so it works with partial labels.
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
    """Training targets of the anchors of N pictures.

    Attributes:
        box: (N, A) int64, index of each anchor's box, -1 for none.
        quality: (N, A) float, target score for the box's class, 0 for none.
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
        boxes: (N, M, 4) labelled boxes.
        classes: (N, M) int64 labels, -1 for padding.
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

    # if nothing overlaps yet, `topk` would return the first anchors: rank candidates above others
    ranked = alignment + candidates * _TINY
    best = ranked.topk(min(TOP, ranked.shape[-1]), dim=-1).indices
    chosen = torch.zeros_like(candidates).scatter_(-1, best, value=True) & candidates

    # an anchor with several boxes is assigned the one with the largest IoU
    overlap = torch.where(chosen, ious, -1.0)
    owner = overlap.argmax(1)
    taken = chosen.any(1)
    mine = chosen & (torch.arange(boxes.shape[1])[None, :, None].to(owner) == owner[:, None])

    aligned = alignment * mine
    highest = aligned.amax(-1, keepdim=True).clamp(min=_TINY)
    quality = (aligned / highest * (ious * mine).amax(-1, keepdim=True)).amax(1)
    return Assignment(torch.where(taken, owner, -1), quality * taken)


def _candidates(boxes: Tensor, points: Tensor, strides: Tensor) -> Tensor:
    """(N, M, A): whether an anchor's cell lies in a box; small boxes also take nearby cells."""
    centres, halves = (boxes[..., :2] + boxes[..., 2:]) / 2, (boxes[..., 2:] - boxes[..., :2]) / 2
    # only on the finest map: tiny boxes cannot be detected on the others
    reach = torch.where(strides == strides.min(), strides, 0.0)
    away = (points - centres[:, :, None]).abs()
    return (away < torch.maximum(halves[:, :, None], reach[:, None])).all(-1)


def iou(a: Tensor, b: Tensor) -> Tensor:
    """Intersection over union of broadcastable boxes (..., 4), in [0, 1]."""
    shared, union, _ = _parts(a, b)
    return shared / union


def giou(a: Tensor, b: Tensor) -> Tensor:
    """Generalized IoU in [-1, 1] (Rezatofighi et al., CVPR 2019); falls with the distance."""
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
