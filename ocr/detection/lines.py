"""From the cores that a detector draws to whole lines.

`join` joins the pieces of one line or one word, and gives lines the marks that stand apart from
them. `line_quads` widens each core to its line's ink: matras stand above it, vowel signs below.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from lipiyana.ocr.detection.settings import SCENE_DETECTION, DetectionSettings, Reach
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


_ROWS = 16  # rows of pixels to which a core is scaled
_MOST_COLUMNS = 1024


def line_quads(
    image: npt.NDArray[np.uint8],
    lines: Sequence[Line],
    *,
    settings: DetectionSettings = SCENE_DETECTION,
) -> list[npt.NDArray[np.float64]]:
    """Widen cores to the lines' ink.

    Above and below, a line ends where no stroke crosses its rows of pixels any more, and before
    its neighbours' cores.

    Args:
        image: (height, width, 3) or (height, width), in the pixels of the cores.
        lines: all of the picture.
        settings: tuned constants.

    Returns:
        (4, 2) corners a line, clockwise from the text's top left.
    """
    grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    cores = [line.core for line in lines]
    return [_line_quad(np.asarray(grey, np.uint8), line, cores, settings) for line in lines]


def _line_quad(
    grey: npt.NDArray[np.uint8], line: Line, cores: Sequence[Core], settings: DetectionSettings
) -> npt.NDArray[np.float64]:
    core = line.core
    shrunk = _shrunk(core, settings)
    side = settings.beside * shrunk * core.height
    if core.height > core.width:
        # letters one above the other, or a single one: there are no rows to follow
        ends = settings.below.usual * shrunk * core.height
        return core.quad(ends, ends, side, side)
    strokes = _strokes(grey, core, settings)
    first = round(settings.above.most * _ROWS)
    above = _end(strokes[:first][::-1], settings.above, shrunk, settings)
    below = _end(strokes[first + _ROWS :], settings.below, shrunk, settings)
    free_above, free_below = _free(core, cores, settings)
    return core.quad(
        max(line.above, min(above, max(free_above, settings.above.least * shrunk)) * core.height),
        max(line.below, min(below, max(free_below, settings.below.least * shrunk)) * core.height),
        side,
        side,
    )


def _shrunk(core: Core, settings: DetectionSettings) -> float:
    """How much a core was shrunk beside a long one of its height: short words are shrunk less."""
    c, width, height = settings.shrink_ratio, core.width, core.height
    # the distance d by which a rectangle shrank is c times its area by its width and height:
    # d (w + h + 4d) = c (w + 2d) (h + 2d)
    half = (width + height) * (1 - 2 * c)
    square = 4 * (1 - c)
    distance = (math.sqrt(half**2 + 4 * square * c * width * height) - half) / (2 * square)
    return distance / (height * c / (1 - 2 * c))


def _strokes(
    grey: npt.NDArray[np.uint8], core: Core, settings: DetectionSettings
) -> npt.NDArray[np.float32]:
    """Change from column to column in each row of pixels that the line may reach, from the top.

    Of each row, the part of about a letter's length with the most change counts. The unit is the
    mean change in the rows of the core.
    """
    step = core.height / _ROWS
    columns = int(np.clip(round(core.width / step), 8, _MOST_COLUMNS))
    quad = core.quad(settings.above.most * core.height, settings.below.most * core.height)
    rows = round((settings.above.most + 1 + settings.below.most) * _ROWS)
    target = np.array([[0, 0], [columns, 0], [0, rows]], np.float32)
    matrix = cv2.getAffineTransform(quad[[0, 1, 3]].astype(np.float32), target)
    strip = cv2.warpAffine(grey, matrix, (columns, rows), borderMode=cv2.BORDER_REPLICATE)
    change = np.abs(np.diff(strip.astype(np.float32), axis=1))
    first = round(settings.above.most * _ROWS)
    usual = float(change[first : first + _ROWS].mean())
    letter = min(_ROWS, change.shape[1])
    near = cv2.blur(change, (letter, 1), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(near.max(axis=1) / max(usual, 1e-3), np.float32)


def _end(
    strokes: npt.NDArray[np.float32], reach: Reach, shrunk: float, settings: DetectionSettings
) -> float:
    """Height beyond the core at which the ink ends, with a little room.

    `strokes` has the rows from the core outwards.
    """
    clear = max(1, round(settings.clear_rows * _ROWS))
    empty = strokes < settings.ink_change
    least = reach.least * shrunk
    for row in range(max(0, round((least - settings.ink_room) * _ROWS)), len(strokes) - clear + 1):
        if empty[row : row + clear].all():
            return max(least, min(reach.most, row / _ROWS + settings.ink_room))
    return reach.usual * shrunk


def _free(core: Core, cores: Sequence[Core], settings: DetectionSettings) -> tuple[float, float]:
    """Room above and below until the ink of the next lines, as shares of the core's height."""
    above = below = np.inf
    along, down = core.axes
    for other in cores:
        offset = other.centre - core.centre
        apart = abs(float(offset @ along)) > (core.width + other.width) / 2
        if other is core or apart:
            continue
        distance = float(offset @ down)
        gap = (abs(distance) - (core.height + other.height) / 2) / core.height
        if gap <= 0:
            continue
        if distance < 0:
            above = min(
                above,
                gap - settings.neighbour_share * settings.below.least * other.height / core.height,
            )
        else:
            below = min(
                below,
                gap - settings.neighbour_share * settings.above.least * other.height / core.height,
            )
    return float(above), float(below)
