"""Rows as JSON Lines, appended to a file or written to standard output."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from lipiyana.files import drop_partial_line


class JsonLines:
    """A `RowSink` of a file that rows are appended to.

    Each row is with the system once `write` returns. What a crash left of a line is removed when
    the file is opened again.
    """

    def __init__(self, path: Path) -> None:
        """Open the file, or create it.

        Raises:
            OSError: it cannot be opened.
        """
        self._file: IO[bytes] = path.open("a+b")
        drop_partial_line(self._file)

    def write(self, row: Mapping[str, Any]) -> None:
        """Append a row.

        Raises:
            OSError: the disk is full, for instance.
        """
        self._file.write(line_of(row))
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class StandardOutput:
    """A `RowSink` of standard output."""

    def write(self, row: Mapping[str, Any]) -> None:
        """Write a row, and let who reads it see it at once."""
        sys.stdout.buffer.write(line_of(row))
        sys.stdout.buffer.flush()

    def close(self) -> None:
        """Leave standard output open."""


def line_of(row: Mapping[str, Any]) -> bytes:
    """Write a row as a line of JSON; letters are not escaped."""
    return (json.dumps(row, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")
