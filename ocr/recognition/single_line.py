"""Reads the crop of one line that may be tilted or upside down.

The tilt is measured by the ink: at the right slope, the edges of the letters gather in few rows.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from lipiyana.arrays import RgbArray
from lipiyana.ocr.crops import crop_quad
from lipiyana.ocr.geometry import Quad, rectangle
from lipiyana.ocr.recognition.legibility import Legibility
from lipiyana.ocr.recognition.reader import Reader, ReadLine
from lipiyana.ocr.recognition.settings import RECOGNITION, TILT, RecognitionSettings


def tilt_of(crop: RgbArray) -> float:
    """Degrees by which the text of a crop runs down to the right; 0 where nothing tells.

    The ink is projected across lines of many slopes: across the right one it is gathered in the
    fewest rows.
    """
    points, _ = _edges(crop)
    if len(points) < TILT.fewest_points:
        return 0.0
    coarse = np.arange(-TILT.most_degrees, TILT.most_degrees + 1, TILT.coarse_degrees)
    best = _sharpest(points, coarse)
    return _sharpest(
        points,
        np.arange(
            best - TILT.coarse_degrees + TILT.fine_degrees,
            best + TILT.coarse_degrees,
            TILT.fine_degrees,
        ),
    )


def level_quad(crop: RgbArray, degrees: float) -> Quad:
    """Corners (4, 2) of the rectangle around the line of a crop that lies along its tilt.

    Of several rows of ink the one with most is the line: a tilted crop shows parts of others. A
    crop without ink is given whole.
    """
    points, scale = _edges(crop)
    if len(points) < TILT.fewest_points:
        return rectangle(0, 0, crop.shape[1], crop.shape[0])
    along, down = _axes(degrees)
    across = points @ down
    top, bottom = _main_row(across)
    room = TILT.margin * (bottom - top)
    inside = points[(across >= top) & (across <= bottom)] @ along
    left, right = inside.min() - room, inside.max() + room
    top, bottom = top - room, bottom + room
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    quad: Quad = (corners @ np.stack([along, down]) + 0.5) / scale
    return quad


def _main_row(across: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Where the row with most ink begins and ends; marks that are near it belong to it."""
    low, high = np.quantile(across, [TILT.cut_share, 1 - TILT.cut_share])
    counts, edges = np.histogram(across, bins=TILT.bins, range=(low, max(high, low + 1)))
    inked = np.flatnonzero(counts > TILT.empty_share * counts.max())
    rows = np.split(inked, np.flatnonzero(np.diff(inked) > TILT.mark_gap * TILT.bins) + 1)
    main = max(rows, key=lambda row: counts[row].sum())
    return float(edges[main[0]]), float(edges[main[-1] + 1])


def _axes(degrees: float) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return np.array([cos, sin]), np.array([-sin, cos])


def _sharpest(points: npt.NDArray[np.float64], angles: npt.NDArray[np.float64]) -> float:
    scores = []
    for degrees in angles:
        across = points @ _axes(float(degrees))[1]
        counts = np.bincount((across - across.min()).astype(np.intp))
        scores.append(float((counts.astype(np.float64) ** 2).sum()))
    return float(angles[int(np.argmax(scores))])


def _edges(crop: RgbArray) -> tuple[npt.NDArray[np.float64], float]:
    """Points (n, 2) on the edges of strokes in a small copy, and the scale of the copy."""
    height, width = crop.shape[:2]
    scale = min(1.0, math.sqrt(TILT.pixels / (height * width)))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    grey = cv2.cvtColor(cv2.resize(crop, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    x, y = (cv2.Sobel(grey, cv2.CV_32F, dx, 1 - dx) for dx in (1, 0))
    strength = cv2.magnitude(x, y)
    floor = max(
        float(np.quantile(strength, 1 - TILT.edge_share)), 0.25 * float(strength.max()), 1.0
    )
    rows, columns = np.nonzero(strength >= floor)
    return np.stack([columns, rows], axis=1).astype(np.float64), scale


@dataclass(frozen=True, slots=True, eq=False)
class SingleLine:
    """What a crop of one line says.

    Attributes:
        line: its polygon begins at the top of the first character.
        upside_down: whether the line was read upside down.
    """

    line: ReadLine
    upside_down: bool


def read_single_line(
    crop: RgbArray,
    reader: Reader,
    hints: Collection[str] = (),
    *,
    words: bool = False,
    settings: RecognitionSettings = RECOGNITION,
) -> SingleLine:
    """Read (height, width, 3) RGB.

    A line that was read with doubt is read once more made level, if it is tilted, then upside down.
    Another reading wins where it is clearly more confident.
    """
    quads = [rectangle(0, 0, crop.shape[1], crop.shape[0])]

    def read(places: Sequence[Quad]) -> ReadLine:
        """Give the best of several places; all but the first must be clearly better."""
        crops = [crop_quad(crop, quad) for quad in places]
        found = reader.read(crops, hints=hints, words=words)
        best, *others = map(ReadLine, places, found)
        for other in others:
            best = other if _is_better(other, best, settings) else best
        return best

    line = read(quads)
    if line.reading.confidence < settings.level_below and crop.shape[1] > crop.shape[0]:
        tilt = tilt_of(crop)
        if abs(tilt) >= settings.min_tilt:
            quads.append(level_quad(crop, tilt))
            level = read(quads[1:])
            line = level if _is_better(level, line, settings) else line
    if not Legibility.of([line.reading]).is_sure(settings=settings):
        over = read([np.roll(quad, 2, axis=0) for quad in quads])
        if _is_better(over, line, settings):
            return SingleLine(over, upside_down=True)
    return SingleLine(line, upside_down=False)


def _is_better(one: ReadLine, other: ReadLine, settings: RecognitionSettings) -> bool:
    new, old = (Legibility.of([line.reading]) for line in (one, other))
    return new.is_better_than(old, settings=settings)
