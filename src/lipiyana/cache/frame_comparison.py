"""Decides whether two pictures show the same, down to a stroke of a letter.

Sensor noise, JPEG, a change of light and a camera that shakes by a pixel are tolerated. Whatever
they do not explain, anywhere in the picture, is a difference. Where noise is too strong or text
too small or too faint to distinguish a changed stroke from it, nothing passes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from lipiyana.cache.settings import FRAMES

Plane = npt.NDArray[np.uint8]

_BLOCK = 8
_MARGIN = 4


@dataclass(frozen=True, slots=True)
class Region:
    """Where text is: whole pixels, the last two outside, and the height of its lines in pixels."""

    x_min: int
    y_min: int
    x_max: int
    y_max: int
    text_height: float

    def of(self, plane: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Give this part of a plane, (height, width) or more."""
        x0, y0, x1, y1 = (max(0, n) for n in (self.x_min, self.y_min, self.x_max, self.y_max))
        return plane[y0:y1, x0:x1]

    @property
    def strictness(self) -> float:
        """Factor on the tolerance in this region."""
        return min(1.0, self.text_height / FRAMES.full_text_height)


@dataclass(frozen=True, slots=True, eq=False)
class Planes:
    """A picture, prepared for comparison.

    Attributes:
        luma: (height, width).
        blocks: (height / 8, width / 8, 3) mean luma, Cr and Cb, float32.
    """

    luma: Plane
    blocks: npt.NDArray[np.float32]

    @classmethod
    def of(cls, pixels: Plane) -> Planes:
        """Take (height, width, 3) RGB."""
        height, width = pixels.shape[:2]
        converted = cv2.cvtColor(pixels, cv2.COLOR_RGB2YCrCb)
        size = (max(1, width // _BLOCK), max(1, height // _BLOCK))
        blocks = cv2.resize(converted, size, interpolation=cv2.INTER_AREA).astype(np.float32)
        return cls(np.ascontiguousarray(converted[:, :, 0]), blocks)


class ReferencePicture:
    """A picture that others are compared with."""

    def __init__(self, pixels: Plane, regions: Sequence[Region]) -> None:
        """Take (height, width, 3) RGB and where its text is."""
        planes = Planes.of(pixels)
        self._regions = [region for region in regions if region.of(planes.luma).size]
        self._blocks = planes.blocks
        self._smooth = _smoothed(planes.luma)
        contrast = _contrast(self._smooth)
        share = np.full(planes.luma.shape, FRAMES.share_elsewhere, np.float32)
        noise = FRAMES.most_noise
        for region in self._regions:
            part = region.of(share)
            np.minimum(part, FRAMES.share_in_text * region.strictness, out=part)
            strong = float(np.percentile(region.of(contrast), 75))
            noise = min(noise, FRAMES.noise_share * region.strictness * strong)
        self._most_noise = noise
        self._tolerance = np.asarray(contrast * share, np.uint8)
        self._hashes = [_hash(region.of(planes.luma)) for region in self._regions]
        self._points, self._slopes = _steep_points(self._smooth)
        self._usable = min(planes.luma.shape) > 4 * _MARGIN and all(
            region.text_height >= FRAMES.least_text_height for region in self._regions
        )

    def shows_the_same(self, pixels: Plane) -> bool:
        """Compare (height, width, 3) RGB with this picture."""
        if not self._usable or pixels.shape[:2] != self._smooth.shape:
            return False
        planes = Planes.of(pixels)
        light = self._light(planes)
        if light is None or not self._hashes_agree(planes.luma):
            return False
        gain, offset = light
        table = np.clip(np.arange(256) * gain + offset, 0, 255).round().astype(np.uint8)
        luma = np.asarray(cv2.LUT(planes.luma, table), np.uint8)
        shift = self._shift(luma)
        if shift is None or not self._colours_agree(planes, gain):
            return False
        return self._pixels_agree(_moved(luma, shift))

    def _light(self, planes: Planes) -> tuple[float, float] | None:
        """Gain and offset that bring a picture to this one's light."""
        new, old = planes.blocks[:, :, 0].ravel(), self._blocks[:, :, 0].ravel()
        gain = 1.0
        used = np.ones(len(new), bool)
        for _ in range(3):  # what has changed in the picture is left out of the next fit
            spread = float(new[used].var())
            if spread > 4:
                gain = float(np.cov(new[used], old[used], bias=True)[0, 1]) / spread
            error = old - gain * new
            offset = float(np.median(error[used]))
            used = np.abs(error - offset) <= 2 * max(1.0, float(np.median(np.abs(error - offset))))
        level = abs(float(np.median(old - new)))
        if not (1 / FRAMES.max_gain <= gain <= FRAMES.max_gain and level <= FRAMES.max_light):
            return None
        return gain, offset

    def _hashes_agree(self, luma: Plane) -> bool:
        return all(
            (own ^ _hash(region.of(luma))).bit_count() <= FRAMES.max_hash_distance
            for own, region in zip(self._hashes, self._regions, strict=True)
        )

    def _shift(self, luma: Plane) -> tuple[float, float] | None:
        """How far a picture of the same light is moved, from the steepest points of this one.

        Lucas and Kanade (1981): the difference at a point is the slope times the shift.
        """
        if not len(self._points):
            return 0.0, 0.0
        smooth = _smoothed(luma)
        x, y = self._points[:, 0], self._points[:, 1]
        own = self._smooth[y, x].astype(np.float32)
        start = min(
            ((dx, dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)),
            key=lambda d: float(np.abs(smooth[y + d[1], x + d[0]] - own).sum()),
        )
        shift = np.array(start, np.float32)
        for _ in range(FRAMES.steps):
            at_x, at_y = (x + shift[0]).astype(np.float32), (y + shift[1]).astype(np.float32)
            seen = cv2.remap(smooth, at_x[:, None], at_y[:, None], cv2.INTER_LINEAR)[:, 0]
            error = seen.astype(np.float32) - own
            # what changed is no witness of how the rest moved
            sure = np.abs(error) <= 3 * max(1.0, float(np.median(np.abs(error))))
            slopes = self._slopes[sure]
            system = slopes.T @ slopes
            if np.linalg.det(system) < 1:
                return None
            shift = shift - np.linalg.solve(system, slopes.T @ error[sure])
            if float(np.abs(shift).max()) > FRAMES.max_shift:
                return None
        return float(shift[0]), float(shift[1])

    def _colours_agree(self, planes: Planes, gain: float) -> bool:
        # more light brings out colours as it does brightness: both are linear in R, G and B
        difference = np.float32(gain) * planes.blocks[:, :, 1:] - self._blocks[:, :, 1:]
        difference -= np.median(difference, axis=(0, 1))  # white balance, and the zero of Cr and Cb
        limit = FRAMES.max_colour + FRAMES.share_elsewhere * np.stack(
            [_contrast(self._blocks[:, :, channel], 3) for channel in (1, 2)], axis=2
        )
        # the tolerance must not grow with the brightness of the new picture
        return bool((np.abs(difference) <= min(1.0, gain) * limit).all())

    def _pixels_agree(self, luma: Plane) -> bool:
        difference = cv2.subtract(_smoothed(luma), self._smooth, dtype=cv2.CV_16S)
        height, width = difference.shape
        cells = (max(1, width // FRAMES.cell), max(1, height // FRAMES.cell))
        local = cv2.resize(difference, cells, interpolation=cv2.INTER_AREA)
        if int(np.abs(local).max()) > FRAMES.max_local_light:
            return False
        light = cv2.resize(local, (width, height), interpolation=cv2.INTER_LINEAR)
        error = cv2.convertScaleAbs(cv2.subtract(difference, light))
        error = error[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
        noise = FRAMES.noise_factor * float(error[::3, ::3].mean()) * float(np.sqrt(np.pi / 2))
        noise = max(noise, FRAMES.least_noise)
        if noise > self._most_noise:
            return False
        excess = cv2.subtract(error, self._tolerance[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN])
        return int(excess.max()) <= noise


def _smoothed(luma: Plane) -> Plane:
    return np.asarray(cv2.blur(luma, (3, 3)), np.uint8)


def _contrast(
    plane: npt.NDArray[np.uint8] | npt.NDArray[np.float32], size: int = 5
) -> npt.NDArray[np.float32]:
    """Largest less smallest value of the `size` x `size` pixels around each."""
    window = np.ones((size, size), np.uint8)
    high, low = cv2.dilate(plane, window), cv2.erode(plane, window)
    return np.asarray(cv2.subtract(high, low), np.float32)


def _hash(part: Plane) -> int:
    """Which of 9 x 8 means is brighter than its left neighbour: 64 bits (a difference hash)."""
    small = cv2.resize(part, (9, 8), interpolation=cv2.INTER_AREA).astype(np.int16)
    brighter = small[:, 1:] > small[:, :-1] + FRAMES.flat  # or noise would decide where nothing is
    return int.from_bytes(np.packbits(brighter).tobytes(), "big")


def _steep_points(
    smooth: Plane,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """The (n, 2) x and y of steep pixels, and the (n, 2) slopes there, grey levels a pixel."""
    slope_x = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, scale=1 / 8)
    slope_y = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, scale=1 / 8)
    margin = _MARGIN
    steep = (np.abs(slope_x) + np.abs(slope_y))[margin:-margin:2, margin:-margin:2]
    flat = steep.ravel()
    count = min(FRAMES.points, flat.size)
    best = np.zeros(0, np.int64)
    if count:
        best = np.argpartition(flat, flat.size - count)[flat.size - count :].astype(np.int64)
        best = best[flat[best] > 2]
    y, x = np.divmod(best, steep.shape[1])
    x, y = x * 2 + margin, y * 2 + margin
    return np.stack([x, y], axis=1), np.stack([slope_x[y, x], slope_y[y, x]], axis=1)


def _moved(luma: Plane, shift: tuple[float, float]) -> Plane:
    """Move a picture back by `shift`."""
    if max(map(abs, shift)) < 0.05:
        return luma
    matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]]], np.float64)
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    size = (luma.shape[1], luma.shape[0])
    return np.asarray(
        cv2.warpAffine(luma, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE), np.uint8
    )
