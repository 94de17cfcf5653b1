"""Endless batches of crops of the pool: moved, scaled, under other light and weather."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import IterableDataset

from lipiyana.learning.distill.pool import Seen
from lipiyana.learning.trainer.loading import chance_of_process, in_processes
from lipiyana.ocr.detection.detector import network_input
from lipiyana.vehicles.training.data.weather import weathered

_SCALES = (0.6, 1.5)
_ASPECT, _TURN = 0.15, 6.0  # of the logarithm of the sides' ratio; degrees
_AROUND_TEXT = 0.75


@dataclass(frozen=True, slots=True)
class Batch:
    """Crops (N, 3, S, S) float32 from -1 to 1, and the teacher's cores (N, 1, S, S) from 0 to 1."""

    pixels: Tensor
    maps: Tensor


@dataclass(frozen=True, slots=True)
class CropMix:
    """What the batches are made of: the pool, the side of a crop in pixels, crops a step."""

    seen: tuple[Seen, ...]
    size: int = 384
    batch: int = 8
    seed: int = 0


class Crops(IterableDataset[Batch]):
    """Batches without end."""

    def __init__(self, mix: CropMix) -> None:
        self.mix = mix

    def __iter__(self) -> Iterator[Batch]:
        """Draw batch after batch."""
        rng = chance_of_process(self.mix.seed)
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
    """Choose what a crop shows: mostly around some text."""
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
    """Draw in `workers` processes, a few batches ahead; in this one where it is 0."""
    return iter(in_processes(Crops(mix), workers))
