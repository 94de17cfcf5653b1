"""What a reader makes of a line before it chooses letters: 32 numbers, an output of its model.

They are the output of the network's neck, (steps, channels), as a mean over the steps, projected
by a fixed matrix. Lines of a kind that the reader did not meet before lie elsewhere in this space,
whatever it reads in them. A model without the output has no features, and reads as well.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np
import numpy.typing as npt

from lipiyana.arrays import Features

LINE_FEATURE = "line_feature"
"""Name of the output."""

SIZE = 32
_SEED = b"lipiyana line feature 1"

_collected: ContextVar[list[Features] | None] = ContextVar("lipiyana_line_features", default=None)


def projection(channels: int) -> Features:
    """The fixed matrix, (channels, 32): signs by chance, divided by the root of the channels.

    Such a matrix nearly keeps distances (Achlioptas, "Database-friendly random projections", 2003).
    Its signs are the bits of SHAKE-256 of a seed, which are the same with any version of NumPy.
    """
    stream = hashlib.shake_256(_SEED).digest(-(-channels * SIZE // 8))
    bits = np.unpackbits(np.frombuffer(stream, np.uint8))[: channels * SIZE]
    signs = bits.reshape(channels, SIZE).astype(np.float32) * 2 - 1
    return np.asarray(signs / np.sqrt(np.float32(channels)), np.float32)


@contextmanager
def collected_features() -> Iterator[list[Features]]:
    """Collect the features, (lines, 32) each, of all lines that are read in this context."""
    found: list[Features] = []
    token = _collected.set(found)
    try:
        yield found
    finally:
        _collected.reset(token)


def collect(names: Sequence[str], outputs: Sequence[npt.NDArray[np.float32]]) -> None:
    """Take the features among the outputs of a reader, if it has them and somebody collects."""
    found = _collected.get()
    if found is not None and LINE_FEATURE in names:
        found.append(outputs[names.index(LINE_FEATURE)])
