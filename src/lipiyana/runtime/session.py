"""A loaded model: what it takes and gives, and how it is run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Executor, Future
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from lipiyana.errors import ModelUnavailable
from lipiyana.runtime.devices import Compute, open_on
from lipiyana.runtime.manifest import ModelEntry, charset_digest

AHEAD = 2
"""Runs of one caller that are under way elsewhere while it works on the outputs of another."""

_SILENT = 4  # only fatal messages; errors come as exceptions

Outputs = list[npt.NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Tensor:
    """An input or an output.

    Attributes:
        name: in the model.
        kind: as ONNX Runtime writes it, such as `tensor(float)`.
        shape: None where any size fits.
    """

    name: str
    kind: str
    shape: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class ModelHeader:
    """What a model file says of itself."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    metadata: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, session: Any) -> ModelHeader:
        """Take it from a session of ONNX Runtime."""
        return cls(
            tuple(map(_tensor, session.get_inputs())),
            tuple(map(_tensor, session.get_outputs())),
            dict(session.get_modelmeta().custom_metadata_map),
        )


def _tensor(value: Any) -> Tensor:
    shape = tuple(size if isinstance(size, int) else None for size in value.shape)
    return Tensor(value.name, value.type, shape)


class Session(ABC):
    """A model that can be run. `run` may be called from several threads at once.

    Attributes:
        entry: of the model.
        header: what its file says.
        charset: the characters of classes 1, 2, ...; empty if it reads nothing.
        others: threads that wait for runs elsewhere; None where runs take this machine's time.
    """

    others: Executor | None = None

    def __init__(self, entry: ModelEntry, header: ModelHeader) -> None:
        """Check the characters.

        Raises:
            ModelUnavailable: they are not those of the entry (MODEL_CORRUPT).
        """
        self.entry, self.header = entry, header
        self.charset = _checked_charset(entry, header.metadata)

    @property
    def metadata(self) -> Mapping[str, str]:
        """What its file says, by key."""
        return self.header.metadata

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """Shape of the first input; None if any size fits."""
        return self.header.inputs[0].shape

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the outputs, in the order in which `run` gives them."""
        return tuple(output.name for output in self.header.outputs)

    @abstractmethod
    def run(self, batch: npt.NDArray[np.float32]) -> Outputs:
        """Feed the first input; every output comes back, in the model's order."""

    def run_each(self, batches: Iterable[npt.NDArray[np.float32]]) -> Iterator[Outputs]:
        """Run batches, and yield the outputs in their order.

        With `others`, the next `AHEAD` batches run while the caller works on the outputs of one.
        """
        if self.others is None:
            yield from map(self.run, batches)
            return
        running: deque[Future[Outputs]] = deque()
        try:
            for batch in batches:
                running.append(self._start(batch, self.others))
                if len(running) > AHEAD:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
        finally:
            for future in running:
                future.cancel()

    def _start(self, batch: npt.NDArray[np.float32], others: Executor) -> Future[Outputs]:
        """Run a batch on another thread, for the work of this one."""
        return others.submit(copy_context().run, self.run, batch)


class LocalSession(Session):
    """A model that this process has loaded."""

    def __init__(
        self,
        entry: ModelEntry,
        threads: int,
        *,
        keeps_memory: bool = True,
        compute: Compute | None = None,
    ) -> None:
        """Load a model; see `ModelEntry.read_bytes` for what it raises.

        Args:
            entry: of the model.
            threads: that one run uses.
            keeps_memory: whether the memory of its largest runs stays with it.
            compute: what runs it; by default the CPU.
        """
        self._session = _create(entry, threads, keeps_memory, compute or Compute())
        super().__init__(entry, ModelHeader.of(self._session))
        self._input = self.header.inputs[0].name

    def run(self, batch: npt.NDArray[np.float32]) -> Outputs:
        """Feed the first input; see `Session.run`."""
        outputs: Outputs = self._session.run(None, {self._input: batch})
        return outputs


def open_session(
    model: bytes, threads: int, *, keeps_memory: bool = True, compute: Compute | None = None
) -> Any:
    """Make an ONNX Runtime session; the one place that says with which options.

    Args:
        model: the content of an ONNX file.
        threads: that one run uses.
        keeps_memory: whether the memory of its largest runs stays with it.
        compute: what runs it; by default the CPU.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.enable_mem_pattern = False  # shapes differ from picture to picture
    options.enable_cpu_mem_arena = keeps_memory
    options.log_severity_level = _SILENT
    return open_on(compute or Compute(), model, options)


def read_header(entry: ModelEntry, model: bytes) -> ModelHeader:
    """Read what a model says of itself, without keeping it.

    Raises:
        ModelUnavailable: it is no model (MODEL_CORRUPT).
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.log_severity_level = _SILENT
    try:
        return ModelHeader.of(open_on(Compute(), model, options))
    except Exception as error:
        raise _not_loaded(entry, error) from error


def _create(entry: ModelEntry, threads: int, keeps_memory: bool, compute: Compute) -> Any:
    model = entry.read_bytes()
    try:
        return open_session(model, threads, keeps_memory=keeps_memory, compute=compute)
    except ModelUnavailable:
        raise
    except Exception as error:
        raise _not_loaded(entry, error) from error


def _not_loaded(entry: ModelEntry, error: Exception) -> ModelUnavailable:
    return ModelUnavailable(
        f"ONNX Runtime cannot load {entry.file}: {error}", reason="MODEL_CORRUPT"
    )


def _checked_charset(entry: ModelEntry, metadata: Mapping[str, str]) -> tuple[str, ...]:
    """Read the characters of classes 1, 2, ...; class 0 is the blank of CTC.

    A model carries them as one string under `charset`, or, as PP-OCR's do, one a line under
    `character`, where the space is implied as the last class.
    """
    if "charset" in metadata:
        characters = tuple(metadata["charset"])
    elif "character" in metadata:
        # not splitlines: that would also split at characters which may be in the charset
        characters = (*metadata["character"].removesuffix("\n").split("\n"), " ")
    else:
        characters = ()
    if entry.charset_sha256 and charset_digest(characters) != entry.charset_sha256:
        raise ModelUnavailable(
            f"the characters in {entry.file} are not those that the manifest names for "
            f"{entry.name}; model and manifest must come from the same release",
            reason="MODEL_CORRUPT",
        )
    return characters
