"""The run of `lipiyana read`: one row per picture, in order, even if pictures fail.

Pictures are read on several threads, with a bounded number in flight. Calls that a busy server
rejects are repeated, see `lipiyana.rows.retry`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from lipiyana.cli.sources import Source
from lipiyana.conversions.visible_text import printable
from lipiyana.errors import LipiyanaError
from lipiyana.rows.output import EarlierRow, Output
from lipiyana.rows.reader import STOPPING, RowReader
from lipiyana.rows.row import Row
from lipiyana.types import Recognition

Item = TypeVar("Item")
Result = TypeVar("Result")

IN_FLIGHT_PER_WORKER = 4
"""Large enough that a slow item does not leave the other workers idle."""


_LOOK_SECONDS = 0.5


def map_in_order(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    workers: int,
    check: Callable[[], None] = lambda: None,
) -> Iterator[Result]:
    """Apply `function` to `items` on `workers` threads; memory does not grow with the items.

    Closing the iterator, or an error in it, cancels items that have not begun, and does not wait
    for those that have.

    Args:
        function: what is applied.
        items: to what.
        workers: number of threads.
        check: called while a result is waited for; raises where that shall end.
    """
    pool = ThreadPoolExecutor(workers, thread_name_prefix="lipiyana-read")
    pending: deque[Future[Result]] = deque()
    try:
        for item in items:
            pending.append(pool.submit(function, item))
            while pending and (pending[0].done() or len(pending) >= workers * IN_FLIGHT_PER_WORKER):
                yield _result(pending.popleft(), check)
        while pending:
            yield _result(pending.popleft(), check)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _result(future: Future[Result], check: Callable[[], None]) -> Result:
    while True:
        check()
        done, _ = wait((future,), _LOOK_SECONDS)
        if done:
            return future.result()


@dataclass(frozen=True, slots=True)
class Totals:
    """The result of a run. If it continued a file, `read` and `failed` include earlier rows.

    Attributes:
        read: pictures that were read.
        failed: rows with an error.
        stopped_by: the error that ended the run early.
        empty: pictures of this run in which nothing was found.
        shown: pictures of this run in which something was found.
        skipped: rows of earlier runs.
        skipped_failed: rows of earlier runs with an error.
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
    reader: RowReader,
    output: Output,
    *,
    workers: int,
    on_row: Callable[[bool], None],
    check: Callable[[], None] = lambda: None,
) -> Totals:
    """Read `sources` and append their rows to `output`; those with a row already are skipped.

    `on_row` is called for each row; its argument says whether the row has an error. `check` is
    called while a row is waited for; see `map_in_order`.

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

    remaining = _without_earlier(sources, output.earlier_rows(), skip)
    for row in map_in_order(partial(_read, reader), remaining, workers, check):
        outcome = row.outcome
        output.write(row)
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


def _without_earlier(
    sources: Iterable[Source], earlier: Iterator[EarlierRow], count: Callable[[bool], None]
) -> Iterator[Source]:
    """Skip the sources that have a row.

    As long as rows and sources have the same order, no list is needed. If pictures were added or
    removed since the rows were written, the paths of the remaining rows are stored in memory.
    """
    expected = next(earlier, None)
    rest: set[str] | None = None
    for source in sources:
        path = printable(source.path)
        if rest is None and expected is not None:
            if expected.path == path:
                count(bool(expected.error_code))
                expected = next(earlier, None)
                continue
            rest = {expected.path}
            count(bool(expected.error_code))
            for record in earlier:
                rest.add(record.path)
                count(bool(record.error_code))
        if rest is None or path not in rest:
            yield source
    if rest is None and expected is not None:  # the last pictures with rows were removed
        for record in (expected, *earlier):
            count(bool(record.error_code))


def _read(reader: RowReader, source: Source) -> Row:
    if source.error is not None:
        return reader.read_picture(source.path, source.error)
    return reader.read_file(source.path)
