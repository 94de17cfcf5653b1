"""Files of weights that are whole or absent, and a full disk told as one."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

from lipiyana.files import replacing

BEST = "best.pt"

_NEEDED_BYTES = 60_000_000  # of a checkpoint with its optimizer, and some more


def save_weights(path: Path, weights: Mapping[str, Tensor]) -> None:
    """Write weights, as `checkpoints.load_weights` reads them.

    Raises:
        OSError: the disk is full.
    """
    with full_disk_told(path.parent), replacing(path) as partial:
        torch.save({"average": dict(weights)}, partial)


@contextmanager
def full_disk_told(folder: Path) -> Iterator[None]:
    """Raise the OSError that torch hides in a RuntimeError, and leave nothing half-written."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        full = shutil.disk_usage(folder).free < _NEEDED_BYTES
        for partial in folder.glob("*.part"):
            partial.unlink(missing_ok=True)
        if full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder)) from error
        raise
