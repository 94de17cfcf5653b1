"""From a detector's map of probabilities to the cores of lines; `lines.py` goes on from there.

A DB detector (Liao et al. 2020) is taught to draw lines shrunk, so that neighbours stay apart: the
core of a line is a little more than half as high as its ink.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from lipiyana.ocr.detection.settings import SCENE_DETECTION, DetectionSettings

Map = npt.NDArray[np.float32]
Outline = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Core:
    """The middle of a line: a turned rectangle.

    Attributes:
        x, y: its centre, in pixels.
        width, height: along and across the text, in pixels.
        angle: of the text, in radians, clockwise from level, within a half turn.
        score: mean probability.
    """

    x: float
    y: float
    width: float
    height: float
    angle: float
    score: float

    @property
    def axes(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Unit vectors along the text and down across it."""
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        return np.array([cos, sin]), np.array([-sin, cos])

    @property
    def centre(self) -> npt.NDArray[np.float64]:
        """(2,) x and y."""
        return np.array([self.x, self.y])

    def quad(
        self, top: float = 0.0, bottom: float = 0.0, left: float = 0.0, right: float = 0.0
    ) -> npt.NDArray[np.float64]:
        """(4, 2) corners, clockwise from the top left, each side moved out by that many pixels."""
        along, down = self.axes
        x0, x1 = -self.width / 2 - left, self.width / 2 + right
        y0, y1 = -self.height / 2 - top, self.height / 2 + bottom
        local = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
        corners: npt.NDArray[np.float64] = self.centre + local @ np.stack([along, down])
        return corners


def cores(
    probabilities: Map,
    *,
    pixel_threshold: float,
    box_threshold: float,
    settings: DetectionSettings = SCENE_DETECTION,
) -> list[Core]:
    """Find the lines in a map (rows, columns) of probabilities of text.

    Args:
        probabilities: in [0, 1].
        pixel_threshold: probability above which a pixel is text.
        box_threshold: mean probability above which a region is a line.
        settings: tuned constants.
    """
    mask = cv2.dilate((probabilities > pixel_threshold).astype(np.uint8), np.ones((2, 2), np.uint8))
    contours = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)[0]
    found: list[tuple[Core, Outline]] = []
    for contour in contours[: settings.most_cores]:
        points = np.asarray(contour, np.int32).reshape(-1, 2)
        core = _around(points, None)
        if min(core.width, core.height) < settings.min_core_side:
            continue
        score = _mean_inside(probabilities, core)
        if score >= box_threshold:
            found.append((replace(core, score=score), points))
    tilt = usual_tilt([core for core, _ in found], settings=settings)
    return [_straightened(core, points, tilt, settings) for core, points in found]


def usual_tilt(
    lines: Sequence[Core], *, settings: DetectionSettings = SCENE_DETECTION
) -> float | None:
    """Angle of most of the text, by the long lines; None if there are none."""
    long = [core for core in lines if core.width > settings.tilt_aspect * core.height]
    if not long:
        return None
    long.sort(key=lambda core: core.angle)
    reach = np.cumsum([core.width for core in long])
    return long[int(np.searchsorted(reach, reach[-1] / 2))].angle


def _straightened(
    core: Core, points: Outline, tilt: float | None, settings: DetectionSettings
) -> Core:
    """A short word lies as the long lines do: the smallest rectangle around it means nothing."""
    longer = max(core.width, core.height) / min(core.width, core.height)
    if longer >= settings.own_direction_aspect:
        return core
    return replace(_around(points, tilt or 0.0), score=core.score)


def _around(points: Outline, angle: float | None) -> Core:
    """The smallest rectangle around points (n, 2), or the smallest at an angle."""
    if angle is None:
        (x, y), (width, height), degrees = cv2.minAreaRect(points)
        angle = math.radians(degrees)
        # of the four ways to name the sides, the one nearest to level text; tall text runs down
        quarter = round(angle / (math.pi / 2))
        if quarter % 2:
            width, height = height, width
        return Core(x, y, width, height, angle - quarter * math.pi / 2, 0.0)
    cos, sin = math.cos(angle), math.sin(angle)
    axes = np.array([[cos, sin], [-sin, cos]])
    local = points @ axes.T
    low, high = local.min(axis=0), local.max(axis=0)
    x, y = ((low + high) / 2) @ axes
    width, height = high - low
    return Core(float(x), float(y), float(width), float(height), angle, 0.0)


def _mean_inside(probabilities: Map, core: Core) -> float:
    corners = core.quad()
    rows, columns = probabilities.shape
    x0, y0 = np.clip(np.floor(corners.min(axis=0)), 0, (columns - 1, rows - 1)).astype(int)
    x1, y1 = np.clip(np.ceil(corners.max(axis=0)), 0, (columns - 1, rows - 1)).astype(int)
    mask = np.zeros((y1 - y0 + 1, x1 - x0 + 1), np.uint8)
    cv2.fillPoly(mask, [(corners - (x0, y0)).astype(np.int32)], 1)
    return float(cv2.mean(probabilities[y0 : y1 + 1, x0 : x1 + 1], mask)[0])
