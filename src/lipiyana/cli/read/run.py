"""The run of `lipiyana read`: one row per picture, in order, whatever happens to the pictures.

Pictures are read on several threads with a bounded number in flight. A picture that a busy server
refused is sent again, see `RetryPolicy`.
"""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from lipiyana.cli.read.output import Output
from lipiyana.cli.read.rows import Record
from lipiyana.cli.sources import Source
from lipiyana.cli.visible_text import printable
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

Item = TypeVar("Item")
Result = TypeVar("Result")

IN_FLIGHT_PER_WORKER = 4
"""Enough that a slow item does not leave the other workers idle."""


def map_in_order(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int
) -> Iterator[Result]:
    """Apply `function` to `items` on `workers` threads; memory does not grow with the items.

    Closing the iterator, or an error in it, drops what has not begun; what has begun is not
    waited for.
    """
    pool = ThreadPoolExecutor(workers, thread_name_prefix="lipiyana-read")
    pending: deque[Future[Result]] = deque()
    try:
        for item in items:
            pending.append(pool.submit(function, item))
            while pending and (pending[0].done() or len(pending) >= workers * IN_FLIGHT_PER_WORKER):
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


T = TypeVar("T")

_LONGEST_SPREAD = 5.0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """For how long a refused call is repeated.

    A rate limit of a key only slows a run down, so the call is repeated as long as it takes. A
    queue that stays full ends the run.

    Attributes:
        seconds: that a queue may stay full.
        spread: most seconds of a random delay after the time that the server asked to wait.
            Otherwise all calls would come at once, and all but one would be refused. It doubles
            with every attempt.
        sleep: waits so many seconds.
        now: seconds of a clock that never goes back.
    """

    seconds: float = 120.0
    spread: float = 0.05
    sleep: Callable[[float], object] = time.sleep
    now: Callable[[], float] = time.monotonic

    def call(self, ask: Callable[[], T]) -> T:
        """Call `ask` until there is an answer.

        Raises:
            Overloaded: the server's queue stayed full.
            LipiyanaError: whatever else `ask` raises.
        """
        until, spread = self.now() + self.seconds, self.spread
        while True:
            try:
                return ask()
            except Overloaded as busy:
                if busy.reason != "RATE_LIMITED" and self.now() >= until:
                    raise
                wait = busy.retry_after + random.uniform(0, spread)  # noqa: S311
                if busy.reason != "RATE_LIMITED":
                    wait = min(wait, max(0.0, until - self.now()))
                self.sleep(wait)
                spread = min(2 * spread, _LONGEST_SPREAD)


STOPPING = (MissingExtra, ModelUnavailable, Overloaded, Unauthenticated, Unavailable)
"""Errors that are no fault of the picture: the next one would meet the same, so the run ends."""

RETRY = RetryPolicy()
"""With a server that is busy."""


@dataclass(frozen=True, slots=True)
class Totals:
    """The result of a run.

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
    retry: RetryPolicy = RETRY,
) -> Totals:
    """Read `sources` and write their rows to `output`, after those that it has already.

    `on_row` is called for each row with whether it has an error.

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
    recognize = partial(_recognize, recognizer, config, retry)
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


def _without_earlier(
    sources: Iterable[Source], earlier: Iterator[Record], count: Callable[[bool], None]
) -> Iterator[Source]:
    """Leave out the sources that have a row.

    As long as rows and sources go in step no list is needed; where pictures came or went since
    the rows were written, the paths of the rows that are left are held.
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
    if rest is None and expected is not None:  # the last pictures that had rows are gone
        for record in (expected, *earlier):
            count(bool(record.error_code))


def _recognize(
    recognizer: Recognizer, config: RecognitionConfig, retry: RetryPolicy, source: Source
) -> tuple[Source, Recognition | LipiyanaError]:
    if source.error is not None:
        return source, source.error
    try:
        data = read_picture_file(Path(source.path))
        return source, retry.call(partial(recognizer.recognize, data, config))
    except LipiyanaError as error:
        return source, error
    except Exception as error:  # a bug must not cost the other pictures
        return source, InternalError(f"{type(error).__name__}: {error}")
