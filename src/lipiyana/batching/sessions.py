"""Sessions of models whose runs go through one batcher."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from lipiyana.batching.batcher import Batcher
from lipiyana.batching.work import current_work
from lipiyana.runtime.manifest import ModelEntry
from lipiyana.runtime.store import Session


class BatchedSession(Session):
    """A session that shares its runs with whoever asks for the same shape at the same time.

    A crop is padded to the bucket of its own width, so inputs of one shape are joined without any
    new padding, and the outputs are those of a run alone, within rounding.
    """

    def __init__(self, entry: ModelEntry, threads: int, batcher: Batcher) -> None:
        # each model would keep what the largest picture of any caller took: 440 MiB a thread
        super().__init__(entry, threads, keeps_memory=False)
        self._batcher = batcher
        self._joins = self.input_shape[0] is None

    def run(self, batch: npt.NDArray[np.float32]) -> list[npt.NDArray[Any]]:
        """Feed the first input; see `Session.run`, `Batcher.run` and `Work.require_time`."""
        current_work().require_time()
        return self._batcher.run(self.entry.name, super().run, batch, joins=self._joins)


def batched_sessions(batcher: Batcher) -> Callable[[ModelEntry, int], Session]:
    """Give what a `ModelStore` opens its sessions with."""
    return lambda entry, threads: BatchedSession(entry, threads, batcher)
