"""Rows as JSON Lines in a file or on standard output."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from lipiyana.events.row_lines import line_of
from lipiyana.events.write_faults import cannot_write


class LineOutput:
    """A `RowSink` that writes a line for each row, at once, and adds to a file that is there."""

    def __init__(self, path: Path | None) -> None:
        """Open a file, or standard output for None.

        Raises:
            InvalidRequest: it cannot be opened.
        """
        self._file: BinaryIO | None = None if path is None else _private(path)

    def write(self, row: Mapping[str, Any]) -> None:
        """Write a row.

        Raises:
            OSError: it cannot be written.
        """
        file = self._file or sys.stdout.buffer
        file.write(line_of(row) + b"\n")
        file.flush()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()


def _private(path: Path) -> BinaryIO:
    try:
        path.touch(mode=0o600)  # rows are personal data
        return path.open("ab")
    except OSError as error:
        raise cannot_write(path, error) from None
