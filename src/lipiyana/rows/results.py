"""Reads the results in a file of rows of `lipiyana read`: `.jsonl` or `.parquet`."""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from lipiyana.errors import InvalidRequest
from lipiyana.files import parse_json
from lipiyana.types import Recognition
from lipiyana.wire.results import recognition_from_json

_BATCH = 500
_READ_AGAIN = "read the pictures again with `lipiyana read`"


def results_in(path: Path, warn: Callable[[str], None]) -> Iterator[Recognition]:
    """Read the results of a file; rows with an error have none, and are counted in a warning.

    A byte order mark and empty lines are passed over, and a torn last line is named.

    Args:
        path: ends in `.jsonl` or `.parquet`.
        warn: told what is left out.

    Raises:
        InvalidRequest: a row is none of `lipiyana read`, or does not say which models read it; the
            message has the number of its line.
    """
    failed = 0
    rows = _json_rows(path, warn) if path.suffix == ".jsonl" else _parquet_rows(path)
    for where, found in rows:
        if found is None:
            failed += 1
            continue
        if found.image_width < 1 or found.image_height < 1:
            raise InvalidRequest(f"{where} is no row of `lipiyana read`", field="input")
        if not found.models:
            raise InvalidRequest(
                f"{where} does not say which models read it, so nothing can be compared with it; "
                f"{_READ_AGAIN}",
                field="input",
            )
        yield found
    if failed:
        warn(f"{path} has {failed} pictures that could not be read; they are not counted")


def _json_rows(path: Path, warn: Callable[[str], None]) -> Iterator[tuple[str, Recognition | None]]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            text = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
            if not text.strip():
                continue
            where = f"line {number} of {path}"
            try:
                found = _result(parse_json(text.decode()))
            except json.JSONDecodeError:
                if text.startswith(b"{") and not line.endswith(b"\n"):
                    warn(f"the last line of {path} is torn, and is not counted")
                    return
                raise _no_row(where, "it is not JSON") from None
            except UnicodeDecodeError:
                raise _no_row(where, "it is not UTF-8") from None
            except (ValueError, InvalidRequest) as error:
                raise _no_row(where, str(error)) from None
            yield where, found


def _result(row: Any) -> Recognition | None:
    """The result of a row; None if it has an error."""
    if not isinstance(row, dict) or not {"recognition", "error"} & {*row}:
        raise ValueError("it has neither a `recognition` nor an `error`")
    if not isinstance(row.get("path"), str):
        raise ValueError("it has no `path`")
    if "recognition" not in row:
        return None
    return recognition_from_json(row["recognition"])


def _no_row(where: str, why: str) -> InvalidRequest:
    return InvalidRequest(f"{where} is no row of `lipiyana read`: {why}", field="input")


def _parquet_rows(path: Path) -> Iterator[tuple[str, Recognition | None]]:
    from lipiyana.rows.arrow import pa, pq
    from lipiyana.rows.columns import recognition_of

    number = 0
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(_BATCH):
                for columns in batch.to_pylist():
                    number += 1
                    yield f"row {number} of {path}", recognition_of(columns)
    except (KeyError, pa.ArrowException):
        raise InvalidRequest(f"{path} has no rows of `lipiyana read`", field="input") from None
