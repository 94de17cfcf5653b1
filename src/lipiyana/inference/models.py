"""Sessions whose runs another server computes, and when this process computes them instead."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lipiyana.batching import current_work
from lipiyana.errors import Cancelled, InvalidRequest, LipiyanaError, ModelUnavailable
from lipiyana.inference.agreement import Offer, agree
from lipiyana.inference.connection import Connection
from lipiyana.inference.exchange import Exchange
from lipiyana.inference.options import InferenceObserver, InferenceOptions, NoObserver
from lipiyana.inference.shared_memory import SharedMemory
from lipiyana.inference.watch import LOOK_EVERY, Watch
from lipiyana.runtime.devices import Compute
from lipiyana.runtime.manifest import ModelEntry
from lipiyana.runtime.session import Outputs, Session, read_header
from lipiyana.runtime.store import ModelSource
from lipiyana.runtime.timings import TWIN
from lipiyana.words import did_you_mean, shown

_log = logging.getLogger("lipiyana.inference")

clock = time.monotonic

_THREADS = 64
"""Runs of all callers that wait for answers before those in front of them are read."""

TRY_AGAIN = 5.0
"""Seconds for which a model that failed elsewhere runs here, before it is tried there again."""


class RemoteModels(ModelSource):
    """Models that a server of the Open Inference Protocol runs. Safe to share between threads."""

    local = False
    place = "open inference"

    def __init__(
        self, options: InferenceOptions, observer: InferenceObserver | None = None
    ) -> None:
        """Connect at the first call.

        Args:
            options: of the server.
            observer: is told of each run.
        """
        super().__init__(keeps_memory=False)
        self.options = options
        self.connection = Connection(options)
        self.observer = observer or NoObserver()
        self.memory = (
            SharedMemory(self.connection, options.shared_memory, options.timeout)
            if options.shared_memory
            else None
        )
        self.threads = ThreadPoolExecutor(_THREADS, "lipiyana-inference")
        self._watch: Watch | None = None

    def offered(self, entries: Sequence[ModelEntry]) -> Sequence[ModelEntry]:
        """Leave out the models that the server lacks where it has their twins.

        So a server may have the float model of two twins, or the one of 8-bit integers.

        Raises:
            InvalidRequest: there is no model of a name that is to be kept.
            LipiyanaError: the server does not answer, and this process may not run the models.
        """
        known = [entry.name for entry in entries]
        for name in sorted(self.options.kept.difference(known)):
            raise InvalidRequest(
                f"there is no model {shown(name)} to be kept{did_you_mean(name, known)}",
                field="inference_kept",
                reason="INVALID_SETTINGS",
            )
        try:
            there = {name for name in known if name not in self.missing([name])}
        except LipiyanaError as error:
            if not self.options.fallback:
                raise
            _log.warning("%s; models run in this process meanwhile", error.message)
            return entries
        return [e for e in entries if e.name in there or e.parameters.get(TWIN) not in there]

    def open(self, entry: ModelEntry, threads: int, compute: Compute) -> Session:
        """Make the session of a model, after a look at what the server has under its name.

        Raises:
            ModelUnavailable: the server has another model, or none and this process may not run it.
            LipiyanaError: the server does not answer, and this process may not run the model.
        """
        if entry.name in self.options.kept:
            return self.open_here(entry, threads, compute)
        session = RemoteSession(entry, self, Spare(self, entry, threads, compute))
        try:
            session.check()
        except LipiyanaError as error:
            # another model is a mistake of somebody, which a fallback would hide
            if not self.options.fallback or error.reason == "MODEL_CORRUPT":
                raise
            _log.warning("%s; %s runs in this process meanwhile", error.message, entry.name)
            session.rest()
        return session

    def open_here(self, entry: ModelEntry, threads: int, compute: Compute) -> Session:
        """Load a model into this process."""
        return super().open(entry, threads, compute)

    def missing(self, names: Iterable[str]) -> list[str]:
        """Name those of the models that the server cannot run now.

        Raises:
            LipiyanaError: the server does not answer.
        """
        asked = [name for name in names if name not in self.options.kept]
        return [name for name in asked if not self.connection.ready(name, self.options.timeout)]

    @property
    def ready(self) -> bool:
        """Whether pictures can be read: the last look found all models, or they may run here."""
        return self.options.fallback or self._watch is None or self._watch.ready

    def watch(self, names: Sequence[str], every: float = LOOK_EVERY) -> None:
        """Look from now on, on a thread, whether the server can run the models."""
        self._watch = Watch(lambda: self.missing(names), self.observer.inference_ready, every)

    def close(self) -> None:
        """Close the connection; runs that wait for an answer end with `Cancelled`."""
        if self._watch is not None:
            self._watch.close()
        if self.memory is not None:
            self.memory.close()
        self.connection.close()
        self.threads.shutdown(wait=False, cancel_futures=True)


@dataclass(slots=True)
class Spare:
    """The model in this process, loaded when it is needed."""

    models: RemoteModels
    entry: ModelEntry
    threads: int
    compute: Compute
    _session: Session | None = None

    def run(self, batch: npt.NDArray[np.float32]) -> Outputs:
        """Run it; two threads may both load it, of which one stays."""
        if self._session is None:
            self._session = self.models.open_here(self.entry, self.threads, self.compute)
        return self._session.run(batch)


class RemoteSession(Session):
    """A model that a server runs."""

    def __init__(self, entry: ModelEntry, models: RemoteModels, spare: Spare) -> None:
        """Read the header of the model's file, which stays unloaded."""
        super().__init__(entry, read_header(entry, entry.read_bytes()))
        self._models, self._spare = models, spare
        self.others = models.threads
        self._exchange = Exchange(
            entry.name, self.header, models.connection, models.memory, models.observer
        )
        self._offer: Offer | None = None
        self._version: str | None = None
        self._lock = threading.Lock()
        self._rests_until = 0.0

    def check(self) -> Offer:
        """Make sure, once, that the server has this model.

        Raises:
            LipiyanaError: see `agree`.
        """
        with self._lock:
            if self._offer is None:
                self._offer = agree(
                    self._models.connection, self.entry, self.header, self._models.options.timeout
                )
            return self._offer

    def rest(self) -> None:
        """Run the model here for a while."""
        self._rests_until = clock() + TRY_AGAIN

    def run(self, batch: npt.NDArray[np.float32]) -> Outputs:
        """Feed the first input; see `Session.run`.

        Raises:
            DeadlineExceeded: the server was too slow (INFERENCE_TIMEOUT).
            Unavailable: it cannot be reached (INFERENCE_UNAVAILABLE).
            ModelUnavailable: it gives what the model does not give (MODEL_CORRUPT).
            LipiyanaError: another failure; each only where this process may not run the model.
        """
        fallback = self._models.options.fallback
        if fallback and clock() < self._rests_until:
            return self._here(batch)
        tired = self._rests_until > 0
        try:
            outputs = self._there(batch, retries=0 if fallback and tired else None)
        except Cancelled:
            raise
        except LipiyanaError as error:
            if not fallback:
                raise
            current_work().require_wanted()
            if not tired:
                _log.warning("%s; %s runs in this process", error.message, self.entry.name)
            self.rest()
            return self._here(batch)
        if tired:
            _log.info("%s runs on %s again", self.entry.name, self._models.options.address)
            self._rests_until = 0.0
        return outputs

    @property
    def _observer(self) -> InferenceObserver:
        """What hears of the work of this thread; of the warm-up nothing does."""
        return self._models.observer if current_work().counted else NoObserver()

    def _here(self, batch: npt.NDArray[np.float32]) -> Outputs:
        self._observer.inference_fell_back(self.entry.name)
        return self._spare.run(batch)

    def _there(self, batch: npt.NDArray[np.float32], retries: int | None) -> Outputs:
        most = self.check().max_batch
        if most is None or len(batch) <= most:
            return self._ask(batch, retries)
        parts = [self._ask(batch[i : i + most], retries) for i in range(0, len(batch), most)]
        return [np.concatenate(outputs) for outputs in zip(*parts, strict=True)]

    def _ask(self, batch: npt.NDArray[np.float32], retries: int | None) -> Outputs:
        try:
            outputs, version = self._exchange.run(batch, retries)
        except ModelUnavailable:
            self._offer = None  # it was there: look again before the next run
            raise
        if self._version not in (None, version):  # the server has loaded another one meanwhile
            self._offer = None
            self.check()
        self._version = version
        return outputs
