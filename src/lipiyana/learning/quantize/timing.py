"""Run times of models on this host, measured in turns so that all see the same machine load."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lipiyana.runtime.manifest import Task
from lipiyana.runtime.session import Session
from lipiyana.vehicles.detection.network import input_of

Floats = npt.NDArray[np.float32]

ROUNDS = 25
_FREE_SIDE = {Task.LINE_READER: (48, 160), Task.TEXT_DETECTOR: (640, 640)}
"""Height and width for models that accept any size: a word, a street."""

_PICTURE = 9, 16
"""Height and width ratio of the pictures for detectors of vehicles and plates."""


def typical_input(session: Session) -> Floats:
    """Make a noise input of typical size with values from -1 to 1.

    Raises:
        ModelUnavailable: a detector of vehicles or plates does not state its input size.
    """
    sides = _FREE_SIDE.get(session.entry.task) or input_of(session).sides(*_PICTURE)
    usual = (1, 3, *sides)
    shape = [own or other for own, other in zip(session.input_shape, usual, strict=True)]
    return np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)


def median_milliseconds(
    sessions: Sequence[Session], batch: Floats, rounds: int = ROUNDS
) -> tuple[float, ...]:
    """Time each session on one batch, in turns; return the medians in milliseconds."""
    times = np.empty((rounds, len(sessions)))
    for session in sessions:
        session.run(batch)
    for row in times:
        for column, session in enumerate(sessions):
            began = time.perf_counter()
            session.run(batch)
            row[column] = time.perf_counter() - began
    return tuple(float(value) for value in 1000 * np.median(times, axis=0))
