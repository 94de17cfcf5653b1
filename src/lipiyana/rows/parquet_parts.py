"""The hidden folder of a Parquet file that is being written: its finished parts.

A Parquet file ends in a footer, without which it cannot be read, so rows cannot be appended as to a
text file. While `NAME` is being written, its rows lie in the folder `.NAME.parts`, as small
Parquet files that are complete from the moment they have their name. `00000123.parquet` begins with
row 123 of the output; rows of earlier files from that number on do not count. The rows before the
first part are those of `NAME`.

At the end all rows are written to the file `growing`, and a rename to `whole` decides: from then on
the parts are superfluous, and whoever finds `whole` moves it to `NAME`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from lipiyana.files import replacing
from lipiyana.rows.arrow import pa, pq
from lipiyana.rows.output import OutputError, locked

if sys.platform != "win32":
    import fcntl

COMPRESSION = "zstd"

BATCH_ROWS = 1_000
"""Rows that are in memory at a time when a file is read."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Some of the first rows of a file.

    Attributes:
        path: of the Parquet file.
        start: number, in the output, of the first row.
        rows: how many.
    """

    path: Path
    start: int
    rows: int

    @property
    def end(self) -> int:
        """Number, in the output, of the row after the last one."""
        return self.start + self.rows

    def until(self, end: int) -> Segment:
        """The same without the rows from number `end` on."""
        return Segment(self.path, self.start, max(0, min(self.end, end) - self.start))

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """Read the rows, `BATCH_ROWS` at a time."""
        left = self.rows
        with pq.ParquetFile(self.path) as file:
            for batch in file.iter_batches(BATCH_ROWS, columns=columns):
                if left <= 0:
                    return
                yield pa.Table.from_batches([batch.slice(0, left)])
                left -= batch.num_rows

    def last(self, column: str) -> object:
        """The value of a column in the last row."""
        with pq.ParquetFile(self.path) as file:
            position, group = self.rows - 1, 0
            while position >= (rows := file.metadata.row_group(group).num_rows):
                position, group = position - rows, group + 1
            return file.read_row_group(group, columns=[column])[column][position].as_py()


class PartsFolder:
    """The folder of an output, locked for this process.

    Raises:
        OutputError: another process has it.
        OSError: it cannot be created.
    """

    def __init__(self, output: Path) -> None:
        self.path = output.with_name(f".{output.name}.parts")
        self._output = output
        self._lock = self._locked()
        try:
            (self.path / "growing").unlink(missing_ok=True)
            self._publish_whole()  # of an earlier run that was killed before it could do this
        except BaseException:
            self.close()
            raise

    @property
    def growing(self) -> Path:
        """Where all rows are collected for `publish`."""
        return self.path / "growing"

    def has_parts(self) -> bool:
        """Whether an earlier run left any."""
        return any(self.path.glob("*.parquet"))

    def parts(self, check: Callable[[pq.ParquetFile], None]) -> list[Segment]:
        """Find the parts, without the rows that later ones replace.

        Args:
            check: raises an error if it is not a file of this output.

        Raises:
            OutputError: rows are missing between them.
            ValueError, OSError: a part is no Parquet file, or what `check` raises.
        """
        found = []
        for path in sorted(self.path.glob("*.parquet")):
            with pq.ParquetFile(path) as file:
                check(file)
                found.append(Segment(path, int(path.stem), file.metadata.num_rows))
        for before, after in pairwise(found):
            self.check_gap(before.end, after.start)
        ends = [segment.start for segment in found[1:]] + [segment.end for segment in found[-1:]]
        return [segment.until(end) for segment, end in zip(found, ends, strict=True)]

    def check_gap(self, end: int, start: int) -> None:
        """Refuse parts from row `start` on if there are rows only up to `end`.

        Raises:
            OutputError: rows are missing.
        """
        if end < start:
            raise OutputError(
                f"cannot continue {self._output}: its rows {end} to {start - 1} are gone, but "
                f"{self.path} has later ones; put the file back, or delete that folder"
            )

    def write(self, start: int, table: pa.Table) -> Segment:
        """Write a part."""
        path = self.path / f"{start:012d}.parquet"
        with replacing(path) as partial:
            pq.write_table(table, partial, compression=COMPRESSION)
            _to_disk(partial)
        return Segment(path, start, table.num_rows)

    def publish(self) -> None:
        """Make the finished file `growing` the output, and remove the parts.

        Where this was interrupted, it may be done once more.
        """
        if self.growing.exists():
            _to_disk(self.growing)
            self.growing.replace(self._whole)
        self._publish_whole()

    def close(self) -> None:
        """Remove the folder if it has no part, and release the lock."""
        try:
            with suppress(OSError):  # it has parts
                self.growing.unlink(missing_ok=True)
                self.path.rmdir()
        finally:
            if self._lock is not None:
                os.close(self._lock)
                self._lock = None

    @property
    def _whole(self) -> Path:
        return self.path / "whole"

    def _publish_whole(self) -> None:
        if not self._whole.exists():
            return
        for part in self.path.glob("*.parquet"):
            part.unlink()
        self._whole.replace(self._output)
        _to_disk(self._output.parent)

    def _locked(self) -> int | None:
        """Lock the folder itself: no other file of the output stays the same."""
        if sys.platform == "win32":
            self.path.mkdir(exist_ok=True)
            return None
        while True:
            self.path.mkdir(exist_ok=True)
            try:
                lock = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            except FileNotFoundError:  # the run that had it has just removed it
                continue
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if self.path.exists() and os.path.samestat(os.fstat(lock), self.path.stat()):
                    return lock
                os.close(lock)
            except BlockingIOError as error:
                os.close(lock)
                raise locked(self._output) from error


def _to_disk(path: Path) -> None:
    """Make sure that a file, or the names in a folder, survive a power cut."""
    if sys.platform == "win32":  # opens no folders, and nothing that is read for fsync
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
