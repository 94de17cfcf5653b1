"""The models of the manifests and their sessions: checked, lazy, shared between threads."""

from __future__ import annotations

import logging
import operator
import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from lipiyana.errors import InvalidRequest, ModelUnavailable
from lipiyana.runtime.container import MOST_THREADS, available_threads
from lipiyana.runtime.devices import Compute, Device, compute_of
from lipiyana.runtime.manifest import ModelEntry, Task, read_manifest
from lipiyana.runtime.session import LocalSession, Session
from lipiyana.runtime.timings import faster_first, read_timings
from lipiyana.types import Feature, ModelInfo
from lipiyana.words import shown

MODELS_VARIABLE = "LIPIYANA_MODELS"
"""Environment variable that names a folder of models, searched before the built-in ones."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ModelCheck:
    """Whether a model's file is there, intact and loadable; if not, `problem` says why."""

    entry: ModelEntry
    ok: bool
    problem: str = ""


class ModelSource:
    """Loads models; by default from their files, to run in this process.

    Attributes:
        local: whether the models run on this machine.
        place: where they run, if answers may differ in rounding; else "".
    """

    local = True
    place = ""

    def __init__(self, *, keeps_memory: bool = True) -> None:
        """Load models from their files; see `LocalSession`."""
        self._keeps_memory = keeps_memory

    def offered(self, entries: Sequence[ModelEntry]) -> Sequence[ModelEntry]:
        """Choose those of the manifests' models that can be used."""
        return entries

    @property
    def ready(self) -> bool:
        """Whether the models can be run now."""
        return True

    def open(self, entry: ModelEntry, threads: int, compute: Compute) -> Session:
        """Load a model."""
        return LocalSession(entry, threads, keeps_memory=self._keeps_memory, compute=compute)

    def close(self) -> None:
        """Release what is not memory."""


class ModelStore:
    """The available models, and their sessions.

    Attributes:
        threads: that one model uses at once.
        compute: what runs the models.
        preferences: the models that come before their twins for being faster on this machine.
    """

    def __init__(
        self,
        models_dir: str | os.PathLike[str] | None = None,
        threads: int | None = None,
        *,
        device: Device | str = Device.AUTO,
        fp16: bool = False,
        source: ModelSource | None = None,
    ) -> None:
        """List the models; none is loaded yet.

        Where `lipiyana models bench` found a model's twin (the same weights, INT8 or float) faster
        on this machine, the twin comes before it.

        Args:
            models_dir: a folder with a manifest whose models come before the built-in ones and
                replace those of the same name; by default the one that the environment variable
                LIPIYANA_MODELS names, if any.
            threads: that one model uses at once; by default `available_threads()`.
            device: what runs the models; see `lipiyana doctor` for those that can be used.
            fp16: whether the device computes in 16-bit floats.
            source: loads the models; by default each is loaded from its file by this process.

        Raises:
            ModelUnavailable: `models_dir` has no manifest, or an invalid one; or the installed
                ONNX Runtime does not have the device.
            InvalidRequest: `models_dir` is no path, `threads` no whole number from 1 to
                `MOST_THREADS`, or there is no such device.
        """
        if models_dir is None:
            models_dir = os.environ.get(MODELS_VARIABLE) or None
        own = _folder(models_dir)
        self.threads = available_threads() if threads is None else _checked_threads(threads)
        entries: dict[str, ModelEntry] = {}
        for folder in (own, _built_in()):
            for entry in read_manifest(folder) if folder is not None else ():
                entries.setdefault(entry.name, entry)
        self.compute = compute_of(device, fp16)
        self._source = source or ModelSource()
        offered = self._source.offered(tuple(entries.values()))
        # the figures are of this machine's CPU
        timings = read_timings() if self.compute.on_cpu and self._source.local else {}
        ordered, self.preferences = faster_first(offered, timings)
        for preference in self.preferences:
            _log.info("%s", preference)
        self._entries = {entry.name: entry for entry in ordered}
        self._sessions: dict[str, Session] = {}
        self._locks = {name: threading.Lock() for name in entries}

    @property
    def ready(self) -> bool:
        """Whether the models can be run now; False where a server of models is away."""
        return self._source.ready

    def close(self) -> None:
        """Release what the source of the models holds."""
        self._source.close()

    @property
    def place(self) -> str:
        """Where models run, if answers may differ from those of this CPU in rounding; else ""."""
        return self._source.place or ("" if self.compute.on_cpu else str(self.compute))

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
                    session = self._sessions[name] = self._source.open(
                        entry, self.threads, self.compute
                    )
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
                LocalSession(entry, self.threads, compute=self.compute)
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
