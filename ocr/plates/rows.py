"""Where to cut a plate of two or three rows: along the emptiest lines between them, which may be
tilted.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from lipiyana.arrays import RgbArray
from lipiyana.ocr.crops import crop_quad
from lipiyana.ocr.geometry import Quad
from lipiyana.ocr.plates.settings import PLATES, PlateSettings

_HEIGHT = 64  # pixels at which the cut is looked for
_SLOPES = np.linspace(-0.24, 0.24, 25)


def two_rows(crop: RgbArray, *, settings: PlateSettings = PLATES) -> tuple[Quad, Quad]:
    """Cut a plate between its rows, where the fewest strokes are crossed.

    The ground between rows does not change from column to column, and neither does a line that
    is painted there.

    Args:
        crop: (height, width, 3) RGB of one plate, of any size.
        settings: tuned constants.

    Returns:
        Corners of the upper and the lower row, tilted as the cut is; they overlap a little and
        reach beyond the crop where it is tilted.
    """
    height, width = map(int, crop.shape[:2])
    return cut_along(width, height, *_emptiest_line(crop, settings), settings=settings)


def cut_along(
    width: int, height: int, middle: float, slope: float, *, settings: PlateSettings = PLATES
) -> tuple[Quad, Quad]:
    """Cut a crop of this size in two along a line.

    Args:
        width: of the crop.
        height: of the crop.
        middle: where the line crosses the middle of the crop, as a share of the height.
        slope: of the line, downwards to the right.
        settings: tuned constants.

    Returns:
        Corners of both parts, as of `two_rows`.
    """
    left, right = (middle * height + slope * x for x in (-width / 2, width / 2))
    overlap = settings.row_overlap * height
    upper, lower = middle * height + overlap, (1 - middle) * height + overlap
    return (
        _parallelogram(width, left + overlap - upper, right + overlap - upper, upper),
        _parallelogram(width, left - overlap, right - overlap, lower),
    )


def split_two_rows(
    crop: RgbArray,
    *,
    settings: PlateSettings = PLATES,
) -> tuple[RgbArray, RgbArray]:
    """Give the rows that `two_rows` finds as crops, made level."""
    upper, lower = two_rows(crop, settings=settings)
    return crop_quad(crop, upper), crop_quad(crop, lower)


def three_rows(crop: RgbArray, *, settings: PlateSettings = PLATES) -> tuple[Quad, Quad, Quad]:
    """Cut a plate between its three rows, which are tilted alike.

    Args:
        crop: as of `two_rows`.
        settings: tuned constants.

    Returns:
        Corners of the rows from the top, as of `two_rows`.
    """
    height, width = map(int, crop.shape[:2])
    crossed, _, stretched = _crossed(crop, settings)
    upper, lower = (
        slice(round(a * _HEIGHT), round(b * _HEIGHT))
        for a, b in (settings.upper_cut_range, settings.lower_cut_range)
    )
    tilt = int((crossed[:, upper].min(axis=1) + crossed[:, lower].min(axis=1)).argmin())
    slope = float(_SLOPES[tilt]) / stretched
    starts = (part.start + int(crossed[tilt, part].argmin()) for part in (upper, lower))
    (first, below), (above, last) = (
        cut_along(width, height, (start + 0.5) / _HEIGHT, slope, settings=settings)
        for start in starts
    )
    middle = np.concatenate([below[:2], above[2:]])
    return first, middle, last


def _emptiest_line(crop: RgbArray, settings: PlateSettings) -> tuple[float, float]:
    """Middle of the line as a share of the height, and its slope."""
    crossed, shares, stretched = _crossed(crop, settings)
    first, last = settings.cut_range
    part = slice(round(first * _HEIGHT), round(last * _HEIGHT))
    # the ground above or below all text is empty too, but it has a row on one side alone
    above = shares[part]
    weighed = crossed[:, part] / np.maximum(np.minimum(above, 1 - above), settings.row_min_share)
    slope, start = np.unravel_index(int(weighed.argmin()), weighed.shape)
    return (part.start + int(start) + 0.5) / _HEIGHT, float(_SLOPES[slope]) / stretched


def _crossed(
    crop: RgbArray,
    settings: PlateSettings,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], float]:
    """How much changes along each line through the crop.

    Returns:
        (slopes, `_HEIGHT`) by the tilt of the line and its height in the middle of the crop;
        (`_HEIGHT`,) the share of all change that lies above each height; how much wider the crop is
        than what was looked at: slopes are the same in both but where the width was cut.
    """
    height, width = crop.shape[:2]
    wide = max(2, round(width * _HEIGHT / max(1, height)))
    small = cv2.resize(crop, (min(wide, 8 * _HEIGHT), _HEIGHT), interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
    change = cv2.blur(np.abs(np.diff(grey, axis=1)), (1, 3))
    columns = np.arange(change.shape[1])
    across = (columns + 1) - small.shape[1] / 2
    # (slopes, starts, columns)
    rows = np.arange(_HEIGHT)[None, :, None] + np.round(_SLOPES[:, None, None] * across).astype(int)
    crossed = change[np.clip(rows, 0, _HEIGHT - 1), columns].mean(axis=2).astype(np.float64)
    crossed += (
        settings.cut_base_cost + settings.cut_slope_cost * np.abs(_SLOPES)[:, None]
    ) * float(change.mean())
    shares = np.cumsum(change.sum(axis=1)) / max(1e-6, float(change.sum()))
    return crossed, shares, wide / small.shape[1]


def _parallelogram(width: float, left: float, right: float, height: float) -> Quad:
    return np.array(
        [[0, left], [width, right], [width, right + height], [0, left + height]], np.float64
    )
