"""Runs of one model on a server: tensors out, tensors back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from lipiyana.batching import current_work
from lipiyana.errors import Cancelled, DeadlineExceeded, LipiyanaError
from lipiyana.inference.connection import Connection
from lipiyana.inference.options import InferenceObserver
from lipiyana.inference.shared_memory import Region, SharedMemory, padded
from lipiyana.inference.tensors import (
    BadTensor,
    decode,
    encode,
    encode_shared,
    values_of,
)
from lipiyana.runtime.session import ModelHeader, Outputs

_SMALL = 16 * 2**10
"""Bytes of an output below which the answer carries it."""


class OutputSizes:
    """How large the outputs of a model get, as multiples of its input.

    Each output of the models here is either small, or has as many values as the input has pixels,
    times a constant.
    """

    def __init__(self) -> None:
        """Know nothing before the first run."""
        self._shares: dict[str, tuple[int, int]] = {}

    @property
    def known(self) -> bool:
        """Whether there was a run."""
        return bool(self._shares)

    def learn(self, size: int, outputs: Mapping[str, int]) -> None:
        """Note the bytes of each output of a run whose input had `size` bytes."""
        for name, found in outputs.items():
            output, given = self._shares.get(name, (0, 1))
            if found * given > output * size:
                self._shares[name] = found, size

    def of(self, size: int) -> dict[str, int]:
        """Bytes to reserve for each output that is not small."""
        sizes = {name: -(-output * size // of) for name, (output, of) in self._shares.items()}
        return {name: reserved for name, reserved in sizes.items() if reserved >= _SMALL}


class Exchange:
    """Sends the batches of one model to a server. Safe to share between threads."""

    def __init__(
        self,
        model: str,
        header: ModelHeader,
        connection: Connection,
        memory: SharedMemory | None,
        observer: InferenceObserver,
    ) -> None:
        """Send nothing yet.

        Args:
            model: its name on the server.
            header: what its file here says.
            connection: to the server.
            memory: shared with the server; None if everything goes over the network.
            observer: is told of each run, but of a warm-up.
        """
        self._model, self._header = model, header
        self._connection, self._memory, self._observer = connection, memory, observer
        self._sizes = OutputSizes()

    def run(self, batch: npt.NDArray[np.float32], retries: int | None) -> tuple[Outputs, str]:
        """Run a batch; returns the outputs, and the version of the model that gave them.

        Raises:
            LipiyanaError: see `Session.run` of `RemoteSession`.
        """
        values = values_of(self._header.inputs[0], batch)
        if self._memory is not None and self._sizes.known:
            sizes = self._sizes.of(values.nbytes)
            with self._memory.region(_total(values.nbytes, sizes.values())) as region:
                if region is not None:
                    try:
                        return self._share(region, values, sizes, retries)
                    except (DeadlineExceeded, Cancelled):
                        raise
                    except LipiyanaError as error:
                        region.unsure = True
                        self._memory.rest(error.message)
        outputs, version = self._send(
            encode(self._model, self._header.inputs[0], values), len(values), retries
        )
        names = (output.name for output in self._header.outputs)
        self._sizes.learn(
            values.nbytes, {n: array.nbytes for n, array in zip(names, outputs, strict=True)}
        )
        return outputs, version

    def _share(
        self,
        region: Region,
        values: npt.NDArray[Any],
        sizes: Mapping[str, int],
        retries: int | None,
    ) -> tuple[Outputs, str]:
        """Run a batch whose tensors are in a region."""
        place = region.take(values.nbytes)
        region.array(place, values.dtype, values.shape)[...] = values
        places = {name: region.take(size) for name, size in sizes.items()}
        request = encode_shared(
            self._model,
            self._header.inputs[0],
            values,
            place,
            {output.name: places.get(output.name) for output in self._header.outputs},
        )

        def failed() -> None:
            # what was sent again may still run a first time, and write where another run reads
            region.unsure = True

        shared = {name: region.view(place) for name, place in places.items()}
        return self._send(request, len(values), retries, shared, failed)

    def _send(
        self,
        request: bytes,
        rows: int,
        retries: int | None,
        shared: Mapping[str, memoryview] = MappingProxyType({}),
        failed: Callable[[], None] = lambda: None,
    ) -> tuple[Outputs, str]:
        """Send a request; `failed` is called after each attempt that fails."""
        work, options = current_work(), self._connection.options
        work.require_wanted()
        left = work.remaining()
        timeout = options.timeout if left is None else min(left, options.timeout)
        begun = time.monotonic()

        def ended(code: str, size: int) -> None:
            nonlocal begun
            now = time.monotonic()
            if work.counted:
                self._observer.inference_ended(self._model, code, now - begun, len(request), size)
            begun = now
            if code != "OK":
                failed()

        answer = self._connection.call("ModelInfer", request, timeout, retries=retries, ended=ended)
        try:
            return decode(answer, self._header.outputs, rows, shared)
        except BadTensor as error:
            raise self._connection.garbage(f"{self._model}: {error}") from None


def _total(size: int, outputs: Iterable[int]) -> int:
    """Bytes of a region for an input and its outputs."""
    return padded(size) + sum(map(padded, outputs))
