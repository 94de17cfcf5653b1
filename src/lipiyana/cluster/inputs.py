"""Finds the paths of pictures: in tables of paths, and in stores.

What is on this machine, the command line lists as for any other run.
"""

from __future__ import annotations

import csv
import os
import posixpath
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from lipiyana.cluster.addresses import error_of_store, open_store, scheme_of
from lipiyana.conversions.visible_text import shown
from lipiyana.errors import InvalidRequest, LipiyanaError, NotFound
from lipiyana.files import open_regular

if TYPE_CHECKING:
    import pyarrow as pa

TABLES = (".parquet", ".csv")
"""Suffixes of tables of paths."""

COLUMN = "path"
"""The column of a table that has the paths."""

_ROWS_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture to read.

    Attributes:
        path: of a file of this machine, as `os.fsdecode` gives it, or an address in a store.
        error: why it cannot be read, if the listing already found out.
    """

    path: str
    error: LipiyanaError | None = None


def is_table(item: str) -> bool:
    """Whether an INPUT is a table of paths."""
    return item.lower().endswith(TABLES)


def pictures_of_table(item: str) -> Iterator[Picture]:
    """Read the column `path` of a Parquet or CSV file, of this machine or of a store.

    Raises:
        InvalidRequest: it is no such table, has no such column, or a row has no path.
        LipiyanaError: it cannot be opened.
    """
    with _opened(item) as file:
        paths = _csv_paths(item, file) if item.lower().endswith(".csv") else _parquet(item, file)
        for row, path in enumerate(paths, 1):
            if not path:
                raise _invalid(item, f"row {row} has no path")
            yield Picture(path)


def pictures_of_store(address: str, suffixes: Sequence[str]) -> Iterator[Picture]:
    """List a prefix, a pattern or one file of a store.

    Below a prefix, the files with one of `suffixes` are listed, without names that begin with a
    dot. The names of one folder of the store at a time are in memory.

    Raises:
        LipiyanaError: the store cannot be listed, or has nothing there.
    """
    store, path = open_store(address)
    try:
        for found in _found(store, path, tuple(suffixes)):
            yield Picture(f"{scheme_of(address)}://{found}")
    except Exception as error:
        raise error_of_store(error, address) from error


def _found(store: Any, path: str, suffixes: tuple[str, ...]) -> Iterator[str]:
    if any(mark in path for mark in "*?["):
        yield from sorted(store.glob(path))
        return
    if not path.endswith("/") and store.isfile(path):
        yield store._strip_protocol(path)
        return
    exists = False
    for folder, folders, files in store.walk(path, on_error="raise"):
        exists = exists or bool(folders or files)
        # `walk` goes on with what is left in this list, in its order
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith(".") and name.lower().endswith(suffixes):
                yield posixpath.join(folder, name)
    if not exists and not store.exists(path):
        raise FileNotFoundError(path)


@contextmanager
def _opened(item: str) -> Iterator[IO[bytes]]:
    if scheme_of(item):
        store, path = open_store(item)
        try:
            file = store.open(path, "rb")
        except Exception as error:
            raise error_of_store(error, item) from error
    else:
        try:
            file = open_regular(item)
        except FileNotFoundError:
            raise NotFound(f"there is no file {shown(item)}") from None
        except OSError as error:
            raise _invalid(item, error.strerror or str(error)) from error
    with file:
        yield file


def _csv_paths(item: str, file: IO[bytes]) -> Iterator[str]:
    # a byte that is not UTF-8 becomes what `os.fsdecode` makes of it in a name
    lines = (line.decode("utf-8", "surrogateescape") for line in file)
    rows = csv.reader(lines, strict=True)
    try:
        names = [name.removeprefix("\ufeff") for name in next(rows, [])]
        if COLUMN not in names:
            raise _invalid(item, _without_column(names))
        place = names.index(COLUMN)
        for row in rows:
            if row:  # a blank line is none
                yield row[place] if place < len(row) else ""
    except csv.Error as error:
        raise _invalid(item, f"it is not CSV: {error}") from error


def _parquet(item: str, file: IO[bytes]) -> Iterator[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(file)
        names = table.schema_arrow.names
        if COLUMN not in names:
            raise _invalid(item, _without_column(names))
        kind = table.schema_arrow.field(COLUMN).type
        if pa.types.is_dictionary(kind):
            kind = kind.value_type
        if not _is_text(kind):
            raise _invalid(item, f"its column '{COLUMN}' has no text but {kind}")
        for batch in table.iter_batches(_ROWS_AT_ONCE, columns=[COLUMN]):
            for path in batch.column(0).to_pylist():
                yield os.fsdecode(path) if path else ""
    except pa.ArrowException as error:
        raise _invalid(item, f"it is not Parquet: {error}") from error


def _is_text(kind: pa.DataType) -> bool:
    import pyarrow as pa

    checks = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    binary = (pa.types.is_binary, pa.types.is_large_binary)
    return any(check(kind) for check in (*checks, *binary))


def _without_column(names: Sequence[str]) -> str:
    found = ", ".join(map(shown, names[:6])) or "none"
    return f"it has no column '{COLUMN}' with the paths of pictures; its columns: {found}"


def _invalid(item: str, why: str) -> InvalidRequest:
    return InvalidRequest(f"{shown(item)} is no table of paths: {why}", field="path")
