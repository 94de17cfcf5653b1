"""Saves weights atomically, and reports a full disk as an OSError."""

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

_NEEDED_BYTES = 60_000_000  # a checkpoint with its optimizer, with some reserve


def save_weights(path: Path, weights: Mapping[str, Tensor]) -> None:
    """Write weights for `stored_weights.load_weights`, atomically.

    Raises:
        OSError: the disk is full.
    """
    with disk_full_as_oserror(path.parent), replacing(path) as partial:
        torch.save({"average": dict(weights)}, partial)


@contextmanager
def disk_full_as_oserror(folder: Path) -> Iterator[None]:
    """Raise the OSError that torch wraps in a RuntimeError, and remove partial files."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        full = shutil.disk_usage(folder).free < _NEEDED_BYTES
        for partial in folder.glob("*.part"):
            partial.unlink(missing_ok=True)
        if full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder)) from error
        raise
