"""Where to cut a plate of two rows: along the emptiest line between them, which may be tilted."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from lipiyana.ocr.crops import crop_quad
from lipiyana.ocr.geometry import Quad

_HEIGHT = 64  # pixels at which the cut is looked for
_SLOPES = np.linspace(-0.24, 0.24, 25)
_STEEP = 0.25  # what a slope of 1 costs, as a share of the mean change
_CLEAN = 0.1  # likewise, so that of two empty lines the better placed is taken
_FIRST, _LAST = 0.3, 0.68  # where the middle of the cut may be, as shares of the height
_OVERLAP = 0.02
_LEAST_SHARE = 0.05


def two_rows(crop: npt.NDArray[np.uint8]) -> tuple[Quad, Quad]:
    """Cut a plate between its rows, where the fewest strokes are crossed.

    The ground between rows does not change from column to column, and neither does a line that
    is painted there.

    Args:
        crop: (height, width, 3) RGB of one plate, of any size.

    Returns:
        Corners of the upper and the lower row, tilted as the cut is; they overlap a little and
        reach beyond the crop where it is tilted.
    """
    height, width = map(int, crop.shape[:2])
    return cut_along(width, height, *_emptiest_line(crop))


def cut_along(width: int, height: int, middle: float, slope: float) -> tuple[Quad, Quad]:
    """Cut a crop of this size in two along a line.

    Args:
        width: of the crop.
        height: of the crop.
        middle: where the line crosses the middle of the crop, as a share of the height.
        slope: of the line, downwards to the right.

    Returns:
        Corners of both parts, as of `two_rows`.
    """
    left, right = (middle * height + slope * x for x in (-width / 2, width / 2))
    overlap = _OVERLAP * height
    upper, lower = middle * height + overlap, (1 - middle) * height + overlap
    return (
        _parallelogram(width, left + overlap - upper, right + overlap - upper, upper),
        _parallelogram(width, left - overlap, right - overlap, lower),
    )


def split_two_rows(
    crop: npt.NDArray[np.uint8],
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Give the rows that `two_rows` finds as crops, made level."""
    upper, lower = two_rows(crop)
    return crop_quad(crop, upper), crop_quad(crop, lower)


def _emptiest_line(crop: npt.NDArray[np.uint8]) -> tuple[float, float]:
    """Middle of the line as a share of the height, and its slope."""
    height, width = crop.shape[:2]
    wide = max(2, round(width * _HEIGHT / max(1, height)))
    small = cv2.resize(crop, (min(wide, 8 * _HEIGHT), _HEIGHT), interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
    change = cv2.blur(np.abs(np.diff(grey, axis=1)), (1, 3))
    columns = np.arange(change.shape[1])
    across = (columns + 1) - small.shape[1] / 2
    starts = np.arange(round(_FIRST * _HEIGHT), round(_LAST * _HEIGHT))
    # (slopes, starts, columns)
    rows = starts[None, :, None] + np.round(_SLOPES[:, None, None] * across).astype(int)
    crossed = change[np.clip(rows, 0, _HEIGHT - 1), columns].mean(axis=2)
    crossed += (_CLEAN + _STEEP * np.abs(_SLOPES)[:, None]) * float(change.mean())
    # the ground above or below all text is empty too, but it has a row on one side alone
    above = np.cumsum(change.sum(axis=1))[starts] / max(1e-6, float(change.sum()))
    crossed /= np.maximum(np.minimum(above, 1 - above), _LEAST_SHARE)
    slope, start = np.unravel_index(int(crossed.argmin()), crossed.shape)
    # slopes are the same in both scales but where the width was cut
    stretched = wide / small.shape[1]
    return (int(starts[start]) + 0.5) / _HEIGHT, float(_SLOPES[slope]) / stretched


def _parallelogram(width: float, left: float, right: float, height: float) -> Quad:
    return np.array(
        [[0, left], [width, right], [width, right + height], [0, left + height]], np.float64
    )
