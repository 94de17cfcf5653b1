"""What all outputs of rows have in common: their interface and their errors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from lipiyana.rows.row import Row


class OutputError(Exception):
    """The output cannot be used; it was not changed."""


@dataclass(frozen=True, slots=True)
class EarlierRow:
    """A row that an output has from an earlier run.

    Attributes:
        path: the picture's path, as `printable` wrote it.
        error_code: "" if the picture was read.
    """

    path: str
    error_code: str


class Output(Protocol):
    """Takes rows, in order. As a context manager, its end completes what was written."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    def earlier_rows(self) -> Iterator[EarlierRow]:
        """The rows of earlier runs, in order."""
        ...

    def write(self, row: Row) -> None:
        """Write one row.

        Raises:
            OSError: it could not be written.
        """
        ...


def check_place(path: Path) -> None:
    """Refuse a path where no output can be.

    Raises:
        OutputError: it is a folder, a pipe or the like, or in a folder that does not exist.
    """
    if path.exists() and not path.is_file():  # opening a pipe would block
        raise OutputError(f"{path} is not a regular file")
    if not path.parent.exists():
        raise OutputError(f"cannot write {path}: there is no folder {path.parent}; create it")


def has_rows(path: Path) -> OutputError:
    """The error of a run that does not continue a file with rows."""
    return OutputError(f"{path} has rows already: continue it with --resume, or name another file")


def locked(path: Path) -> OutputError:
    """The error of a run on a file to which another run writes."""
    return OutputError(f"another run is writing to {path}")


def written_otherwise(path: Path, how: str) -> OutputError:
    """The error of a run that would mix rows that mean different things."""
    return OutputError(f"the rows of {path} were written {how}, or name another file")
