"""The text formats of rows, JSON Lines and CSV: encode and parse one record per picture."""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Protocol

from lipiyana.conversions.visible_text import CONTROLS
from lipiyana.errors import LipiyanaError
from lipiyana.rows.output import EarlierRow
from lipiyana.types import Plate, Recognition
from lipiyana.wire.results import recognition_to_json

COLUMNS = (
    "path", "error_code", "error_message", "width", "height", "plates", "text", "vehicles",
)  # fmt: skip
"""The columns of the CSV format."""


class RowError(ValueError):
    """A complete record has another format."""


@dataclass(frozen=True, slots=True)
class Record(EarlierRow):
    """A complete record found in a file.

    Attributes:
        start: offset of its first byte.
        end: offset after its last byte.
    """

    start: int
    end: int


class RowForm(Protocol):
    """The format of rows as bytes."""

    @property
    def header(self) -> bytes:
        """The first bytes of a new file."""
        ...

    @property
    def headers(self) -> tuple[bytes, ...]:
        """What a file may begin with."""
        ...

    def encode(self, path: str, outcome: Recognition | LipiyanaError) -> bytes:
        """Encode one row; `path` is from `printable`."""
        ...

    def records(self, file: IO[bytes]) -> Iterator[Record]:
        """Read the complete records of a file; an incomplete last one is ignored.

        Raises:
            RowError: a complete record has another format.
        """
        ...


class JsonLines:
    """`{"path": ..., "recognition": {...}}` or `{"path": ..., "error": {...}}`, one per line."""

    header = b""
    headers = (b"",)

    def encode(self, path: str, outcome: Recognition | LipiyanaError) -> bytes:
        """Encode one row as JSON with a newline."""
        row: dict[str, object] = {"path": path}
        if isinstance(outcome, LipiyanaError):
            row["error"] = {"code": outcome.code, "message": outcome.message}
        else:
            row["recognition"] = recognition_to_json(outcome)
        # a terminal would execute control characters; JSON escapes mean the same text
        text = _CONTROL.sub(_as_json, json.dumps(row, ensure_ascii=False)) + "\n"
        # a lone surrogate is written as \\udcXX, which is also its JSON escape
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
    """A header, and a row of `COLUMNS` for each picture; RFC 4180 quoting, lines end in LF.

    Excel takes a file without a byte order mark for one in the code page of the machine.
    """

    names = (",".join(COLUMNS) + "\n").encode()
    headers = (codecs.BOM_UTF8 + names, names)

    def __init__(self, *, bom: bool = True) -> None:
        self.header = self.headers[0] if bom else self.names

    def encode(self, path: str, outcome: Recognition | LipiyanaError) -> bytes:
        """Encode one row; an apostrophe is put before fields that would be formulas."""
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
        """Read the complete records: those whose last newline is outside quotes."""
        line = file.readline()
        _require_beginning(line, *self.headers)
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
            raise RowError(f"the record at byte {start} does not have {len(COLUMNS)} fields")
        return Record(_restore(rows[0][0]), rows[0][1], start, end)


_CONTROL = re.compile(f"[{CONTROLS}]")
_FORMULA = re.compile(r"'*[=+\-@＝＋－＠\t\r\n]")
_NEEDS_QUOTES = re.compile(r'[",\r\n]')


def _require_beginning(found: bytes, *expected: bytes) -> None:
    """Reject a file of another format before its end is removed as an incomplete record."""
    if not any(found.startswith(one) or one.startswith(found) for one in expected):
        raise RowError(f"the file does not begin with {expected[-1].decode().strip()}")


def _as_json(match: re.Match[str]) -> str:
    return json.dumps(match[0])[1:-1]


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"not a string: {value!r}")
    return value


def _plate_text(plate: Plate) -> str:
    return plate.registration.canonical or plate.text.replace("\n", "/")


def _defuse(field: str) -> str:
    """Put an apostrophe before a formula of spreadsheets (CWE-1236); `_restore` removes it."""
    return f"'{field}" if _FORMULA.match(field) else field


def _restore(field: str) -> str:
    return field[1:] if field.startswith("'") and _FORMULA.match(field) else field


def _quote(field: str) -> str:
    return '"' + field.replace('"', '""') + '"' if _NEEDS_QUOTES.search(field) else field
