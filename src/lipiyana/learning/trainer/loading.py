"""Loads batches in worker processes, each with its own random generator."""

from __future__ import annotations

import atexit
import itertools
import os
from collections.abc import Iterator
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
        worker_init_fn=_end_at_once if workers else None,
    )


def _end_at_once(_: int) -> None:
    """Let a worker end without the destructors of C++.

    They abort a process whose threads still run, and a loader that is dropped early would raise
    for it. What the worker has sent is flushed before, and its errors come with what it sends.
    """
    atexit.register(os._exit, 0)


def worker_generator(seed: int) -> np.random.Generator:
    """Make the random generator of this process; a worker process is limited to one thread."""
    return np.random.default_rng([seed, _limited_worker()[0]])


def batch_numbers(first: int) -> Iterator[int]:
    """Give the numbers of the batches that this process makes, of all from `first` on.

    Workers give batches in turn, so that a loader gives them in the order of their numbers. What is
    drawn for a number alone is the same after another start, and with any number of workers.
    """
    number, workers = _limited_worker()
    return itertools.count(first + number, workers)


def worker_turn(taken: int) -> tuple[int, int]:
    """Find what this process makes of batches of which `taken` were made before.

    Workers give batches in turn, the first of them first. So that the next batch is the same after
    another start, a worker goes on with what the worker of that turn made.

    Returns:
        The number of the worker whose batches this process continues, and how many of them were
        taken.
    """
    number, workers = _limited_worker()
    turn = (number + taken) % workers
    return turn, max(0, -(-(taken - turn) // workers))


def _limited_worker() -> tuple[int, int]:
    """Number of this worker, and how many there are; a worker is limited to one thread."""
    info = get_worker_info()
    if info is None:
        return 0, 1
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    return info.id, info.num_workers
