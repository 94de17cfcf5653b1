"""Pieces that a detector made of one line, or of one word, are put together again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from lipiyana.ocr.detection.settings import SCENE_DETECTION, DetectionSettings
from lipiyana.ocr.detection.text_map import Core


@dataclass(frozen=True, slots=True)
class Line:
    """A line's core, and how far marks that were found apart from it reach above and below it, in
    pixels, ink and all.
    """

    core: Core
    above: float = 0.0
    below: float = 0.0


def join(cores: Sequence[Core], *, settings: DetectionSettings = SCENE_DETECTION) -> list[Line]:
    """Join the pieces of words, from left to right, and give lines the marks above and below."""
    return _with_marks(_rows(sorted(cores, key=lambda core: core.x), settings), settings)


def _rows(ordered: Sequence[Core], settings: DetectionSettings) -> list[Core]:
    rows: list[Core] = []
    for core in ordered:
        for index in range(len(rows) - 1, -1, -1):
            if _continues(rows[index], core, settings):
                rows[index] = _enclosing(rows[index], core)
                break
        else:
            rows.append(core)
    return rows


def _continues(left: Core, right: Core, settings: DetectionSettings) -> bool:
    low, high = sorted((left.height, right.height))
    if low < settings.same_height * high or abs(left.angle - right.angle) > settings.same_angle:
        return False
    along, down = (left if left.width > right.width else right).axes
    offset = right.centre - left.centre
    gap = float(offset @ along) - (left.width + right.width) / 2
    return (
        -low < gap < settings.near_gap * low
        and abs(float(offset @ down)) < settings.same_row_offset * low
    )


def _with_marks(cores: Sequence[Core], settings: DetectionSettings) -> list[Line]:
    """Marks that stand apart from their line (a subscript, a vowel sign) belong to the nearest."""
    hosts: dict[int, int] = {}
    for index, mark in enumerate(cores):
        able = [i for i, line in enumerate(cores) if i != index and _hosts(line, mark, settings)]
        if able:
            hosts[index] = min(able, key=lambda i: _apart(cores[i], mark))
    lines = []
    for index, core in enumerate(cores):
        if index in hosts and hosts[index] not in hosts:
            continue
        above = below = 0.0
        for mark in (cores[i] for i, host in hosts.items() if host == index):
            down = float((mark.centre - core.centre) @ core.axes[1])
            reach = abs(down) + mark.height * (0.5 + settings.mark_ink) - core.height / 2
            above, below = (max(above, reach), below) if down < 0 else (above, max(below, reach))
        lines.append(Line(core, above, below))
    return lines


def _hosts(line: Core, mark: Core, settings: DetectionSettings) -> bool:
    lowest, highest = (share * line.height for share in settings.mark_heights)
    narrow = mark.width < min(settings.mark_aspect * mark.height, line.width / 2)
    if not (lowest < mark.height < highest and narrow):
        return False
    inside = abs(float((mark.centre - line.centre) @ line.axes[0])) <= line.width / 2
    return inside and _apart(line, mark) < min(
        settings.mark_gap * mark.height, settings.mark_gap_of_line * line.height
    )


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
