"""Cut a quadrilateral out of a picture and make it upright."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

from lipiyana.arrays import RgbArray
from lipiyana.ocr.recognition.settings import RECOGNITION

_MAX_SIDE = 8192
_LONGEST_WARPED = 32766  # sides of pictures that OpenCV 4 takes; its coordinates are of 16 bits
_AROUND = 4  # pixels beside a quadrilateral that its edge is mixed with


@dataclass(frozen=True, slots=True)
class Margins:
    """What a crop takes beside its quadrilateral, as shares of the quadrilateral's height.

    Detectors cut matras above and below the letters; a little more is read better.
    """

    x: float = 0.0
    y: float = 0.0


NO_MARGINS = Margins()


def crop_quad(
    image: RgbArray,
    quad: npt.ArrayLike,
    margins: Margins = NO_MARGINS,
) -> RgbArray:
    """Cut `quad` out in its natural size.

    Args:
        image: (height, width, 3).
        quad: (4, 2) corners, clockwise from the text's top left, in pixels; may reach outside,
            where the picture's edge is repeated.
        margins: widens the quadrilateral first.

    Returns:
        (height, width, 3), at least 1x1 whatever the corners are; text that runs downwards is
        turned a quarter to the left, to lie flat.
    """
    corners = np.asarray(quad, np.float64).reshape(4, 2)
    if not np.isfinite(corners).all():
        return image[:1, :1].copy()
    size = np.array([image.shape[1], image.shape[0]], np.float64)
    # further out there is nothing to see, and a crop's size must have a bound
    corners = widen(np.clip(corners, -size, 2 * size), margins)
    if max(image.shape[:2]) > _LONGEST_WARPED:
        image, corners = _around(image, corners)
    width, height = _natural_size(corners)
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
    # OpenCV's pixels have their centres at whole numbers, ours at halves
    matrix = cv2.getPerspectiveTransform(
        (corners - 0.5).astype(np.float32), (target - 0.5).astype(np.float32)
    )
    if not np.isfinite(matrix).all() or abs(np.linalg.det(matrix)) < 1e-12:
        return _upright_crop(image, corners)
    crop = cv2.warpPerspective(
        image,
        matrix,
        (width, height),
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )
    if _is_vertical(width, height):
        crop = np.ascontiguousarray(np.rot90(crop))
    return cast("RgbArray", crop)


def along_text(quad: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Give the corners (4, 2) of a quadrilateral from the top left of its crop as it is read: from
    the next corner where text runs downwards.
    """
    return np.roll(quad, -1, axis=0) if _is_vertical(*_natural_size(quad)) else quad


def _is_vertical(width: int, height: int) -> bool:
    return height > RECOGNITION.vertical_ratio * width


def _around(
    image: RgbArray, corners: npt.NDArray[np.float64]
) -> tuple[RgbArray, npt.NDArray[np.float64]]:
    """The part of a picture that a quadrilateral needs, small enough to be warped, and the corners
    in it.
    """
    far = np.array([image.shape[1], image.shape[0]])
    start = np.clip(np.floor(corners.min(axis=0)).astype(int) - _AROUND, 0, far - 1)
    end = np.clip(np.ceil(corners.max(axis=0)).astype(int) + _AROUND, start + 1, far)
    part, moved = image[start[1] : end[1], start[0] : end[0]], corners - start
    sides = np.array([part.shape[1], part.shape[0]])
    smaller = np.minimum(sides, _MAX_SIDE)
    if (smaller < sides).any():
        shown = (int(smaller[0]), int(smaller[1]))
        part = np.asarray(cv2.resize(part, shown, interpolation=cv2.INTER_AREA), np.uint8)
        moved = moved * (smaller / sides)
    return part, moved


def widen(corners: npt.NDArray[np.float64], margins: Margins) -> npt.NDArray[np.float64]:
    """Move the corners (4, 2) outwards by `margins`, along the quadrilateral's own sides."""
    top_left, top_right, bottom_right, bottom_left = corners
    height = (_length(bottom_left - top_left) + _length(bottom_right - top_right)) / 2
    along = _unit(top_right - top_left + bottom_right - bottom_left) * height * margins.x
    down = _unit(bottom_left - top_left + bottom_right - top_right) * height * margins.y
    wider: npt.NDArray[np.float64] = corners + np.array(
        [-along - down, along - down, along + down, -along + down]
    )
    return wider


def _natural_size(corners: npt.NDArray[np.float64]) -> tuple[int, int]:
    sides = np.linalg.norm(np.roll(corners, -1, axis=0) - corners, axis=1)
    width, height = max(sides[0], sides[2]), max(sides[1], sides[3])
    return (
        int(np.clip(round(float(width)), 1, _MAX_SIDE)),
        int(np.clip(round(float(height)), 1, _MAX_SIDE)),
    )


def _upright_crop(image: RgbArray, corners: npt.NDArray[np.float64]) -> RgbArray:
    """Cut the corners' bounding box: for quadrilaterals that are lines, points or twisted."""
    height, width = image.shape[:2]
    x_min, y_min = np.floor(corners.min(axis=0)).astype(int)
    x_max, y_max = np.ceil(corners.max(axis=0)).astype(int)
    x_min, y_min = int(np.clip(x_min, 0, width - 1)), int(np.clip(y_min, 0, height - 1))
    x_max, y_max = int(np.clip(x_max, x_min + 1, width)), int(np.clip(y_max, y_min + 1, height))
    return image[y_min:y_max, x_min:x_max].copy()


def _length(vector: npt.NDArray[np.float64]) -> float:
    return float(np.hypot(*vector))


def _unit(vector: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    length = _length(vector)
    return vector / length if length > 0 else np.zeros(2)
