"""Batches made in processes of their own, each with its own chance."""

from __future__ import annotations

from typing import TypeVar

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

Made = TypeVar("Made")


def in_processes(source: IterableDataset[Made], workers: int) -> DataLoader[Made]:
    """Draw from a source of whole batches, a few ahead of the trainer; 0 workers: in this process.

    The processes are spawned: OpenCV does not survive a fork.
    """
    return DataLoader(
        source,
        batch_size=None,
        num_workers=workers,
        prefetch_factor=4 if workers else None,
        multiprocessing_context="spawn" if workers else None,
    )


def chance_of_process(seed: int) -> np.random.Generator:
    """Make the source of chance of the process that loads; it keeps to one thread, if it is not
    the trainer's own.
    """
    info = get_worker_info()
    if info is not None:
        cv2.setNumThreads(1)
        torch.set_num_threads(1)
    return np.random.default_rng([seed, info.id if info else 0])
