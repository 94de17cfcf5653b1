"""Rows as JSON Lines in a file or on standard output."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO


class LineOutput:
    """A `RowSink` that writes a line for each row, at once, and adds to a file that is there."""

    def __init__(self, path: Path | None) -> None:
        """Open a file, or standard output for None.

        Raises:
            OSError: it cannot be opened.
        """
        # as a private file: rows are personal data
        self._file: BinaryIO | None = None if path is None else _private(path)

    def write(self, row: Mapping[str, Any]) -> None:
        """Write a row.

        Raises:
            OSError: it cannot be written.
        """
        line = json.dumps(row, ensure_ascii=False).encode() + b"\n"
        file = self._file or sys.stdout.buffer
        file.write(line)
        file.flush()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()


def _private(path: Path) -> BinaryIO:
    path.touch(mode=0o600)
    return path.open("ab")
