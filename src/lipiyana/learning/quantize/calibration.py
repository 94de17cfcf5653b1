"""Calibration inputs: the batches that a model's own pre-processing makes of pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lipiyana.errors import InvalidRequest, LipiyanaError
from lipiyana.images.loading import load
from lipiyana.ocr.detection.detector import TextDetector
from lipiyana.ocr.recognition.reader import LineReader
from lipiyana.runtime.manifest import ModelEntry, Task
from lipiyana.runtime.store import ModelStore, Session

Floats = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]

MOST_PICTURES = 120


def read_pictures(paths: Sequence[Path], most: int = MOST_PICTURES) -> Iterator[Pixels]:
    """Load at most `most` evenly spaced pictures, (H, W, 3) RGB; skip unreadable ones."""
    step = max(1.0, len(paths) / most)
    for number in range(min(most, len(paths))):
        try:
            yield load(paths[int(number * step)])
        except LipiyanaError:
            continue


def inputs_of(store: ModelStore, entry: ModelEntry, pictures: Iterator[Pixels]) -> list[Floats]:
    """Collect the input batches that the model runs on for these pictures.

    Raises:
        InvalidRequest: no picture could be read, or models of this task cannot be quantized.
        ModelUnavailable: the model cannot be loaded.
    """
    recording = _Recording(store.session(entry.name))
    run_on = _pipeline_step(_RecordingStore(store, recording), entry)
    for picture in pictures:
        run_on(picture)
    if not recording.batches:
        raise InvalidRequest("calibration needs at least one readable picture", field="calibration")
    return recording.batches


def _pipeline_step(store: ModelStore, entry: ModelEntry) -> Any:
    """Return a function that runs one picture through the model and its pre-processing."""
    if entry.task is Task.LINE_READER:
        reader = LineReader(store, entry.name)
        return lambda picture: reader.read([picture])
    if entry.task is Task.TEXT_DETECTOR:
        return TextDetector(store, name=entry.name).detect
    raise InvalidRequest(
        f"{entry.name} is a {entry.task.value.replace('_', ' ')}; only line readers and text "
        "detectors can be quantized",
        field="model",
    )


class _Recording:
    """A session that records its input batches."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.batches: list[Floats] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def run(self, batch: Floats) -> Sequence[npt.NDArray[Any]]:
        self.batches.append(batch.copy())
        return self._session.run(batch)


class _RecordingStore(ModelStore):
    """A store that returns the recording session for every name."""

    def __init__(self, store: ModelStore, recording: _Recording) -> None:
        self.__dict__.update(store.__dict__)
        self._recording = recording

    def session(self, name: str) -> Session:  # noqa: ARG002 - only one model is recorded
        recorded: Any = self._recording
        session: Session = recorded
        return session
