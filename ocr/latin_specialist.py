"""Two readers as one: that of all scripts, and one that knows Latin letters better."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lipiyana.manifest import ModelEntry, Task
from lipiyana.ocr.recognition import Keep, LineReader, LineReading, Reader
from lipiyana.ocr.scripts import COMMON, script_of
from lipiyana.runtime import ModelStore

LATIN = "Latn"


class SpecialistReader:
    """Reads every line with the reader of all scripts, and what looks Latin once more.

    A line that came out in another script is left to the first reader, unless it was so unsure
    that the Latin reading is the surer one. Safe to share between threads.
    """

    def __init__(self, general: LineReader, latin: LineReader) -> None:
        self._general, self._latin = general, latin

    @property
    def entries(self) -> tuple[ModelEntry, ...]:
        """Both models."""
        return self._general.entry, self._latin.entry

    def read(
        self, crops: Sequence[npt.NDArray[np.uint8]], *, keep: Keep | None = None
    ) -> list[LineReading]:
        """Read crops as `LineReader.read` does."""
        readings = self._general.read(crops, keep=keep)
        doubtful = [i for i, reading in enumerate(readings) if _may_be_latin(reading)]
        again = self._latin.read([crops[i] for i in doubtful], keep=keep)
        for index, latin in zip(doubtful, again, strict=True):
            general = readings[index]
            settled = script_of(general.text) in {LATIN, COMMON}
            if latin.text and (settled or latin.confidence > general.confidence):
                readings[index] = latin
        return readings


_SURE = 0.75


def _may_be_latin(reading: LineReading) -> bool:
    return script_of(reading.text) in {LATIN, COMMON} or reading.confidence < _SURE


def installed_reader(store: ModelStore) -> Reader:
    """The store's preferred reader, joined by one for Latin alone where there is such a model.

    Raises:
        ModelUnavailable: no reader is installed.
    """
    general = LineReader(store)
    for entry in store.entries:
        latin_alone = entry.parameters.get("scripts") == [LATIN]
        other = entry.task is Task.LINE_READER and entry.name != general.entry.name
        if other and latin_alone and entry.installed:
            return SpecialistReader(general, LineReader(store, entry.name))
    return general
