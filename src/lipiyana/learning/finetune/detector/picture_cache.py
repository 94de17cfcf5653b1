"""Smaller copies of large training pictures. Needs no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from lipiyana.files import replacing
from lipiyana.images.loading import environment_limits, load
from lipiyana.vehicles.training.data.street_pictures import StreetPicture

MAX_SIDE = 1280
"""Maximum side of cached training pictures: two and a half times the detector's input."""

_READ_AS_THEY_ARE = frozenset({".jpg", ".jpeg", ".png"})
_QUALITY = 95


def cache_downscaled(pictures: Sequence[StreetPicture], folder: Path) -> tuple[StreetPicture, ...]:
    """Cache smaller copies of large pictures, because training reads each one many times.

    Args:
        pictures: pictures with boxes in pixels.
        folder: folder of the copies, created if needed; existing copies are reused.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return tuple(
        _cache_downscaled(picture, folder / f"{n:06d}.jpg") for n, picture in enumerate(pictures)
    )


def _cache_downscaled(picture: StreetPicture, copy: Path) -> StreetPicture:
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
        with replacing(copy) as partial:
            partial.write_bytes(encoded.tobytes())
    factors = np.array([size[0] / width, size[1] / height], np.float32)
    return replace(picture, path=copy, boxes=picture.boxes * np.tile(factors, 2))
