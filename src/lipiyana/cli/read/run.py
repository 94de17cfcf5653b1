"""The run of `lipiyana read`: a row a picture, in order, whatever becomes of the pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from lipiyana.cli.paths import printable
from lipiyana.cli.read.ordered import map_in_order
from lipiyana.cli.read.output import Output
from lipiyana.cli.read.retry_policy import Patience
from lipiyana.cli.read.rows import Record
from lipiyana.cli.sources import Source
from lipiyana.errors import (
    InternalError,
    LipiyanaError,
    MissingExtra,
    ModelUnavailable,
    Overloaded,
    Unauthenticated,
    Unavailable,
)
from lipiyana.files import read_picture_file
from lipiyana.recognizer import Recognizer
from lipiyana.types import Recognition, RecognitionConfig

STOPPING = (MissingExtra, ModelUnavailable, Overloaded, Unauthenticated, Unavailable)
"""Errors that are no fault of the picture: the next one would meet the same, so the run ends."""

PATIENCE = Patience()
"""With a server that is busy."""


@dataclass(frozen=True, slots=True)
class Totals:
    """What became of a run.

    Attributes:
        read: pictures that were read, in earlier runs too where the run went on with a file.
        failed: rows with an error, of earlier runs too.
        skipped: of both, those of earlier runs.
        skipped_failed: of these, those with an error.
        stopped_by: the error that ended the run early.
        empty: pictures that were read in this run and show nothing.
        shown: those that show something.
    """

    read: int
    failed: int
    stopped_by: LipiyanaError | None = None
    empty: int = field(default=0, compare=False)
    shown: int = field(default=0, compare=False)
    skipped: int = field(default=0, compare=False)
    skipped_failed: int = field(default=0, compare=False)


def read_pictures(
    sources: Iterable[Source],
    recognizer: Recognizer,
    config: RecognitionConfig,
    output: Output,
    *,
    workers: int,
    on_row: Callable[[bool], None],
    patience: Patience = PATIENCE,
) -> Totals:
    """Read `sources` and write their rows to `output`, after those that it has already.

    `on_row` is told of each row whether it has an error.

    Raises:
        OSError: a row could not be written.
    """
    read = failed = empty = shown = skipped = skipped_failed = 0
    stopped_by = None

    def skip(is_error: bool) -> None:
        nonlocal skipped, skipped_failed
        skipped += 1
        skipped_failed += is_error
        on_row(is_error)

    remaining = _without_kept(sources, output.kept(), skip)
    recognize = partial(_recognize, recognizer, config, patience)
    for source, outcome in map_in_order(recognize, remaining, workers):
        output.write(printable(source.path), outcome)
        is_error = isinstance(outcome, LipiyanaError)
        failed += is_error
        read += not is_error
        on_row(is_error)
        if isinstance(outcome, Recognition):
            shows = _shows_anything(outcome)
            shown, empty = shown + shows, empty + (not shows)
        if isinstance(outcome, STOPPING):
            stopped_by = outcome
            break
    return Totals(
        read + skipped - skipped_failed,
        failed + skipped_failed,
        stopped_by,
        empty,
        shown,
        skipped,
        skipped_failed,
    )


def _shows_anything(found: Recognition) -> bool:
    texts = [line.text for line in found.text_lines] + [plate.text for plate in found.plates]
    return bool(found.vehicles) or any(texts)


def _without_kept(
    sources: Iterable[Source], kept: Iterator[Record], count: Callable[[bool], None]
) -> Iterator[Source]:
    """Leave out the sources that have a row.

    As long as rows and sources go in step no list is needed; where pictures came or went since
    the rows were written, the paths of the rows that are left are held.
    """
    expected = next(kept, None)
    rest: set[str] | None = None
    for source in sources:
        path = printable(source.path)
        if rest is None and expected is not None:
            if expected.path == path:
                count(bool(expected.error_code))
                expected = next(kept, None)
                continue
            rest = {expected.path}
            count(bool(expected.error_code))
            for record in kept:
                rest.add(record.path)
                count(bool(record.error_code))
        if rest is None or path not in rest:
            yield source
    if rest is None and expected is not None:  # the last pictures that had rows are gone
        for record in (expected, *kept):
            count(bool(record.error_code))


def _recognize(
    recognizer: Recognizer, config: RecognitionConfig, patience: Patience, source: Source
) -> tuple[Source, Recognition | LipiyanaError]:
    if source.error is not None:
        return source, source.error
    try:
        data = read_picture_file(Path(source.path))
        return source, patience.offer(partial(recognizer.recognize, data, config))
    except LipiyanaError as error:
        return source, error
    except Exception as error:  # a bug must not cost the other pictures
        return source, InternalError(f"{type(error).__name__}: {error}")
