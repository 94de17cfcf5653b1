"""The reader of lines that the pipeline uses, built from parts.

One model reads all scripts. A second one may read Latin lines once more, and lines that are longer
than the models were trained on may be cut between words.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from lipiyana.arrays import RgbArray
from lipiyana.ocr.language.script_choice import LATIN
from lipiyana.ocr.recognition.ink import INK_HEIGHT, empty_columns, runs_of
from lipiyana.ocr.recognition.reader import LineReader, LineReading, Reader, Reduce
from lipiyana.ocr.recognition.settings import RECOGNITION, RecognitionSettings
from lipiyana.ocr.scripts.table import COMMON, SCRIPTS, script_of
from lipiyana.runtime.manifest import ModelEntry, Task
from lipiyana.runtime.store import ModelStore


def pieces_of(crop: RgbArray, *, settings: RecognitionSettings = RECOGNITION) -> list[RgbArray]:
    """Cut a line (height, width, 3) between words, from left to right, where it is too long."""
    height, width = crop.shape[:2]
    if width <= settings.longest_line * height or width > settings.no_line_aspect * height:
        return [crop]
    gaps = _gaps(crop, settings)
    cuts = sorted(_cuts(gaps, 0, width, height, settings))
    edges = [0, *cuts, width]
    return [crop[:, start:end] for start, end in pairwise(edges)]


def join_pieces(pieces: Sequence[LineReading], widths: Sequence[int] | None = None) -> LineReading:
    """Make one reading of the readings of pieces, which come from left to right.

    Args:
        pieces: at least one.
        widths: of their crops; by default all have the same.
    """
    if len(pieces) == 1:
        return pieces[0]
    widths = widths or [1] * len(pieces)
    pieces = [
        replace(piece, words=tuple(word.moved(before, share) for word in piece.words))
        for piece, before, share in _shares(pieces, widths)
    ]
    reduced = [piece.reduced for piece in pieces if piece.reduced is not None]
    read = [piece for piece in pieces if piece.text]
    scripts = [script_of(piece.text) for piece in read]
    directions = [SCRIPTS[script].direction for script in scripts if script != COMMON]
    if directions.count("rtl") > directions.count("ltr"):
        read.reverse()
    confidences: list[float] = []
    for piece in read:
        if confidences:
            # the space is as sure as the letters beside it
            confidences.append(min(confidences[-1], piece.character_confidences[0]))
        confidences += piece.character_confidences
    return LineReading(
        " ".join(piece.text for piece in read),
        float(np.mean(confidences)) if confidences else 0.0,
        tuple(confidences),
        np.concatenate(reduced) if reduced else None,
        words=tuple(word for piece in read for word in piece.words),
    )


def _shares(
    pieces: Sequence[LineReading], widths: Sequence[int]
) -> Iterator[tuple[LineReading, float, float]]:
    """Yield each piece with the share of the line before it, and its own."""
    before = 0
    for piece, width in zip(pieces, widths, strict=True):
        yield piece, before / sum(widths), width / sum(widths)
        before += width


def _cuts(
    gaps: Sequence[tuple[int, int]],
    start: int,
    end: int,
    height: int,
    settings: RecognitionSettings,
) -> Iterator[int]:
    """Cut at the widest gap, then what is still too long again."""
    if end - start <= settings.longest_line * height:
        return
    least = settings.min_piece * height
    inner = [gap for gap in gaps if gap[0] - start >= least and end - gap[1] >= least]
    if not inner:
        return
    left, right = max(inner, key=lambda gap: gap[1] - gap[0])
    cut = (left + right) // 2
    yield cut
    yield from _cuts(gaps, start, cut, height, settings)
    yield from _cuts(gaps, cut, end, height, settings)


def _gaps(crop: RgbArray, settings: RecognitionSettings) -> list[tuple[int, int]]:
    """Columns (from, to) without ink that are wide enough to part words."""
    scale = INK_HEIGHT / crop.shape[0]
    empty = empty_columns(crop, settings=settings)
    runs = runs_of(empty)
    inner = runs[(runs[:, 0] > 0) & (runs[:, 1] < len(empty))]
    if not len(inner):
        return []
    sizes = inner[:, 1] - inner[:, 0]
    least = settings.min_gap * INK_HEIGHT
    if len(inner) > settings.letter_gaps * len(empty) / INK_HEIGHT:
        least = max(least, settings.clearly_wider * float(np.median(sizes)))
    return [(round(a / scale), round(b / scale)) for a, b in inner[sizes >= least].tolist()]


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
        reduce: Reduce | None = None,
        hints: Collection[str] = (),
        words: bool = False,
    ) -> list[LineReading]:
        """Read crops as `LineReader.read` does.

        Of what both models read, `others` has the less confident reading. Pieces of a long line
        are joined by a space.
        """
        if not self._split_long_lines:
            return self._read(crops, reduce, hints, words)
        lines = [pieces_of(crop, settings=self._settings) for crop in crops]
        pieces = [piece for line in lines for piece in line]
        readings = iter(self._read(pieces, reduce, hints, words))
        return [
            join_pieces([next(readings) for _ in line], [piece.shape[1] for piece in line])
            for line in lines
        ]

    def _read(
        self,
        crops: Sequence[RgbArray],
        reduce: Reduce | None,
        hints: Collection[str],
        words: bool,
    ) -> list[LineReading]:
        readings = self._general.read(crops, reduce=reduce, hints=hints, words=words)
        if self._latin is None:
            return readings
        latin = [i for i, reading in enumerate(readings) if _in_latin(reading.text)]
        again = self._latin.read([crops[i] for i in latin], reduce=reduce, words=words)
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
