"""Loads batches in worker processes, each with its own random generator."""

from __future__ import annotations

from typing import TypeVar

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

Loaded = TypeVar("Loaded")


def worker_loader(source: IterableDataset[Loaded], workers: int) -> DataLoader[Loaded]:
    """Load whole batches in worker processes that prefetch a few; 0 workers load in this process.

    The workers are spawned, because OpenCV does not survive a fork.
    """
    return DataLoader(
        source,
        batch_size=None,
        num_workers=workers,
        prefetch_factor=4 if workers else None,
        multiprocessing_context="spawn" if workers else None,
    )


def worker_generator(seed: int) -> np.random.Generator:
    """Make the random generator of this process; a worker process is limited to one thread."""
    info = get_worker_info()
    if info is not None:
        cv2.setNumThreads(1)
        torch.set_num_threads(1)
    return np.random.default_rng([seed, info.id if info else 0])
