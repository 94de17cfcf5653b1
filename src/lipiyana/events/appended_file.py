"""A file of rows that is appended to, whoever removes or renames it meanwhile."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, cast

from lipiyana.conversions.visible_text import shown
from lipiyana.files import drop_partial_line


class AppendedFile:
    """Lines are with the system once `write` returns, in the file that has the name then."""

    def __init__(
        self, path: Path, *, mode: int = 0o666, report: Callable[[str], object] = lambda _: None
    ) -> None:
        """Open the file, or create it; what a crash left of a line is removed.

        Args:
            path: of the file.
            mode: of a file that is created, less the umask.
            report: takes messages for people.

        Raises:
            OSError: it cannot be opened.
        """
        self._path, self._mode, self._report = path, mode, report
        self._told = False
        self._file = self._opened()

    def write(self, line: bytes) -> None:
        """Append a line.

        Raises:
            OSError: it cannot be written, or not be made again.
        """
        if not self._has_the_name():
            self._file.close()
            self._file = self._opened()
            if not self._told:
                self._told = True
                self._report(
                    f"{shown(str(self._path))} was removed or renamed; rows go to a new file there"
                )
        self._file.write(line)
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _has_the_name(self) -> bool:
        try:
            named = self._path.stat()
        except FileNotFoundError:
            return False
        return os.path.samestat(named, os.fstat(self._file.fileno()))

    def _opened(self) -> BinaryIO:
        def private(path: str, flags: int) -> int:
            return os.open(path, flags, self._mode)

        if self._path.exists() and not self._path.is_file():  # a pipe cannot be read from its end
            return self._path.open("ab")
        file = cast("BinaryIO", open(self._path, "a+b", opener=private))  # noqa: SIM115
        if removed := drop_partial_line(file):
            self._report(
                f"{removed} bytes of a row that was not finished are removed from the end of "
                f"{shown(str(self._path))}"
            )
        return file
