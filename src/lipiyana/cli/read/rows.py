"""The two output formats, JSON Lines and CSV: one record per picture, written and read back."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Protocol

from lipiyana.cli.visible_text import COMMANDS
from lipiyana.errors import LipiyanaError
from lipiyana.types import Plate, Recognition
from lipiyana.wire.results import recognition_to_json

STOPPING_CODES = frozenset(
    {"UNAVAILABLE", "UNAUTHENTICATED", "FAILED_PRECONDITION", "RESOURCE_EXHAUSTED"}
)
"""Codes of errors that may be no fault of the picture: such a last row is read again."""

COLUMNS = (
    "path", "error_code", "error_message", "width", "height", "plates", "text", "vehicles",
)  # fmt: skip
"""The columns of the CSV form."""


class RowError(ValueError):
    """A complete record is not of this format."""


@dataclass(frozen=True, slots=True)
class Record:
    """A complete record found in a file.

    Attributes:
        path: the picture's path, as `printable` wrote it.
        error_code: "" where the picture was read.
        start: offset of its first byte.
        end: offset after its last byte.
    """

    path: str
    error_code: str
    start: int
    end: int


class RowForm(Protocol):
    """The format of rows as bytes."""

    @property
    def header(self) -> bytes:
        """The first bytes of a file."""
        ...

    def encode(self, path: str, outcome: Recognition | LipiyanaError) -> bytes:
        """Write one row; `path` is as `printable` gives it."""
        ...

    def records(self, file: IO[bytes]) -> Iterator[Record]:
        """Read the complete records of a file; what follows the last of them is left out.

        Raises:
            RowError: a complete record is not one of this form.
        """
        ...


class JsonLines:
    """`{"path": ..., "recognition": {...}}` or `{"path": ..., "error": {...}}`, one a line."""

    header = b""

    def encode(self, path: str, outcome: Recognition | LipiyanaError) -> bytes:
        """Write one row as JSON with a newline."""
        row: dict[str, object] = {"path": path}
        if isinstance(outcome, LipiyanaError):
            row["error"] = {"code": outcome.code, "message": outcome.message}
        else:
            row["recognition"] = recognition_to_json(outcome)
        # rows may go to a terminal, which obeys these; JSON's own escapes are the same text
        text = _OBEYED.sub(_as_json, json.dumps(row, ensure_ascii=False)) + "\n"
        # a lone surrogate comes out as \\udcXX, which is JSON's own escape for it
        return text.encode("utf-8", "backslashreplace")

    def records(self, file: IO[bytes]) -> Iterator[Record]:
        """Read the lines that end in a newline."""
        end = 0
        for line in file:
            if not line.endswith(b"\n"):
                if end == 0:
                    _require_beginning(line, b'{"path": "')
                return
            start, end = end, end + len(line)
            try:
                row = json.loads(line)
                code = row["error"]["code"] if "error" in row else ""
                yield Record(_text(row["path"]), _text(code), start, end)
            except (ValueError, KeyError, TypeError) as cause:
                raise RowError(f"the line at byte {start} is not a row of lipiyana") from cause


class Csv:
    """A header and a row of `COLUMNS` a picture; RFC 4180 quoting, lines end in a newline."""

    header = (",".join(COLUMNS) + "\n").encode()

    def encode(self, path: str, outcome: Recognition | LipiyanaError) -> bytes:
        """Write one row; fields that a spreadsheet would run as a formula get an apostrophe."""
        if isinstance(outcome, LipiyanaError):
            fields = [path, outcome.code, outcome.message, "", "", "", "", ""]
        else:
            vehicles = Counter(vehicle.label for vehicle in outcome.vehicles)
            fields = [
                path,
                "",
                "",
                str(outcome.image_width),
                str(outcome.image_height),
                ";".join(_plate_text(plate) for plate in outcome.plates),
                " | ".join(line.text for line in outcome.text_lines),
                ";".join(f"{label}:{count}" for label, count in sorted(vehicles.items())),
            ]
        line = ",".join(_quote(_defuse(field)) for field in fields) + "\n"
        return line.encode("utf-8", "backslashreplace")

    def records(self, file: IO[bytes]) -> Iterator[Record]:
        """Read the records whose closing newline stands outside quotes."""
        line = file.readline()
        _require_beginning(line, self.header)
        start = end = len(line)
        pending = b""
        for line in file:
            pending += line
            end += len(line)
            if line.endswith(b"\n") and pending.count(b'"') % 2 == 0:
                yield self._record(pending, start, end)
                start, pending = end, b""

    @staticmethod
    def _record(raw: bytes, start: int, end: int) -> Record:
        try:
            rows = list(csv.reader(io.StringIO(raw.decode("utf-8"), newline=""), strict=True))
        except (ValueError, csv.Error) as cause:
            raise RowError(f"the record at byte {start} is not CSV") from cause
        if len(rows) != 1 or len(rows[0]) != len(COLUMNS):
            raise RowError(f"the record at byte {start} has not {len(COLUMNS)} fields")
        return Record(_restore(rows[0][0]), rows[0][1], start, end)


FORMS: dict[str, type[JsonLines] | type[Csv]] = {".jsonl": JsonLines, ".csv": Csv}
"""By the suffix of the output's name."""

_OBEYED = re.compile(f"[{COMMANDS}]")
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_NEEDS_QUOTES = re.compile(r'[",\r\n]')


def _require_beginning(found: bytes, expected: bytes) -> None:
    """Refuse a file of another format, before its end is cut as an unfinished record."""
    if not (found.startswith(expected) or expected.startswith(found)):
        raise RowError(f"the file does not begin with {expected.decode().strip()}")


def _as_json(match: re.Match[str]) -> str:
    return json.dumps(match[0])[1:-1]


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"not a string: {value!r}")
    return value


def _plate_text(plate: Plate) -> str:
    return plate.registration.canonical or plate.text.replace("\n", "/")


def _defuse(field: str) -> str:
    """Put an apostrophe before what a spreadsheet would run (CWE-1236); see `_restore`."""
    return f"'{field}" if _FORMULA.match(field) else field


def _restore(field: str) -> str:
    return field[1:] if field.startswith("'") and _FORMULA.match(field) else field


def _quote(field: str) -> str:
    return '"' + field.replace('"', '""') + '"' if _NEEDS_QUOTES.search(field) else field
