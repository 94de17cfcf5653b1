"""Endless batches of augmented crops from the pool: moved, scaled, with other light and weather."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import IterableDataset

from lipiyana.learning.distill.pool import PoolPicture
from lipiyana.learning.trainer.loading import worker_generator, worker_loader
from lipiyana.ocr.detection.detector import network_input
from lipiyana.vehicles.training.data.weather import weathered

_SCALES = (0.6, 1.5)
_ASPECT, _TURN = 0.15, 6.0  # of the logarithm of the sides' ratio; degrees
_AROUND_TEXT = 0.75


@dataclass(frozen=True, slots=True)
class Batch:
    """Crops (N, 3, S, S) float32 in [-1, 1], and the teacher's text maps (N, 1, S, S) in [0, 1]."""

    pixels: Tensor
    maps: Tensor


@dataclass(frozen=True, slots=True)
class CropMix:
    """Composition of the batches: pool, crop side in pixels, crops a batch, random seed."""

    seen: tuple[PoolPicture, ...]
    size: int = 384
    batch: int = 8
    seed: int = 0


class Crops(IterableDataset[Batch]):
    """An endless stream of batches."""

    def __init__(self, mix: CropMix) -> None:
        self.mix = mix

    def __iter__(self) -> Iterator[Batch]:
        """Draw batches endlessly."""
        rng = worker_generator(self.mix.seed)
        while True:
            crops = [self._draw(rng) for _ in range(self.mix.batch)]
            yield Batch(*(torch.stack(parts) for parts in zip(*crops, strict=True)))

    def _draw(self, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        seen = self.mix.seen[int(rng.integers(len(self.mix.seen)))]
        pixels, cores = seen.load()
        size = self.mix.size
        matrix = _matrix(rng, cores, size)
        moved = cv2.warpAffine(
            pixels, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
        )
        text = cv2.warpAffine(
            cores, matrix, (size, size), flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REFLECT_101,
        )  # fmt: skip
        image = network_input(weathered(np.asarray(moved, np.uint8), rng))[0]
        map_of = np.asarray(text, np.float32)[None] / 255
        return torch.from_numpy(image), torch.from_numpy(map_of)


def _matrix(rng: np.random.Generator, cores: np.ndarray, size: int) -> np.ndarray:
    """Draw the affine transform of a crop, mostly centred on text."""
    scale = float(np.exp(rng.uniform(*np.log(_SCALES))))
    stretch = float(np.exp(rng.normal(0, _ASPECT / 2)))
    angle = np.deg2rad(rng.normal(0, _TURN / 2))
    height, width = cores.shape
    focus = rng.uniform((0, 0), (width, height))
    if rng.random() < _AROUND_TEXT:
        rows, columns = np.nonzero(cores[::4, ::4])
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
