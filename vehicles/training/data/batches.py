"""Training batches for the detector: which canvases they are made of, and their loading."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from lipiyana.learning.trainer.loading import batch_numbers, worker_loader
from lipiyana.vehicles.training.data.canvas_shapes import Shapes
from lipiyana.vehicles.training.data.canvases import SIZE, Canvas, Canvases
from lipiyana.vehicles.training.data.street_pictures import StreetPicture
from lipiyana.vehicles.training.data.variety import Variety

MOSAIC_SHARE = 0.5
"""Share of canvases with a mosaic of four pictures; the others show one."""

BATCH = 8
"""Canvases a batch."""

_NO_VARIETY = Variety()


@dataclass(frozen=True, slots=True)
class Batch:
    """Canvases of one size.

    Attributes:
        pixels: (N, 3, H, W) uint8 BGR.
        boxes: (N, M, 4) float32 x_min, y_min, x_max, y_max in pixels, padded with zeros.
        classes: (N, M) int64, padded with -1.
        known: (N, A, classes) bool: whether an anchor may count as a negative for a class.
        smallest: (N, A) float32 pixels: predictions with a shorter side are never negatives.
    """

    pixels: Tensor
    boxes: Tensor
    classes: Tensor
    known: Tensor
    smallest: Tensor


@dataclass(frozen=True, slots=True)
class CanvasMix:
    """Composition of the batches.

    Attributes:
        pictures: training pictures.
        size: size of a canvas in pixels.
        batch: canvases a batch.
        seed: random seed.
        workers: number of worker processes; 0 for this process.
        variety: strength of the augmentation.
        empty: pictures without vehicles or plates, for a share of the canvases.
        empty_chances: relative probability of each of them; equal if empty.
        shapes: ((width, height), frequency) of the canvases, one shape a batch; squares of `size`
            if empty.
    """

    pictures: tuple[StreetPicture, ...]
    size: int = SIZE
    batch: int = BATCH
    seed: int = 0
    workers: int = 1
    variety: Variety = _NO_VARIETY
    empty: tuple[StreetPicture, ...] = ()
    empty_chances: tuple[float, ...] = ()
    shapes: Shapes = ()

    @property
    def canvases(self) -> Canvases:
        """The source of canvases."""
        return Canvases(self.pictures, self.size, self.variety, self.empty, self.empty_chances)


class BatchSource(IterableDataset[Batch]):
    """An endless stream of batches. Each is drawn for its number, whatever was drawn before."""

    def __init__(self, mix: CanvasMix, first: int = 0, *, mosaics_until: int | None = None) -> None:
        """Begin with a batch.

        Args:
            mix: of what they are made.
            first: number of the first batch: of the steps that a resumed run has taken.
            mosaics_until: number of the first batch without mosaics, if that is known before.
        """
        self.mix, self._first, self._mosaics_until = mix, first, mosaics_until
        self.mosaic_share = torch.tensor(MOSAIC_SHARE).share_memory_()
        """Read before every batch, in every process; set it to 0 at the end of a run."""

    def __iter__(self) -> Iterator[Batch]:
        """Draw batches endlessly."""
        canvases = self.mix.canvases
        shapes = self.mix.shapes
        chances = np.array([chance for _, chance in shapes])
        for number in batch_numbers(self._first):
            rng = np.random.default_rng([self.mix.seed, number])
            shape = None
            if shapes:
                shape = shapes[int(rng.choice(len(shapes), p=chances / chances.sum()))][0]
            is_last = self._mosaics_until is not None and number >= self._mosaics_until
            share = 0.0 if is_last else self.mosaic_share.item()
            yield collate([canvases.draw(rng, share, shape) for _ in range(self.mix.batch)])


def collate(canvases: Sequence[Canvas]) -> Batch:
    """Stack canvases of one size."""
    most = max(1, *(len(canvas.boxes) for canvas in canvases), 1)
    boxes = np.zeros((len(canvases), most, 4), np.float32)
    classes = np.full((len(canvases), most), -1, np.int64)
    for i, canvas in enumerate(canvases):
        boxes[i, : len(canvas.boxes)] = canvas.boxes
        classes[i, : len(canvas.classes)] = canvas.classes
    pixels = np.stack([canvas.pixels[:, :, ::-1].transpose(2, 0, 1) for canvas in canvases])
    return Batch(
        pixels=torch.from_numpy(np.ascontiguousarray(pixels)),
        boxes=torch.from_numpy(boxes),
        classes=torch.from_numpy(classes),
        known=torch.from_numpy(np.stack([canvas.known for canvas in canvases])),
        smallest=torch.from_numpy(np.stack([canvas.smallest for canvas in canvases])),
    )


def batch_loader(source: BatchSource) -> DataLoader[Batch]:
    """Load batches in worker processes that prefetch a few."""
    return worker_loader(source, source.mix.workers)
