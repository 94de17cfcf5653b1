"""Rows as JSON Lines in a file or on standard output."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lipiyana.events.appended_file import AppendedFile
from lipiyana.events.row_lines import line_of
from lipiyana.events.write_faults import cannot_write


class LineOutput:
    """A `RowSink` that writes a line for each row, at once, and adds to a file that is there."""

    def __init__(self, path: Path | None, report: Callable[[str], object] = lambda _: None) -> None:
        """Open a file, or standard output for None.

        Args:
            path: of the file.
            report: takes messages for people.

        Raises:
            InvalidRequest: it cannot be opened.
        """
        self._file: AppendedFile | None = None
        if path is not None:
            try:
                self._file = AppendedFile(path, mode=0o600, report=report)  # personal data
            except OSError as error:
                raise cannot_write(path, error) from None

    def write(self, row: Mapping[str, Any]) -> None:
        """Write a row.

        Raises:
            OSError: it cannot be written.
        """
        line = line_of(row) + b"\n"
        if self._file is None:
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()
        else:
            self._file.write(line)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
