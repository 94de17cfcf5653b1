"""Pictures of plates as taken by a camera, with the positions of their rows.

The plate reader is trained on them; training data of the plate detector and the samples use them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from lipiyana.arrays import RgbArray
from lipiyana.rendering.contents.plate_texts import PlateText, random_registration
from lipiyana.rendering.effects.backgrounds import clutter
from lipiyana.rendering.effects.camera import smooth_noise
from lipiyana.rendering.effects.degrading import degrade
from lipiyana.rendering.fonts.families import FontLibrary
from lipiyana.rendering.plates.painting import FlatPlate, Quad, paint_plate
from lipiyana.rendering.plates.styles import PlateStyle, random_style
from lipiyana.rendering.recipe import RenderRecipe
from lipiyana.types import PlateColour, RegistrationFormat

CAMERA = RenderRecipe(
    blur=0.45, motion=0.1, low_resolution=0.35, noise=0.4, jpeg=0.6, uneven_light=0.4,
    shadow_edge=0.15, glare=0.1, night=0.1, stains=0.05, scratches=0.05, sharpen=0.2, cast=0.4,
)  # fmt: skip
"""Probabilities of the degradations of a plate by camera and light."""

_LOWEST, _HIGHEST = 20, 160
_BODIES = ((238, 238, 236), (196, 198, 202), (40, 42, 46), (150, 22, 30), (30, 60, 130),
           (18, 122, 92), (228, 178, 30), (96, 98, 102), (24, 24, 26), (110, 84, 62))  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class RenderedPlate:
    """A crop of one plate.

    Attributes:
        image: (height, width, 3) RGB.
        text: the registration, with its format and colours.
        style: the style with which it was drawn.
        quads: (rows, 4, 2) corners of the ink of each row in pixels, clockwise from the top left;
            they may lie outside the picture if the crop is tight.
        outline: (4, 2) corners of the plate.
    """

    image: RgbArray
    text: PlateText
    style: PlateStyle
    quads: Quad
    outline: Quad

    @property
    def rows(self) -> tuple[str, ...]:
        """The rows from the top, as painted."""
        return self.text.rows

    @property
    def canonical(self) -> str:
        """The value of `Registration.canonical`."""
        return self.text.canonical

    @property
    def format(self) -> RegistrationFormat:
        """The registration format."""
        return self.text.format

    @property
    def colour(self) -> PlateColour:
        """Colours of text and ground."""
        return self.text.colour


def render_plate(
    rng: np.random.Generator,
    library: FontLibrary,
    text: PlateText | None = None,
    *,
    style: PlateStyle | None = None,
    height: int | None = None,
    recipe: RenderRecipe = CAMERA,
) -> RenderedPlate:
    """Render a crop of a plate; the same state of the generator gives the same picture.

    Args:
        rng: random generator.
        library: the fonts.
        text: the registration; None draws one.
        style: the plate's style; None draws one that fits the text.
        height: of the crop in pixels; None draws 20 to 160, small ones more often.
        recipe: probabilities of the degradations, and the split of the fonts.

    Raises:
        LookupError: no installed font has the characters.
    """
    text = text or random_registration(rng)
    style = style or random_style(rng, text, library, recipe.split)
    if height is None:
        usual = np.log(62 if len(text.rows) == 1 else 90)
        height = round(float(np.clip(np.exp(rng.normal(usual, 0.45)), _LOWEST, _HIGHEST)))
    scale = float(np.clip(1.5 * height / style.height, 0.5, 4.0))
    flat = paint_plate(rng, text, style, scale)
    matrix, size = _view(rng, flat, height)
    image = _compose(rng, flat, matrix, size)
    image = degrade(image, rng, _weaker(recipe, len(text.rows)))
    return RenderedPlate(
        image, text, style, project(flat.rows, matrix), project(flat.outline, matrix)
    )


def project(points: Quad, matrix: npt.NDArray[np.floating]) -> Quad:
    """Apply a homography (3, 3) to points (..., 2)."""
    flat = np.concatenate([points.reshape(-1, 2), np.ones((points.size // 2, 1))], axis=1)
    moved = flat @ matrix.T
    return np.asarray((moved[:, :2] / moved[:, 2:]).reshape(points.shape), np.float32)


def warped_at_double_resolution(
    flat: FlatPlate, matrix: npt.NDArray[np.floating], size: tuple[int, int]
) -> tuple[npt.NDArray[np.uint8], RgbArray]:
    """Warp a plate at twice the resolution; averaging it afterwards keeps thin strokes intact.

    Args:
        flat: the plate.
        matrix: (3, 3), from the flat plate to a picture.
        size: columns and rows of that picture.

    Returns:
        Alpha (2 rows, 2 columns) and colours (2 rows, 2 columns, 3), BGR; the colours are
        extended beyond the plate's edge.
    """
    fine = np.diag([2.0, 2.0, 1.0]) @ matrix
    twice = (2 * size[0], 2 * size[1])
    alpha = cv2.warpPerspective(flat.alpha, fine, twice, flags=cv2.INTER_LINEAR)
    front = cv2.warpPerspective(
        flat.image, fine, twice, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(alpha, np.uint8), np.asarray(front, np.uint8)


def random_view(
    rng: np.random.Generator, width: float, height: float, strength: float = 1.0
) -> Quad:
    """Draw the corners of a rectangle as projected by a camera to the side and above.

    Returns:
        (4, 2) corners relative to the middle of the rectangle, of about its size.
    """
    yaw, pitch = rng.normal(0, 0.32, 2) * strength * (1, 0.6)
    roll = rng.normal(0, 0.05) * strength
    x = np.array([-0.5, 0.5, 0.5, -0.5]) * width
    y = np.array([-0.5, -0.5, 0.5, 0.5]) * height
    distance = max(width, height) * rng.uniform(2.2, 6)
    depth = distance + x * np.sin(yaw) + y * np.sin(pitch)
    u, v = x * np.cos(yaw) * distance / depth, y * np.cos(pitch) * distance / depth
    turned = (u * np.cos(roll) - v * np.sin(roll), u * np.sin(roll) + v * np.cos(roll))
    return np.stack(turned, axis=1).astype(np.float32)


def _view(
    rng: np.random.Generator, flat: FlatPlate, height: int
) -> tuple[npt.NDArray[np.float64], tuple[int, int]]:
    """Draw a homography from the flat plate to a crop, and the crop's (width, height)."""
    corners = flat.outline
    wide, tall = corners.max(axis=0) - corners.min(axis=0)
    seen = random_view(rng, float(wide), float(tall))
    low, high = seen.min(axis=0), seen.max(axis=0)
    margins = np.clip(rng.gamma(1.5, 0.05, 4) - 0.03, -0.04, 0.4) * float(high[1] - low[1])
    low, high = low - margins[:2], high + margins[2:]
    scale = height / float(high[1] - low[1])
    target = ((seen - low) * scale).astype(np.float32)
    matrix = cv2.getPerspectiveTransform(corners.astype(np.float32), target)
    return np.asarray(matrix, np.float64), (max(8, round(float(high[0] - low[0]) * scale)), height)


def _compose(
    rng: np.random.Generator,
    flat: FlatPlate,
    matrix: npt.NDArray[np.float64],
    size: tuple[int, int],
) -> RgbArray:
    """Draw the plate, with its shadow, on the vehicle's body."""
    width, height = size
    body = np.array(_BODIES[int(rng.integers(len(_BODIES)))], np.float32)
    around = np.empty((height, width, 3), np.float32)
    around[:] = body
    around += np.linspace(22, -30, height, dtype=np.float32)[:, None, None]
    around += smooth_noise(rng, height, width, height)[:, :, None] * np.float32(18)
    if rng.random() < 0.3:
        around = clutter(rng, height, width).astype(np.float32)
    alpha, front = (
        cv2.resize(one, size, interpolation=cv2.INTER_AREA)
        for one in warped_at_double_resolution(flat, matrix, size)
    )
    alpha = alpha.astype(np.float32) / 255
    drop = max(1, round(height * 0.03))
    shadow = cv2.GaussianBlur(np.roll(alpha, drop, axis=0), (0, 0), max(0.8, height * 0.02))
    around *= 1 - np.float32(0.55) * shadow[:, :, None]
    around += (front - around) * alpha[:, :, None]
    return np.clip(around, 0, 255).astype(np.uint8)


def _weaker(recipe: RenderRecipe, rows: int) -> RenderRecipe:
    # the effects assume that the height of a picture is one line of text
    return replace(recipe, strength=recipe.strength * (0.6 if rows == 1 else 0.4))
