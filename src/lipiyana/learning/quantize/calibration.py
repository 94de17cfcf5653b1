"""What a model sees of some pictures: its inputs, exactly as its own pre-processing makes them."""

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
    """Read pictures, (H, W, 3) RGB, evenly thinned out to `most`; leave out what is unreadable."""
    step = max(1.0, len(paths) / most)
    for number in range(min(most, len(paths))):
        try:
            yield load(paths[int(number * step)])
        except LipiyanaError:
            continue


def inputs_of(store: ModelStore, entry: ModelEntry, pictures: Iterator[Pixels]) -> list[Floats]:
    """Give the batches that a model is run on for each picture.

    Raises:
        InvalidRequest: no picture of the folder could be read, or there is no such
            pre-processing here for models of this task.
        ModelUnavailable: the model cannot be loaded.
    """
    recording = _Recording(store.session(entry.name))
    see = _seer(_RecordingStore(store, recording), entry)
    for picture in pictures:
        see(picture)
    if not recording.batches:
        raise InvalidRequest("no picture could be read to calibrate with", field="calibration")
    return recording.batches


def _seer(store: ModelStore, entry: ModelEntry) -> Any:
    if entry.task is Task.LINE_READER:
        reader = LineReader(store, entry.name)
        return lambda picture: reader.read([picture])
    if entry.task is Task.TEXT_DETECTOR:
        return TextDetector(store, name=entry.name).detect
    raise InvalidRequest(
        f"{entry.name} is a {entry.task.value.replace('_', ' ')}; readers and text detectors are "
        "what can be quantized so far",
        field="model",
    )


class _Recording:
    """A session that keeps what it is run on."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.batches: list[Floats] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def run(self, batch: Floats) -> Sequence[npt.NDArray[Any]]:
        self.batches.append(batch.copy())
        return self._session.run(batch)


class _RecordingStore(ModelStore):
    """A store whose every session is the recording one."""

    def __init__(self, store: ModelStore, recording: _Recording) -> None:
        self.__dict__.update(store.__dict__)
        self._recording = recording

    def session(self, name: str) -> Session:  # noqa: ARG002 - there is one model to watch
        recorded: Any = self._recording
        session: Session = recorded
        return session
