"""Endless batches of augmented crops from the pool: moved, turned, scaled, in other light and
weather.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import IterableDataset

from lipiyana.learning.distill.pictures.pool import PoolPicture
from lipiyana.learning.distill.text_cores import CORE, UNKNOWN, TextMap
from lipiyana.learning.trainer.loading import worker_generator, worker_loader
from lipiyana.ocr.detection.detector import network_input
from lipiyana.vehicles.training.data.weather import weathered

_SCALES, _FAR_SCALES = (0.6, 1.5), (0.3, 3.0)
_ASPECT, _TURN = 0.15, 6.0  # of the logarithm of the sides' ratio; degrees
_FAR_TURN = 35.0  # degrees
_FAR = 0.15  # share of crops with far scales, and of those that are turned far
_QUARTERS = 0.12  # share of crops turned by 90, 180 or 270 degrees: photos on their side
_INVERTED = 0.08  # share of negatives: light text on dark grounds is rare
_AROUND_TEXT = 0.75


@dataclass(frozen=True, slots=True)
class Batch:
    """Crops and their text maps.

    Attributes:
        pixels: (N, 3, S, S) float32 in [-1, 1].
        maps: (N, 1, S, S), from 0 to 1 in the cores of lines.
        known: (N, 1, S, S), 0 where nothing is to be learned and 1 elsewhere.
    """

    pixels: Tensor
    maps: Tensor
    known: Tensor


@dataclass(frozen=True, slots=True)
class CropMix:
    """Composition of the batches.

    Attributes:
        seen: the pool.
        weights: how often each picture is drawn, beside the others; empty for equal weights.
        size: side of a crop in pixels.
        batch: crops a batch.
        seed: of the random generator.
    """

    seen: tuple[PoolPicture, ...]
    weights: tuple[float, ...] = ()
    size: int = 384
    batch: int = 8
    seed: int = 0


class Crops(IterableDataset[Batch]):
    """An endless stream of batches."""

    def __init__(self, mix: CropMix) -> None:
        self.mix = mix
        self._chances = np.cumsum(mix.weights) if mix.weights else None

    def __iter__(self) -> Iterator[Batch]:
        """Draw batches endlessly."""
        rng = worker_generator(self.mix.seed)
        while True:
            crops = [self._draw(rng) for _ in range(self.mix.batch)]
            yield Batch(*(torch.stack(parts) for parts in zip(*crops, strict=True)))

    def _draw(self, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        seen = self.mix.seen[self._number(rng)]
        pixels, cores = seen.load()
        if rng.random() < _QUARTERS:
            quarters = int(rng.integers(1, 4))
            pixels, cores = np.rot90(pixels, quarters), np.rot90(cores, quarters)
            pixels, cores = np.ascontiguousarray(pixels), np.ascontiguousarray(cores)
        size = self.mix.size
        matrix = _matrix(rng, cores, size)

        def moved(picture: TextMap, how: int = cv2.INTER_LINEAR) -> TextMap:
            warped = cv2.warpAffine(
                picture, matrix, (size, size), flags=how, borderMode=cv2.BORDER_REFLECT_101
            )
            return np.asarray(warped, np.uint8)

        crop = weathered(moved(pixels), rng)
        if rng.random() < _INVERTED:
            crop = 255 - crop
        text = moved(np.where(cores == UNKNOWN, np.uint8(0), cores))
        known = moved(cores, cv2.INTER_NEAREST) != UNKNOWN
        return (
            torch.from_numpy(network_input(crop)[0]),
            torch.from_numpy(text.astype(np.float32)[None] / 255),
            torch.from_numpy(known.astype(np.float32)[None]),
        )

    def _number(self, rng: np.random.Generator) -> int:
        if self._chances is None:
            return int(rng.integers(len(self.mix.seen)))
        return int(np.searchsorted(self._chances, rng.random() * self._chances[-1]))


def _matrix(rng: np.random.Generator, cores: TextMap, size: int) -> npt.NDArray[np.float64]:
    """Draw the affine transform of a crop, mostly centred on text."""
    scales = _FAR_SCALES if rng.random() < _FAR else _SCALES
    scale = float(np.exp(rng.uniform(*np.log(scales))))
    stretch = float(np.exp(rng.normal(0, _ASPECT / 2)))
    far = rng.random() < _FAR
    degrees = rng.uniform(-_FAR_TURN, _FAR_TURN) if far else rng.normal(0, _TURN / 2)
    angle = np.deg2rad(degrees)
    height, width = cores.shape
    focus = rng.uniform((0, 0), (width, height))
    if rng.random() < _AROUND_TEXT:
        rows, columns = np.nonzero(cores[::4, ::4] == CORE)
        if len(rows):
            chosen = int(rng.integers(len(rows)))
            focus = np.array([columns[chosen], rows[chosen]]) * 4.0
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = turn * (scale * np.array([[stretch], [1 / stretch]]))
    target = rng.uniform(0.2, 0.8, 2) * size
    return np.column_stack([linear, target - linear @ focus])


def batches(mix: CropMix, workers: int) -> Iterator[Batch]:
    """Yield batches from `workers` processes that prefetch a few; 0 for this process."""
    return iter(worker_loader(Crops(mix), workers))
