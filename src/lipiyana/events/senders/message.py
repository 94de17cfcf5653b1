"""What is sent: rows as JSON Lines, each with an id, compressed if asked."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import zstandard

_ZSTD_LEVEL = 9


class Compression(StrEnum):
    """How messages are compressed; the names are those of the HTTP header Content-Encoding."""

    ZSTD = "zstd"
    GZIP = "gzip"


@dataclass(frozen=True, slots=True)
class Message:
    """Bytes to send.

    Attributes:
        body: compressed, if `encoding` says so.
        content_type: of the body before it was compressed.
        encoding: "" if it is not compressed.
        rows: ids and JSON of what is in it.
    """

    body: bytes
    content_type: str
    encoding: str = ""
    rows: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the rows of a message, where a receiver says it of each.

    Attributes:
        settled: so many of the first rows need not be sent again.
        refused: ids of those among them that the receiver will never take.
    """

    settled: int
    refused: tuple[str, ...] = ()


class SendError(Exception):
    """A message was not acknowledged.

    Attributes:
        refused: sending the same again is useless.
        retry_after: seconds that the receiver asked to wait, if it did.
    """

    def __init__(
        self, why: str, *, refused: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(why)
        self.refused = refused
        self.retry_after = retry_after


class Sender(Protocol):
    """Sends one message at a time."""

    def pack(
        self, rows: Sequence[tuple[str, bytes]], compression: Compression | None, *, single: bool
    ) -> Message:
        """Make the message of rows.

        Args:
            rows: ids, and rows in JSON.
            compression: None for none.
            single: there is one row, which is an event: a message of its own.
        """
        ...

    def send(self, message: Message) -> Outcome | None:
        """Send a message and wait until it is acknowledged.

        Returns:
            None if all of it was taken.

        Raises:
            SendError: nothing of it was.
        """
        ...

    def close(self) -> None:
        """End the connection."""
        ...


class JsonPacking:
    """How receivers without a contract get rows: batches as JSON Lines, events as they are."""

    def pack(
        self, rows: Sequence[tuple[str, bytes]], compression: Compression | None, *, single: bool
    ) -> Message:
        """Make the message of rows; see `Sender`."""
        return message_of_event(rows[0][1]) if single else message_of_rows(rows, compression)


def message_of_event(event: bytes) -> Message:
    """Make the message of one event: its JSON as it is."""
    return Message(event, "application/json")


def message_of_rows(rows: Sequence[tuple[str, bytes]], compression: Compression | None) -> Message:
    """Make the message of a batch: a line `{"id": ..., "row": ...}` for each row.

    Args:
        rows: ids, and rows in JSON.
        compression: None for none.
    """
    body = lines_of(rows)
    kind = "application/x-ndjson"
    match compression:
        case Compression.ZSTD:
            compressed = zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compress(body)
            return Message(compressed, kind, "zstd")
        case Compression.GZIP:
            return Message(gzip.compress(body, mtime=0), kind, "gzip")
        case None:
            return Message(body, kind)


def lines_of(rows: Sequence[tuple[str, bytes]]) -> bytes:
    """Write rows, given with their ids, as JSON Lines; it is also what signatures are made of."""
    return b"".join(b'{"id":"%b","row":%b}\n' % (name.encode(), row) for name, row in rows)
