"""How a detector's crop shows a line: leaning, seen from a side, cut tight or loose."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from lipiyana.rendering.effects.camera import Image

Points = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Pose:
    """How the sign is seen.

    Attributes:
        stretch: width of the letters beside their height.
        slant: tangent of their lean to the right.
        angle: rotation in radians, clockwise.
        keystone: (4, 2) shift of each corner of the line, as a part of its height.
    """

    stretch: float
    slant: float
    angle: float
    keystone: Points


@dataclass(frozen=True, slots=True)
class Margins:
    """Room around the ink, as a part of the height of the ink; negative cuts into it."""

    top: float
    bottom: float
    left: float
    right: float


def take_crop(
    scene: Image, ink: tuple[int, int, int, int], pose: Pose, margins: Margins, height: int
) -> tuple[Image, Points]:
    """See a flat scene from `pose` and cut out the line.

    Args:
        scene: (H, W, 3).
        ink: x_min, y_min, x_max, y_max of the letters.
        pose: of the sign.
        margins: around the ink, after the pose.
        height: of the crop in pixels.

    Returns:
        The crop, (height, width, 3), and (4, 2) corners of the ink in it, clockwise from the
        top left.
    """
    x0, y0, x1, y1 = ink
    corners = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], np.float32)
    middle = corners.mean(axis=0)
    size = y1 - y0
    flat = (corners - middle).astype(np.float32)
    cos, sin = np.cos(pose.angle), np.sin(pose.angle)
    lean = np.array([[pose.stretch, -pose.slant], [0, 1]])
    turn = np.array([[cos, -sin], [sin, cos]])
    seen = flat @ (turn @ lean).T.astype(np.float32) + pose.keystone * np.float32(size)
    low, high = seen.min(axis=0), seen.max(axis=0)
    tall = float(high[1] - low[1])
    low = low - np.array([margins.left, margins.top], np.float32) * tall
    high = high + np.array([margins.right, margins.bottom], np.float32) * tall
    scale = height / max(1.0, float(high[1] - low[1]))
    width = max(4, round(float(high[0] - low[0]) * scale))
    target = ((seen - low) * np.float32(scale)).astype(np.float32)
    matrix = cv2.getPerspectiveTransform(corners, target)
    crop = cv2.warpPerspective(
        scene, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(crop, np.uint8), target
