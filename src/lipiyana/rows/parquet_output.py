"""Writes rows to a Parquet file that a later run can continue; needs the extra `parquet`."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from lipiyana.rows.arrow import pa, pq
from lipiyana.rows.output import EarlierRow, OutputError, check_place, has_rows, written_otherwise
from lipiyana.rows.parquet_parts import COMPRESSION, PartsFolder, Segment
from lipiyana.rows.provenance import Provenance
from lipiyana.rows.reader import STOPPING_CODES
from lipiyana.rows.row import Row
from lipiyana.rows.schema import arrow_schema, rows_table

ROWS_PER_PART = 1_000
"""Of a part. A kill loses at most so many."""

SECONDS_PER_PART = 30.0
"""After which a part is finished with fewer rows."""

ROWS_PER_GROUP = 10_000
"""Of a row group of the finished file, however the run was interrupted. So many are in memory."""


@dataclass(slots=True)
class _Part:
    """The rows that are not yet written.

    Attributes:
        start: number of the first one in the output.
        rows: the rows.
        began: when the part was begun.
    """

    start: int
    began: float
    rows: list[Row] = field(default_factory=list)


class ParquetOutput:
    """Collects rows in parts, see `lipiyana.rows.parquet_parts`, and makes one file of them.

    A kill at any moment loses at most the rows of the unfinished part; the output stays what it
    was, or absent. Any other end (Ctrl-C, an error) makes the output complete with all rows so
    far. To continue a file, its rows are written anew into the next one, so that a finished file
    is the same however often the run was interrupted. If the last row has an error that stopped
    the run, it is read again.

    Raises:
        OutputError: the file has rows and `resume` is False; it is not one of rows, or its rows
            were written by other models, options or versions; another run writes to it; or it
            cannot be written.
    """

    def __init__(
        self,
        path: Path,
        provenance: Provenance,
        *,
        resume: bool,
        rows_per_part: int = ROWS_PER_PART,
        seconds_per_part: float = SECONDS_PER_PART,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        check_place(path)
        self._shown = path
        self._path = Path(os.path.realpath(path))  # a link is followed, not replaced
        self._provenance = provenance
        self._schema = arrow_schema(provenance)
        self._limits = rows_per_part, seconds_per_part
        self._now = now
        try:
            self._folder = PartsFolder(self._path)
        except OSError as error:
            raise OutputError(f"cannot write {path}: {error.strerror}") from error
        try:
            self._earlier = self._segments(resume)
            end = self._end()
        except BaseException:
            self._folder.close()
            raise
        in_file = [segment for segment in self._earlier if segment.path == self._path]
        self._complete = bool(self._earlier) and self._earlier == in_file and end == in_file[0].end
        self._earlier = [segment.until(end) for segment in self._earlier]
        self._written: dict[int, Segment] = {}
        self._part = _Part(end, now())
        self._growing: _GrowingFile | None = None
        self._grown_up = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if kind is None or not issubclass(kind, OSError):  # what failed would fail once more
                self._complete_file()
        except KeyboardInterrupt:
            # the first Ctrl-C asks for a complete file, a second one not to wait for it
            if kind is None or not issubclass(kind, KeyboardInterrupt):
                self._complete_file()
            raise
        finally:
            if self._growing is not None and not self._complete:
                self._growing.abandon()
            self._folder.close()

    def earlier_rows(self) -> Iterator[EarlierRow]:
        """Read the rows that the file and the parts had when they were opened."""
        for segment in self._earlier:
            for table in segment.batches(["path", "error_code"]):
                columns = (table["path"].to_pylist(), table["error_code"].to_pylist())
                for path, code in zip(*columns, strict=True):
                    yield EarlierRow(path, code or "")

    def write(self, row: Row) -> None:
        """Take one row; it is on the disk when its part is finished."""
        self._part.rows.append(row)
        most, seconds = self._limits
        if len(self._part.rows) >= most or self._now() - self._part.began >= seconds:
            self._finish_part()

    def _complete_file(self) -> None:
        """Make the output of all rows; may be done once more where it was interrupted."""
        self._finish_part()
        if self._complete:
            return
        if not self._grown_up:
            growing = self._grown()
            self._growing = None
            growing.close()
            self._grown_up = True
        self._folder.publish()
        self._complete = True

    def _finish_part(self) -> None:
        part = self._part
        if not part.rows:
            return
        table = rows_table(part.rows, self._schema)
        # Ctrl-C may come between any two of these steps, and this is done once more at the end
        self._written[part.start] = self._folder.write(part.start, table)
        self._complete = False
        self._part = _Part(part.start + len(part.rows), self._now())
        self._grown(table)

    def _grown(self, table: pa.Table | None = None) -> _GrowingFile:
        """The file with all finished parts; `table` is the last one."""
        growing, self._growing = self._growing, None  # interrupted, it is made anew
        if growing is None:
            growing = _GrowingFile(self._folder.growing, self._schema)
            for segment in (*self._earlier, *self._written.values()):
                for rows in segment.batches():
                    growing.add(rows)
        elif table is not None:
            growing.add(table)
        self._growing = growing
        return growing

    def _segments(self, resume: bool) -> list[Segment]:
        """Where the rows of earlier runs are.

        Raises:
            OutputError: they cannot be continued by this run.
        """
        if not resume:
            if self._folder.has_parts() or self._rows_of_file(resume):
                raise has_rows(self._shown)
            return []
        try:
            parts = self._folder.parts(self._check)
        except (ValueError, OSError) as error:
            raise OutputError(
                f"cannot continue {self._shown}: a file in {self._folder.path} is damaged "
                f"({error}); delete it to lose its rows"
            ) from error
        rows = self._rows_of_file(resume)
        if parts:
            self._folder.check_gap(rows, parts[0].start)
            rows = min(rows, parts[0].start)
        return [Segment(self._path, 0, rows), *parts] if rows else parts

    def _rows_of_file(self, resume: bool) -> int:
        if not self._path.exists() or not self._path.stat().st_size:
            return 0
        try:
            with pq.ParquetFile(self._path) as file:
                rows = int(file.metadata.num_rows)
                if rows and resume:
                    self._check(file)
                # of another origin, it is not replaced even if it is empty
                Provenance.from_metadata(file.schema_arrow.metadata)
                return rows
        except (ValueError, OSError) as error:
            if not resume:
                raise has_rows(self._shown) from error
            raise OutputError(f"cannot continue {self._shown}: {_reason(error)}") from error

    def _check(self, file: pq.ParquetFile) -> None:
        """Refuse rows that mean something else.

        Raises:
            OutputError: they were written with other options, models or versions.
            ValueError: they are not of lipiyana.
        """
        schema = file.schema_arrow
        earlier = Provenance.from_metadata(schema.metadata)
        if difference := self._provenance.difference(earlier):
            raise written_otherwise(self._shown, f"{difference}: use the same")
        if not schema.equals(self._schema, check_metadata=False):
            raise ValueError("its columns are not those of rows of lipiyana")

    def _end(self) -> int:
        """The number of earlier rows, without a last one that stopped its run."""
        if not self._earlier:
            return 0
        last = self._earlier[-1]
        return last.end - (last.last("error_code") in STOPPING_CODES)


class _GrowingFile:
    """A Parquet file that gets rows in tables, and has row groups of `ROWS_PER_GROUP`."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        # an interrupted writer may still have the file, and write to it when it is deleted
        path.unlink(missing_ok=True)
        self._writer = pq.ParquetWriter(path, schema, compression=COMPRESSION)
        self._schema = schema
        self._waiting: pa.Table = schema.empty_table()

    def add(self, table: pa.Table) -> None:
        """Add rows."""
        self._waiting = pa.concat_tables([self._waiting, table])
        while self._waiting.num_rows >= ROWS_PER_GROUP:
            self._writer.write_table(self._waiting.slice(0, ROWS_PER_GROUP), ROWS_PER_GROUP)
            self._waiting = self._waiting.slice(ROWS_PER_GROUP)

    def close(self) -> None:
        """Write the last row group and the footer."""
        if self._waiting.num_rows:
            self._writer.write_table(self._waiting, ROWS_PER_GROUP)
        self._writer.close()

    def abandon(self) -> None:
        """Close the file as it is."""
        with suppress(Exception):  # the disk may be full
            self._writer.close()
        self._writer.is_open = False  # else its destructor tries it again, and prints the error


def _reason(error: ValueError | OSError) -> str:
    if isinstance(error, OSError):  # Arrow raises it for a damaged footer too
        return error.strerror or "it is damaged"
    return "it is no Parquet file" if isinstance(error, pa.ArrowInvalid) else str(error)
