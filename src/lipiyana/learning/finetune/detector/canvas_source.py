"""The user's street pictures as they are learned from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from lipiyana.images.loading import environment_limits, load
from lipiyana.vehicles.training.data.street_pictures import StreetPicture

MAX_SIDE = 1280
"""Pictures are learned from at this size at most: two and a half times what the detector sees."""

_READ_AS_THEY_ARE = frozenset({".jpg", ".jpeg", ".png"})
_QUALITY = 95


def at_hand(pictures: Sequence[StreetPicture], folder: Path) -> tuple[StreetPicture, ...]:
    """Write smaller copies of the pictures that are too large to be read again and again.

    Args:
        pictures: with boxes in pixels.
        folder: of the copies; made where it is not there. What is there already stays.

    Raises:
        OSError: it cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return tuple(_at_hand(picture, folder / f"{n:06d}.jpg") for n, picture in enumerate(pictures))


def _at_hand(picture: StreetPicture, copy: Path) -> StreetPicture:
    pixels = load(picture.path, environment_limits())
    height, width = pixels.shape[:2]
    scale = MAX_SIDE / max(height, width)
    if scale >= 1 and picture.path.suffix.lower() in _READ_AS_THEY_ARE:
        return picture
    scale = min(1.0, scale)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    if not copy.is_file():
        small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
        encoded = cv2.imencode(".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1]
        partial = copy.with_suffix(".part")
        partial.write_bytes(encoded.tobytes())
        partial.replace(copy)
    factors = np.array([size[0] / width, size[1] / height], np.float32)
    return replace(picture, path=copy, boxes=picture.boxes * np.tile(factors, 2))
