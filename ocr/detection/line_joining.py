"""Pieces that a detector made of one line, or of one word, are put together again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from lipiyana.ocr.detection.text_map import Core

# lengths are shares of a core's height, which is a little more than half of the ink's
_NEAR = 1.1  # gap between the cores of letters that touch or nearly do
_SAME_HEIGHT = 0.6
_SAME_ROW = 0.3  # how far off the row a piece may be
_SAME_ANGLE = 0.14
# a mark that stands apart from its line: its height, its width by its own height, its gap by its
# own height and by the line's
_MARK_HEIGHT = (0.3, 0.95)
_MARK_WIDTH = 3.0
_MARK_GAP, _GAP = 1.2, 0.6
_INK_OF_MARK = 0.3


@dataclass(frozen=True, slots=True)
class Line:
    """A line's core, and how far marks that were found apart from it reach above and below it, in
    pixels, ink and all.
    """

    core: Core
    above: float = 0.0
    below: float = 0.0


def join(cores: Sequence[Core]) -> list[Line]:
    """Join the pieces of words, from left to right, and give lines the marks above and below."""
    return _with_marks(_rows(sorted(cores, key=lambda core: core.x)))


def _rows(ordered: Sequence[Core]) -> list[Core]:
    rows: list[Core] = []
    for core in ordered:
        for index in range(len(rows) - 1, -1, -1):
            if _continues(rows[index], core):
                rows[index] = _enclosing(rows[index], core)
                break
        else:
            rows.append(core)
    return rows


def _continues(left: Core, right: Core) -> bool:
    low, high = sorted((left.height, right.height))
    if low < _SAME_HEIGHT * high or abs(left.angle - right.angle) > _SAME_ANGLE:
        return False
    along, down = (left if left.width > right.width else right).axes
    offset = right.centre - left.centre
    gap = float(offset @ along) - (left.width + right.width) / 2
    return -low < gap < _NEAR * low and abs(float(offset @ down)) < _SAME_ROW * low


def _with_marks(cores: Sequence[Core]) -> list[Line]:
    """Marks that stand apart from their line (a subscript, a vowel sign) belong to the nearest."""
    hosts: dict[int, int] = {}
    for index, mark in enumerate(cores):
        able = [i for i, line in enumerate(cores) if i != index and _hosts(line, mark)]
        if able:
            hosts[index] = min(able, key=lambda i: _apart(cores[i], mark))
    lines = []
    for index, core in enumerate(cores):
        if index in hosts and hosts[index] not in hosts:
            continue
        above = below = 0.0
        for mark in (cores[i] for i, host in hosts.items() if host == index):
            down = float((mark.centre - core.centre) @ core.axes[1])
            reach = abs(down) + mark.height * (0.5 + _INK_OF_MARK) - core.height / 2
            above, below = (max(above, reach), below) if down < 0 else (above, max(below, reach))
        lines.append(Line(core, above, below))
    return lines


def _hosts(line: Core, mark: Core) -> bool:
    lowest, highest = (share * line.height for share in _MARK_HEIGHT)
    narrow = mark.width < min(_MARK_WIDTH * mark.height, line.width / 2)
    if not (lowest < mark.height < highest and narrow):
        return False
    inside = abs(float((mark.centre - line.centre) @ line.axes[0])) <= line.width / 2
    return inside and _apart(line, mark) < min(_MARK_GAP * mark.height, _GAP * line.height)


def _apart(line: Core, mark: Core) -> float:
    distance = abs(float((mark.centre - line.centre) @ line.axes[1]))
    return distance - (line.height + mark.height) / 2


def _enclosing(one: Core, other: Core) -> Core:
    """The rectangle around both, along the longer one."""
    longer, shorter = (one, other) if one.width >= other.width else (other, one)
    axes = np.stack(longer.axes)
    points = np.concatenate([longer.quad(), shorter.quad()]) @ axes.T
    low, high = points.min(axis=0), points.max(axis=0)
    x, y = ((low + high) / 2) @ axes
    width, height = high - low
    score = (one.score * one.width + other.score * other.width) / (one.width + other.width)
    return replace(
        longer,
        x=float(x),
        y=float(y),
        width=float(width),
        height=float(height),
        score=score,
    )
