"""Two readers as one: that of all scripts, and one that knows Latin letters better."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from lipiyana.arrays import RgbArray
from lipiyana.ocr.language.script_choice import LATIN
from lipiyana.ocr.recognition.reader import Keep, LineReader, LineReading, Reader
from lipiyana.ocr.scripts.table import COMMON, script_of
from lipiyana.runtime.manifest import ModelEntry, Task
from lipiyana.runtime.store import ModelStore


class SpecialistReader:
    """Reads every line with the reader of all scripts, and what came out Latin once more; the
    surer of the two stands.

    A line that came out in another script is left as it is, however unsure: on real signs and
    plates the Latin reader is sure of much that is not Latin. Safe to share between threads.
    """

    def __init__(self, general: LineReader, latin: LineReader) -> None:
        self._general, self._latin = general, latin

    @property
    def entries(self) -> tuple[ModelEntry, ...]:
        """Both models."""
        return self._general.entry, self._latin.entry

    def read(
        self,
        crops: Sequence[RgbArray],
        *,
        keep: Keep | None = None,
        hints: Collection[str] = (),
    ) -> list[LineReading]:
        """Read crops as `LineReader.read` does; of what was read again `others` has the other
        reading.
        """
        readings = self._general.read(crops, keep=keep, hints=hints)
        latin = [i for i, reading in enumerate(readings) if _in_latin(reading.text)]
        again = self._latin.read([crops[i] for i in latin], keep=keep)
        for index, reading in zip(latin, again, strict=True):
            if reading.text:
                surer, other = sorted(
                    (reading, readings[index]), key=lambda one: one.confidence, reverse=True
                )
                readings[index] = replace(surer, others=(other,))
        return readings


def _in_latin(text: str) -> bool:
    return script_of(text) in {LATIN, COMMON}


def installed_reader(store: ModelStore, name: str | None = None) -> Reader:
    """The reader `name`, or the store's preferred one, joined by one for Latin alone where there
    is such a model and the reader's parameter `latin_specialist` does not refuse it.

    Raises:
        ModelUnavailable: no reader is installed.
    """
    general = LineReader(store, name)
    if not general.entry.parameters.get("latin_specialist", True):
        return general
    for entry in store.entries:
        latin_alone = entry.parameters.get("scripts") == [LATIN]
        other = entry.task is Task.LINE_READER and entry.name != general.entry.name
        if other and latin_alone and entry.installed:
            return SpecialistReader(general, LineReader(store, entry.name))
    return general
