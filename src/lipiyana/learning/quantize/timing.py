"""Milliseconds of models on this host, taken in turns so that all of them meet the same machine."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lipiyana.runtime.manifest import Task
from lipiyana.runtime.store import Session
from lipiyana.vehicles.detection.network import input_of

Floats = npt.NDArray[np.float32]

ROUNDS = 25
_FREE_SIDE = {Task.LINE_READER: (48, 160), Task.TEXT_DETECTOR: (640, 640)}
"""Height and width where the model takes any: a word, a street."""

_PICTURE = 9, 16
"""Height by width of what detectors of vehicles and plates look at."""


def typical_input(session: Session) -> Floats:
    """Make an input of the usual size, noise from -1 to 1.

    Raises:
        ModelUnavailable: it is a detector of vehicles or plates that tells no size.
    """
    sides = _FREE_SIDE.get(session.entry.task) or input_of(session).sides(*_PICTURE)
    usual = (1, 3, *sides)
    shape = [own or other for own, other in zip(session.input_shape, usual, strict=True)]
    return np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)


def median_milliseconds(
    sessions: Sequence[Session], batch: Floats, rounds: int = ROUNDS
) -> tuple[float, ...]:
    """Time each session on one batch."""
    times = np.empty((rounds, len(sessions)))
    for session in sessions:
        session.run(batch)
    for row in times:
        for column, session in enumerate(sessions):
            began = time.perf_counter()
            session.run(batch)
            row[column] = time.perf_counter() - began
    return tuple(float(value) for value in 1000 * np.median(times, axis=0))
