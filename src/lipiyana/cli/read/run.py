"""The run of `lipiyana read`: one row per picture, in order, even if pictures fail.

Pictures are read on several threads, with a bounded number in flight. Calls that a busy server
rejects are repeated, see `RetryPolicy`.
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
"""Large enough that a slow item does not leave the other workers idle."""


def map_in_order(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int
) -> Iterator[Result]:
    """Apply `function` to `items` on `workers` threads; memory does not grow with the items.

    Closing the iterator, or an error in it, cancels items that have not begun, and does not wait
    for those that have.
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

_MAX_JITTER = 5.0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How a rejected call is repeated.

    A rate limit only slows a run down, so the call is repeated without a limit. A queue that stays
    full ends the run.

    Attributes:
        seconds: how long a queue may stay full.
        jitter: maximum of the random delay added to the back-off that the server asked for.
            Without it all calls would come back at once, and all but one would be rejected. It
            doubles with every attempt.
        sleep: waits for a number of seconds.
        now: reads a monotonic clock, in seconds.
    """

    seconds: float = 120.0
    jitter: float = 0.05
    sleep: Callable[[float], object] = time.sleep
    now: Callable[[], float] = time.monotonic

    def call(self, function: Callable[[], T]) -> T:
        """Call `function` until it is not rejected.

        Raises:
            Overloaded: the server's queue stayed full.
            LipiyanaError: any other error of `function`.
        """
        until, jitter = self.now() + self.seconds, self.jitter
        while True:
            try:
                return function()
            except Overloaded as busy:
                if busy.reason != "RATE_LIMITED" and self.now() >= until:
                    raise
                wait = busy.retry_after + random.uniform(0, jitter)  # noqa: S311
                if busy.reason != "RATE_LIMITED":
                    wait = min(wait, max(0.0, until - self.now()))
                self.sleep(wait)
                jitter = min(2 * jitter, _MAX_JITTER)


STOPPING = (MissingExtra, ModelUnavailable, Overloaded, Unauthenticated, Unavailable)
"""Errors that do not depend on the picture. The next picture would fail too, so the run ends."""

RETRY = RetryPolicy()


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
    recognizer: Recognizer,
    config: RecognitionConfig,
    output: Output,
    *,
    workers: int,
    on_row: Callable[[bool], None],
    retry: RetryPolicy = RETRY,
) -> Totals:
    """Read `sources` and append their rows to `output`; those with a row already are skipped.

    `on_row` is called for each row; its argument says whether the row has an error.

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
    except Exception as error:  # a bug must not lose the other pictures
        return source, InternalError(f"{type(error).__name__}: {error}")
