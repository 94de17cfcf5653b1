"""Crops a line as a text detector would: rotated, in perspective, with tight or loose margins.

`draw_pose` and `draw_margins` draw the view and the margins at random.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from lipiyana.arrays import RgbArray
from lipiyana.rendering.recipe import RenderRecipe, Style

Points = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Pose:
    """The view of a sign.

    Attributes:
        stretch: factor on the width of the letters.
        slant: tangent of their slant to the right.
        angle: rotation in radians, clockwise.
        keystone: (4, 2) shift of each corner of the line, as a fraction of its height.
    """

    stretch: float
    slant: float
    angle: float
    keystone: Points


@dataclass(frozen=True, slots=True)
class Margins:
    """Margins around the ink, as fractions of the ink's height; negative ones cut into it."""

    top: float
    bottom: float
    left: float
    right: float


def take_crop(
    scene: RgbArray, ink: tuple[int, int, int, int], pose: Pose, margins: Margins, height: int
) -> tuple[RgbArray, Points]:
    """Warp a flat scene by `pose` and crop the line.

    Args:
        scene: (H, W, 3).
        ink: x_min, y_min, x_max, y_max of the letters.
        pose: view of the sign.
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


_NARROWEST, _WIDEST = 0.65, 1.4
# of a line seen far from the side, as fractions of its height: rise of the baseline, growth of the
# near end
_MOST_CLIMB, _MOST_NEARER = 0.6, 0.35


def draw_margins(rng: np.random.Generator, recipe: RenderRecipe, style: Style) -> Margins:
    """Draw margins: mostly 0.1 to 0.2 of the ink's height, sometimes none, sometimes large."""
    if style == "print":
        return Margins(*rng.normal(0.05, 0.06, 4).clip(-0.06, 0.3).tolist())
    if style == "plate" and rng.random() < 0.5:
        # the whole plate with its rim and a part of the bumper
        return Margins(*rng.uniform(0.15, 0.5, 4).tolist())
    values = rng.gamma(2.2, 0.055, 4)
    values[2:] *= 1.3
    if rng.random() < 0.1:
        values += rng.uniform(0, 0.3, 4)
    if style == "sign" and rng.random() < recipe.tight:
        sides = rng.random(4) < 0.5
        values[sides] = rng.uniform(-0.06, 0.01, int(sides.sum()))
    return Margins(*values.tolist())


def draw_pose(rng: np.random.Generator, recipe: RenderRecipe, style: Style, aspect: float) -> Pose:
    """Draw a view: stretch, slant, rotation and perspective.

    Args:
        rng: random generator.
        recipe: probabilities.
        style: print is never seen in perspective.
        aspect: width of the line divided by its height.
    """
    level = np.zeros((4, 2), np.float32)
    if style == "print":
        return Pose(float(np.exp(rng.normal(0, 0.1))), 0.0, float(rng.normal(0, 0.008)), level)
    stretch = 1.0
    if rng.random() < recipe.stretch:
        stretch = float(np.clip(np.exp(rng.normal(-0.05, 0.2)), _NARROWEST, _WIDEST))
    slant = float(rng.normal(0, 0.15)) if rng.random() < recipe.slant else 0.0
    if style == "sign" and rng.random() < recipe.side_view:
        return _from_the_side(rng, stretch, slant, aspect)
    if rng.random() >= recipe.perspective:
        return Pose(stretch, slant, 0.0, level)
    keystone = rng.normal(0, 0.035, (4, 2)).astype(np.float32)
    slant += float(rng.normal(0, 0.06))
    # a detector's crop levels the rotation of a long line, but keeps that of a short word
    most = 0.35 / max(aspect, 1.0)
    spread = most if rng.random() < 0.3 else most / 4
    angle = float(np.clip(rng.normal(0, spread), -most, most))
    return Pose(stretch, slant, angle, keystone)


def _from_the_side(rng: np.random.Generator, stretch: float, slant: float, aspect: float) -> Pose:
    """Draw a strong side view: foreshortened, with a sloping baseline and upright letters."""
    stretch = max(0.4, stretch * float(rng.uniform(0.45, 0.95)))
    climb = float(np.clip(rng.normal(0, 0.14) * aspect * stretch, -_MOST_CLIMB, _MOST_CLIMB))
    nearer = float(rng.uniform(-_MOST_NEARER, _MOST_NEARER))
    keystone = rng.normal(0, 0.02, (4, 2)).astype(np.float32)
    # clockwise from the top left, y down
    keystone[:, 1] += (
        np.array([climb + nearer, -climb - nearer, nearer - climb, climb - nearer]) / 2
    )
    return Pose(stretch, slant, 0.0, keystone)
