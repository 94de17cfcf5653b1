"""Street photos with real words of signs put on them, since there are no photos of whole signs.

The words are the validation part of the real crops, in the order of their photos, so that
neighbouring words mostly belong together; the streets are validation pictures too. Each word keeps
its pixels, or is made smaller, and its background fades into the street, so that no edge of a crop
reveals it. The collages contain no whole sign in perspective.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from ocr_signs import Polygon, Sign

from lipiyana.arrays import RgbArray
from lipiyana.ocr.geometry import rectangle
from lipiyana.ocr.scripts.normalization import normalize
from lipiyana.ocr.training.real_crops import load_lines
from lipiyana.vehicles.training.data.street_pictures import StreetPicture, load_pictures

FOLDERS = ("beng_signs", "hi_mr_te_signs")
SIZE = (1280, 960)
"""Width and height of a photo, in pixels."""

_HEIGHTS = (32.0, 96.0)  # of words, in pixels; none is enlarged
_WIDEST = SIZE[0] / 2  # so that the first word of a row has room
_WORDS, _WORDS_A_ROW = (4, 9), (1, 4)
_FIRST_X, _ROW_GAP, _TOP = (20, 160), (5, 30), 30
_FADE = 0.25  # of a word's height: how far its ground runs out
_LEAST_FADE = 6

Word = tuple[RgbArray, str]


@dataclass(frozen=True, slots=True, eq=False)
class _Patch:
    """A word with its ground around it, and how much of each pixel is seen, 0 to 1."""

    pixels: npt.NDArray[np.float32]
    opacity: npt.NDArray[np.float32]
    fade: int


def load_collages(data: Path, folder: str, *, seeds: Sequence[int]) -> list[Sign]:
    """Put all validation words of `folder` on streets, once with each seed."""
    words = [(image, text) for name, image, text in load_lines(data / "text", "validation")
             if name == folder]  # fmt: skip
    pictures = load_pictures(data / "vehicles" / "train", "selection")
    streets = [picture for picture in pictures if picture.source != "olx_plate"]
    signs: list[Sign] = []
    for seed in seeds:
        signs += _collages(np.random.default_rng(seed), words, streets)
    return signs


def _collages(
    rng: np.random.Generator, words: Sequence[Word], streets: Sequence[StreetPicture]
) -> Iterator[Sign]:
    first = 0
    while first < len(words):
        street = streets[int(rng.integers(len(streets)))].pixels()
        canvas = cv2.resize(street, SIZE, interpolation=cv2.INTER_CUBIC).astype(np.float32)
        last = first + int(rng.integers(*_WORDS))
        lines = _put(rng, canvas, words[first:last])
        first += len(lines)
        yield Sign(np.clip(canvas, 0, 255).astype(np.uint8), lines)


def _put(
    rng: np.random.Generator, canvas: npt.NDArray[np.float32], words: Sequence[Word]
) -> tuple[tuple[str, Polygon], ...]:
    """Set words in rows until the canvas is full; returns those that were set, at least one."""
    rows, columns = canvas.shape[:2]
    lines: list[tuple[str, Polygon]] = []
    y = _TOP
    while len(lines) < len(words):
        height, x = float(rng.uniform(*_HEIGHTS)), int(rng.integers(*_FIRST_X))
        bottom, start = y, len(lines)
        for image, text in words[start : start + int(rng.integers(*_WORDS_A_ROW))]:
            patch = _patch(image, height)
            high, wide = patch.opacity.shape
            if y + high > rows:
                return tuple(lines)
            if x + wide > columns:
                break
            seen = canvas[y : y + high, x : x + wide]
            seen += (patch.pixels - seen) * patch.opacity[..., None]
            fade = patch.fade
            place = rectangle(x + fade, y + fade, x + wide - fade, y + high - fade)
            lines.append((normalize(text), place.tolist()))
            x += wide - fade
            bottom = max(bottom, y + high)
        y = bottom + int(rng.integers(*_ROW_GAP))
    return tuple(lines)


def _patch(image: RgbArray, height: float) -> _Patch:
    scale = min(1.0, height / image.shape[0], _WIDEST / image.shape[1])
    word = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    fade = max(_LEAST_FADE, round(word.shape[0] * _FADE))
    inside = (slice(fade, -fade), slice(fade, -fade))
    pixels = cv2.copyMakeBorder(word, fade, fade, fade, fade, cv2.BORDER_REPLICATE)
    # smoothed, that no stroke at the crop's edge runs on in its ground
    pixels = cv2.GaussianBlur(pixels, (0, 0), fade / 2)
    pixels[inside] = word
    opacity = np.zeros(pixels.shape[:2], np.float32)
    opacity[fade // 2 : -(fade // 2), fade // 2 : -(fade // 2)] = 1
    opacity = cv2.GaussianBlur(opacity, (0, 0), fade / 5)
    opacity[inside] = 1
    return _Patch(pixels.astype(np.float32), np.asarray(opacity, np.float32), fade)
