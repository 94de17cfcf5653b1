"""In which order people read the lines of a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lipiyana.ocr.detection.settings import SCENE_DETECTION


@dataclass(frozen=True, slots=True)
class _Span:
    """A line's place after the picture's usual tilt is taken out."""

    x: float
    y: float
    height: float

    def shares_row_with(self, other: _Span) -> bool:
        overlap = (self.height + other.height) / 2 - abs(self.y - other.y)
        return overlap >= SCENE_DETECTION.same_row_overlap * min(self.height, other.height)


def group_rows(
    polygons: Sequence[npt.ArrayLike], *, right_to_left: bool = False
) -> list[list[int]]:
    """Group lines into rows, top to bottom, each row in reading order.

    A line joins a row where it overlaps the row's nearest line by half of the lower one's
    height, both measured across the direction in which most of the picture's text runs.

    Args:
        polygons: (4, 2) corners each, clockwise from the text's top left.
        right_to_left: as Urdu is read.

    Returns:
        Indices into `polygons`, every one exactly once.
    """
    spans = _spans(polygons)
    grouped: list[list[int]] = []
    for index in sorted(range(len(spans)), key=lambda i: (spans[i].y, spans[i].x)):
        span = spans[index]
        for row in grouped:
            nearest = min(row, key=lambda i: abs(spans[i].x - span.x))
            if span.shares_row_with(spans[nearest]):
                row.append(index)
                break
        else:
            grouped.append([index])
    for row in grouped:
        row.sort(key=lambda i: spans[i].x, reverse=right_to_left)
    return grouped


def reading_order(polygons: Sequence[npt.ArrayLike], *, right_to_left: bool = False) -> list[int]:
    """Order lines by rows, then along each row; indices into `polygons`."""
    return [i for row in group_rows(polygons, right_to_left=right_to_left) for i in row]


def _spans(polygons: Sequence[npt.ArrayLike]) -> list[_Span]:
    if not polygons:
        return []
    corners = np.array([np.asarray(polygon, np.float64).reshape(4, 2) for polygon in polygons])
    along = corners[:, 1] - corners[:, 0] + corners[:, 2] - corners[:, 3]
    angle = float(np.median(np.arctan2(along[:, 1], along[:, 0])))
    tilt = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    centres = corners.mean(axis=1) @ tilt
    left = np.linalg.norm(corners[:, 3] - corners[:, 0], axis=1)
    right = np.linalg.norm(corners[:, 2] - corners[:, 1], axis=1)
    return [
        _Span(float(x), float(y), float(height))
        for (x, y), height in zip(centres, (left + right) / 2, strict=True)
    ]
