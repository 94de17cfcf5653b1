"""Writes rows as text to standard output, or to a file that a later run can continue.

The options of a run are stored next to the file `NAME` of its rows, in the hidden file
`.NAME.options`. A later run with other options is an error; if the hidden file is missing, options
are not compared.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from lipiyana.files import write_atomically
from lipiyana.rows.output import (
    EarlierRow,
    OutputError,
    check_place,
    has_rows,
    locked,
    written_otherwise,
)
from lipiyana.rows.reader import STOPPING_CODES
from lipiyana.rows.row import Row
from lipiyana.rows.text_forms import JsonLines, Record, RowError, RowForm

if sys.platform != "win32":
    import fcntl


class StandardOutput:
    """Writes rows to standard output as JSON Lines and flushes each."""

    _form = JsonLines()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        pass

    def earlier_rows(self) -> Iterator[EarlierRow]:
        """No rows: standard output has no earlier ones."""
        return iter(())

    def write(self, row: Row) -> None:
        """Write one row and flush it."""
        sys.stdout.buffer.write(self._form.encode(row.path, row.outcome))
        sys.stdout.buffer.flush()


class TextFile:
    """Appends rows to a file, each in one write, so that a kill leaves at most one incomplete row.

    To continue a file, everything after its last complete row is removed. So is the last row if it
    has an error that stopped the run. The file is locked, so that two runs cannot write to it.

    Raises:
        OutputError: the file has rows and `resume` is False; it has another format; another run
            writes to it; or it cannot be opened.
    """

    def __init__(self, path: Path, form: RowForm, *, resume: bool) -> None:
        self._path = path
        self._form = form
        check_place(path)
        try:
            self._file = path.open("ab", buffering=0)
        except OSError as error:
            raise OutputError(f"cannot write {path}: {error.strerror}") from error
        try:
            self._end = self._prepare(resume)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file and release its lock."""
        self._file.close()

    def earlier_rows(self) -> Iterator[Record]:
        """Read the rows that the file had when it was opened."""
        with self._path.open("rb") as file:
            for record in self._form.records(file):
                if record.end > self._end:
                    return
                yield record

    def write(self, row: Row) -> None:
        """Append one row."""
        self._append(self._form.encode(row.path, row.outcome))

    def _prepare(self, resume: bool) -> int:
        """Lock the file and truncate it after its last good row; return the offset of its end."""
        if sys.platform != "win32":
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise locked(self._path) from error
        if not resume and self._has_rows():
            raise has_rows(self._path)
        end = self._last_good_end() if resume else 0
        self._file.truncate(end)
        if end == 0:
            self._append(self._form.header)
        return end or len(self._form.header)

    def _has_rows(self) -> bool:
        with self._path.open("rb") as file:
            longest = max(map(len, self._form.headers))
            return file.read(longest + 1) not in {b"", *self._form.headers}

    def _last_good_end(self) -> int:
        end, last = 0, None
        try:
            with self._path.open("rb") as file:
                for record in self._form.records(file):
                    end, last = record.end, record
        except RowError as error:
            raise OutputError(f"cannot continue {self._path}: {error}") from error
        if last is not None and last.error_code in STOPPING_CODES:
            end = last.start
        return end

    def _append(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]


def options_file(output: Path) -> Path:
    """The path of the file with the options of the rows."""
    return output.with_name(f".{output.name}.options")


def refuse_other_options(output: Path, options: Mapping[str, str]) -> None:
    """Reject a run that would mix rows of different options.

    Args:
        output: the file of rows.
        options: by name, the options that the content of the rows depends on.

    Raises:
        OutputError: the existing rows were written with other options.
    """
    if not output.is_file() or not output.stat().st_size:
        return
    try:
        earlier = json.loads(options_file(output).read_text("utf-8"))
        # an option that is missing there is younger than the rows
        before = {name: str(earlier.get(name, "unset")) for name in options}
    except (OSError, ValueError, AttributeError):
        return
    differing = [name for name in options if before[name] != options[name]]
    if differing:
        then = ", ".join(f"{name} {before[name]}" for name in differing)
        now = ", ".join(f"{name} {options[name]}" for name in differing)
        raise written_otherwise(output, f"with {then}, not with {now}: use the same options")


def write_options(output: Path, options: Mapping[str, str]) -> None:
    """Store the options for a later run that continues the file.

    Raises:
        OSError: they cannot be written.
    """
    write_atomically(options_file(output), json.dumps(options).encode())
