"""Which columns of a line have ink: where lines may be cut, and where words begin and end."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from lipiyana.arrays import RgbArray
from lipiyana.ocr.recognition.settings import RECOGNITION, RecognitionSettings

INK_HEIGHT = 32
"""Pixels of the copy in which ink is looked for."""

Runs = npt.NDArray[np.intp]
"""(runs, 2): first column, and the column behind the last."""


def empty_columns(
    crop: RgbArray, *, settings: RecognitionSettings = RECOGNITION
) -> npt.NDArray[np.bool_]:
    """Tell which columns of a copy of `INK_HEIGHT` pixels have no ink.

    Args:
        crop: (height, width, 3) RGB.
        settings: tuned constants.

    Returns:
        (columns,); the copy has the shape of the crop.
    """
    height, width = crop.shape[:2]
    size = (max(1, round(width * INK_HEIGHT / height)), INK_HEIGHT)
    small = cv2.resize(crop, size, interpolation=cv2.INTER_AREA)
    margin = round(settings.gap_margin * INK_HEIGHT)
    ink = _ink(np.asarray(small, np.uint8))[margin : INK_HEIGHT - margin]
    return np.asarray(ink.mean(axis=0) <= settings.gap_ink)


def runs_of(empty: npt.NDArray[np.bool_]) -> Runs:
    """Give the runs of columns that are True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], empty.astype(np.int8), [0]])))
    return edges.reshape(-1, 2)


def _ink(image: RgbArray) -> npt.NDArray[np.bool_]:
    """Where the letters are: what differs from the colour around them."""
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB).astype(np.float32)
    # ground shows at the upper and lower edge; light changes slowly along a line
    edge = np.concatenate([lab[:2], lab[-2:]])
    ground = cv2.blur(np.median(edge, axis=0)[None], (4 * INK_HEIGHT + 1, 1))
    distance = np.sqrt(((lab - ground) ** 2).sum(axis=2)).clip(0, 255).astype(np.uint8)
    return np.asarray(cv2.threshold(distance, 0, 1, cv2.THRESH_BINARY + cv2.THRESH_OTSU)[1] > 0)
