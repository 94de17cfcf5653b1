"""Rows as JSON Lines, appended to a file or written to standard output."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lipiyana.events.appended_file import AppendedFile
from lipiyana.events.sink import RowSink


class JsonLines:
    """A `RowSink` of a file that rows are appended to; see `AppendedFile`."""

    def __init__(self, path: Path, report: Callable[[str], object] = lambda _: None) -> None:
        """Open the file, or create it.

        Args:
            path: of the file.
            report: takes messages for people.

        Raises:
            OSError: it cannot be opened.
        """
        self._file = AppendedFile(path, report=report)

    def write(self, row: Mapping[str, Any]) -> None:
        """Append a row.

        Raises:
            OSError: the disk is full, for instance.
        """
        self._file.write(line_of(row))

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


class WithoutCrops:
    """A `RowSink` before another one: crops are for the receiver, and not for a file of rows."""

    def __init__(self, sink: RowSink) -> None:
        self._sink = sink

    def write(self, row: Mapping[str, Any]) -> None:
        """Write all of a row but its crops."""
        self._sink.write({name: value for name, value in row.items() if name != "crops"})

    def close(self) -> None:
        """Close the other one."""
        self._sink.close()


def line_of(row: Mapping[str, Any]) -> bytes:
    """Write a row as a line of JSON; letters are not escaped."""
    return (json.dumps(row, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")
