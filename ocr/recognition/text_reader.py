"""The reader of lines that the pipeline uses: one model for all scripts, with optional parts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from lipiyana.arrays import RgbArray
from lipiyana.ocr.language.script_choice import LATIN
from lipiyana.ocr.recognition.long_lines import join_pieces, pieces_of
from lipiyana.ocr.recognition.reader import Keep, LineReader, LineReading, Reader
from lipiyana.ocr.recognition.settings import RECOGNITION, RecognitionSettings
from lipiyana.ocr.scripts.table import COMMON, script_of
from lipiyana.runtime.manifest import ModelEntry, Task
from lipiyana.runtime.store import ModelStore


class TextReader:
    """Reads lines of any script and length. Safe to share between threads.

    It is built from parts:

    - a reader of all scripts;
    - optionally a reader that knows Latin letters better. It reads once more what came out in
      Latin, and the more confident reading wins. A line in another script is left as it is: on
      real signs and plates the Latin reader is confident about much that is not Latin;
    - optionally a splitter, which cuts long lines between words and joins the readings.
    """

    def __init__(
        self,
        general: Reader,
        latin: Reader | None = None,
        *,
        split_long_lines: bool = False,
        settings: RecognitionSettings = RECOGNITION,
    ) -> None:
        """Take the parts.

        Args:
            general: reads all scripts.
            latin: reads Latin letters alone.
            split_long_lines: whether long lines are cut between words.
            settings: say which lines are long.
        """
        self._general, self._latin = general, latin
        self._split_long_lines, self._settings = split_long_lines, settings

    @property
    def entries(self) -> tuple[ModelEntry, ...]:
        """The models that take part."""
        latin = self._latin.entries if self._latin is not None else ()
        return (*self._general.entries, *latin)

    def splitting_long_lines(self) -> TextReader:
        """Return a reader of the same models that cuts long lines between words."""
        return TextReader(
            self._general, self._latin, split_long_lines=True, settings=self._settings
        )

    def read(
        self,
        crops: Sequence[RgbArray],
        *,
        keep: Keep | None = None,
        hints: Collection[str] = (),
    ) -> list[LineReading]:
        """Read crops as `LineReader.read` does.

        Of what both models read, `others` has the less confident reading. Pieces of a long line
        are joined by a space.
        """
        if not self._split_long_lines:
            return self._read(crops, keep, hints)
        lines = [pieces_of(crop, settings=self._settings) for crop in crops]
        readings = iter(self._read([piece for line in lines for piece in line], keep, hints))
        return [join_pieces([next(readings) for _ in line]) for line in lines]

    def _read(
        self, crops: Sequence[RgbArray], keep: Keep | None, hints: Collection[str]
    ) -> list[LineReading]:
        readings = self._general.read(crops, keep=keep, hints=hints)
        if self._latin is None:
            return readings
        latin = [i for i, reading in enumerate(readings) if _in_latin(reading.text)]
        again = self._latin.read([crops[i] for i in latin], keep=keep)
        for index, reading in zip(latin, again, strict=True):
            if reading.text:
                better, other = sorted(
                    (reading, readings[index]), key=lambda one: one.confidence, reverse=True
                )
                readings[index] = replace(better, others=(other,))
        return readings


def _in_latin(text: str) -> bool:
    return script_of(text) in {LATIN, COMMON}


def installed_reader(store: ModelStore, name: str | None = None) -> TextReader:
    """Build a reader of the model `name`, or of the store's default.

    A model for Latin alone is added where one is installed and the reader's parameter
    `latin_specialist` does not refuse it.

    Raises:
        ModelUnavailable: no reader is installed.
    """
    general = LineReader(store, name)
    if general.entry.parameters.get("latin_specialist", True):
        for entry in store.entries:
            latin_alone = entry.parameters.get("scripts") == [LATIN]
            other = entry.task is Task.LINE_READER and entry.name != general.entry.name
            if other and latin_alone and entry.installed:
                return TextReader(general, LineReader(store, entry.name))
    return TextReader(general)
