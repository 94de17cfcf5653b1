"""Batches made in processes of their own."""

from __future__ import annotations

from typing import TypeVar

from torch.utils.data import DataLoader, IterableDataset

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
