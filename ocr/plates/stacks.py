"""Plates whose state, district and series stand in two small rows before a large number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lipiyana.ocr.geometry import Bounds, Quad, enclosing_quad

_SAME_COLUMN = 0.5  # of the narrower one's width
_BESIDE_BOTH = 0.3  # of the way from the upper to the lower row


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    quad: Quad
    bounds: Bounds

    @property
    def y(self) -> float:
        return (self.bounds.y_min + self.bounds.y_max) / 2

    def shares_column_with(self, other: _Block) -> bool:
        mine, its = self.bounds, other.bounds
        shared = min(mine.x_max, its.x_max) - max(mine.x_min, its.x_min)
        return shared > _SAME_COLUMN * min(mine.width, its.width)


def stacked_before_number(quads: Sequence[Quad]) -> list[Quad] | None:
    """Find two blocks of text above each other, with a row beside both of them.

    Args:
        quads: (4, 2) corners of the blocks that a detector found on one plate.

    Returns:
        The upper, the lower, and the row on the right; None where the blocks stand otherwise.
    """
    columns = _columns([_Block(quad, Bounds.of(quad)) for quad in quads])
    for place, stack in enumerate(columns[:-1]):
        right = columns[place + 1 :]
        if len(stack) != 2 or any(len(column) != 1 for column in right):
            continue
        upper, lower = stack
        middle, reach = (upper.y + lower.y) / 2, _BESIDE_BOTH * (lower.y - upper.y)
        if all(abs(column[0].y - middle) < reach for column in right):
            return [upper.quad, lower.quad, enclosing_quad([column[0].quad for column in right])]
    return None


def _columns(blocks: Sequence[_Block]) -> list[list[_Block]]:
    """Columns from left to right, each from the top."""
    columns: list[list[_Block]] = []
    for block in sorted(blocks, key=lambda b: b.bounds.x_min):
        if columns and any(block.shares_column_with(other) for other in columns[-1]):
            columns[-1].append(block)
        else:
            columns.append([block])
    return [sorted(column, key=lambda b: b.y) for column in columns]
