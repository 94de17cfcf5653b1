"""ONNX Runtime sessions of the models in a manifest: checked, lazy, shared between threads."""

from __future__ import annotations

import logging
import operator
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lipiyana.errors import InvalidRequest, ModelUnavailable
from lipiyana.runtime.container import MOST_THREADS, available_threads
from lipiyana.runtime.manifest import ModelEntry, Task, charset_digest, read_manifest
from lipiyana.runtime.timings import faster_first, read_timings
from lipiyana.types import Feature, ModelInfo
from lipiyana.words import shown

MODELS_VARIABLE = "LIPIYANA_MODELS"
"""Environment variable that names a folder of models, searched before the built-in ones."""

_log = logging.getLogger(__name__)
_SILENT = 4  # only fatal messages; errors come as exceptions


@dataclass(frozen=True, slots=True)
class ModelCheck:
    """Whether a model's file is there, intact and loadable; if not, `problem` says why."""

    entry: ModelEntry
    ok: bool
    problem: str = ""


class Session:
    """A loaded model. `run` may be called from several threads at once."""

    def __init__(self, entry: ModelEntry, threads: int, *, keeps_memory: bool = True) -> None:
        """Load a model; see `ModelEntry.read_bytes` for what it raises.

        Args:
            entry: of the model.
            threads: that one run uses.
            keeps_memory: whether the memory of its largest runs stays with it.
        """
        self.entry = entry
        self._session = _create(entry, threads, keeps_memory)
        self.metadata: Mapping[str, str] = dict(self._session.get_modelmeta().custom_metadata_map)
        self.charset = _checked_charset(entry, self.metadata)
        self._input = self._session.get_inputs()[0].name

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """Shape of the first input; None if any size fits."""
        shape = self._session.get_inputs()[0].shape
        return tuple(size if isinstance(size, int) else None for size in shape)

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the outputs, in the order in which `run` gives them."""
        return tuple(output.name for output in self._session.get_outputs())

    def run(self, batch: npt.NDArray[np.float32]) -> list[npt.NDArray[Any]]:
        """Feed the first input; every output comes back, in the model's order."""
        outputs: list[npt.NDArray[Any]] = self._session.run(None, {self._input: batch})
        return outputs


def open_session(model: bytes, threads: int, *, keeps_memory: bool = True) -> Any:
    """Make an ONNX Runtime session on the CPU; the one place that says with which options.

    Args:
        model: the content of an ONNX file.
        threads: that one run uses.
        keeps_memory: whether the memory of its largest runs stays with it.
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
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _create(entry: ModelEntry, threads: int, keeps_memory: bool) -> Any:
    model = entry.read_bytes()
    try:
        return open_session(model, threads, keeps_memory=keeps_memory)
    except Exception as error:
        raise ModelUnavailable(
            f"ONNX Runtime cannot load {entry.file}: {error}", reason="MODEL_CORRUPT"
        ) from error


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


class ModelStore:
    """The available models, and their sessions.

    Attributes:
        threads: that one model uses at once.
        preferences: the models that come before their twins for being faster on this machine.
    """

    def __init__(
        self,
        models_dir: str | os.PathLike[str] | None = None,
        threads: int | None = None,
        *,
        open_session: Callable[[ModelEntry, int], Session] = Session,
    ) -> None:
        """List the models; none is loaded yet.

        Where `lipiyana models bench` found a model's twin (the same weights, INT8 or float) faster
        on this machine, the twin comes before it.

        Args:
            models_dir: a folder with a manifest whose models come before the built-in ones and
                replace those of the same name; by default the one that the environment variable
                LIPIYANA_MODELS names, if any.
            threads: that one model uses at once; by default `available_threads()`.
            open_session: loads a model, given that number of threads.

        Raises:
            ModelUnavailable: `models_dir` has no manifest, or an invalid one.
            InvalidRequest: `models_dir` is no path, or `threads` no whole number from 1 to
                `MOST_THREADS`.
        """
        if models_dir is None:
            models_dir = os.environ.get(MODELS_VARIABLE) or None
        own = _folder(models_dir)
        self.threads = available_threads() if threads is None else _checked_threads(threads)
        entries: dict[str, ModelEntry] = {}
        for folder in (own, _built_in()):
            for entry in read_manifest(folder) if folder is not None else ():
                entries.setdefault(entry.name, entry)
        ordered, self.preferences = faster_first(entries.values(), read_timings())
        for preference in self.preferences:
            _log.info("%s", preference)
        self._entries = {entry.name: entry for entry in ordered}
        self._open_session = open_session
        self._sessions: dict[str, Session] = {}
        self._locks = {name: threading.Lock() for name in entries}

    @property
    def entries(self) -> tuple[ModelEntry, ...]:
        """All models of the manifests, installed or not, in order of preference."""
        return tuple(self._entries.values())

    def entry(self, name: str) -> ModelEntry:
        """Look a model up.

        Raises:
            ModelUnavailable: no manifest names it.
        """
        try:
            return self._entries[name]
        except KeyError:
            known = ", ".join(self._entries)
            raise ModelUnavailable(
                f"there is no model {name!r}; the manifests name {known}"
            ) from None

    def session(self, name: str) -> Session:
        """Load a model, the first time; afterwards the same session comes back.

        Raises:
            ModelUnavailable: it is missing, or not the one that the manifest names.
        """
        entry = self.entry(name)
        session = self._sessions.get(name)
        if session is None:
            with self._locks[name]:
                session = self._sessions.get(name)
                if session is None:
                    session = self._sessions[name] = self._open_session(entry, self.threads)
        return session

    def installed(self, task: Task) -> ModelEntry | None:
        """Find the preferred model for a task among those whose file is there."""
        return next((e for e in self._entries.values() if e.task is task and e.installed), None)

    def default_for_task(self, task: Task) -> ModelEntry:
        """Find the preferred model for a task.

        Raises:
            ModelUnavailable: none is installed.
        """
        entry = self.installed(task)
        if entry is None:
            raise ModelUnavailable(
                f"no {task.value.replace('_', ' ')} is installed; `lipiyana models list` shows "
                "what is"
            )
        return entry

    def installed_features(self) -> frozenset[Feature]:
        """List the features that can be requested. Plates need no detector: lines that parse
        become plates.
        """
        features = set()
        if self.installed(Task.TEXT_DETECTOR) and self.installed(Task.LINE_READER):
            features |= {Feature.TEXT, Feature.PLATES}
        if self.installed(Task.VEHICLE_DETECTOR):
            features.add(Feature.VEHICLES)
        return frozenset(features)

    def verify(self) -> Iterator[ModelCheck]:
        """Load every model again, and report those that differ from their manifest.

        A model of an extra that is not installed is left out.
        """
        for entry in self._entries.values():
            if entry.extra and not entry.installed:
                continue
            try:
                Session(entry, self.threads)
            except ModelUnavailable as error:
                yield ModelCheck(entry, False, error.message)
            else:
                yield ModelCheck(entry, True)


def model_info(entry: ModelEntry) -> ModelInfo:
    """Give the `ModelInfo` of a model, for results and cache keys."""
    return ModelInfo(entry.name, entry.version, entry.sha256)


def _folder(models_dir: object) -> Path | None:
    if models_dir is None:
        return None
    if isinstance(models_dir, str | os.PathLike):
        return Path(os.fsdecode(models_dir))
    raise InvalidRequest(
        f"models_dir must be the path of a folder with models, not {shown(models_dir)}",
        field="models_dir",
    )


def _checked_threads(threads: object) -> int:
    try:
        number = operator.index(threads)  # type: ignore[arg-type]
    except TypeError:
        number = 0
    if not 1 <= number <= MOST_THREADS:
        raise InvalidRequest(
            f"threads must be a whole number from 1 to {MOST_THREADS}, not {shown(threads)}; leave "
            "it out for all that this process may use",
            field="threads",
        )
    return number


def _built_in() -> Path:
    return Path(str(resources.files("lipiyana.models")))
