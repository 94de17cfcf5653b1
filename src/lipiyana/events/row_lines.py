"""Rows as JSON Lines: reads them from a file or a pipe that may grow, and writes one."""

from __future__ import annotations

import hashlib
import io
import json
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

LONGEST_LINE = 16 * 1024 * 1024
"""Bytes of a row; a longer one is no row and left out, since it would fill the memory."""

_CHUNK = 64 * 1024
_TAIL = 256
"""Bytes before a position, by which a file is known to be the same."""
_POLL = 0.2
"""Seconds between looks at a file that grows."""


def line_of(row: Mapping[str, Any]) -> bytes:
    """Write a row as JSON without line feeds.

    Names of files that are no UTF-8 have surrogates, which only escapes can write.
    """
    try:
        return json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(row, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class Chunk:
    """Lines that were read together; there are none if a file that grows has nothing new.

    Attributes:
        lines: without the white space around them; blank ones are left out.
        position: what `RowLines` takes to read on after them.
        unfinished: the last line has no newline; it may still be being written.
        too_long: lines that were left out, longer than `LONGEST_LINE`.
    """

    lines: tuple[bytes, ...]
    position: str
    unfinished: bool = False
    too_long: int = 0


class RowLines:
    """Lines of a file, or of a pipe.

    A file that is followed may be renamed or truncated by who rotates it: its rest is read, then
    the new one from its start. The last line of a file that is not followed, or not any more, needs
    no newline.
    """

    def __init__(self, path: Path | None, *, follow: bool = False, position: str = "") -> None:
        """Open the file.

        Args:
            path: the file; None for standard input.
            follow: wait for more at its end.
            position: of an earlier chunk, to read on after it. A file that has other bytes there
                is another one, and is read from its start.

        Raises:
            OSError: it cannot be opened.
        """
        self._path = path
        self._follow = follow and path is not None
        self._file: BinaryIO = (
            os.fdopen(os.dup(0), "rb", buffering=0) if path is None else path.open("rb", 0)
        )
        self._end = 0
        self._tail = b""
        self._partial = b""
        self._in_long_line = False
        self._stop = threading.Event()
        if position and path is not None:
            self._resume(json.loads(position))

    def close(self) -> None:
        """Close the file; `chunks` ends."""
        self._stop.set()
        self._file.close()

    def chunks(self) -> Iterator[Chunk]:
        """Yield what is there to be read.

        Raises:
            OSError: the file cannot be read.
        """
        while not self._stop.is_set():
            if read := self._read():
                yield self._split(read)
            elif not self._follow:
                break
            else:
                rest = self._partial.strip()
                if not self._reopen_if_rotated():
                    yield Chunk((), self._position)
                    self._stop.wait(_POLL)
                elif rest:
                    yield Chunk((rest,), self._position)
        if self._partial.strip() and not self._follow:
            self._pass(self._partial)
            yield Chunk((self._partial.strip(),), self._position, unfinished=True)

    def _read(self) -> bytes:
        try:
            return self._file.read(_CHUNK)
        except OSError as error:  # reading does not say of what
            error.filename = "standard input" if self._path is None else str(self._path)
            raise

    def _split(self, read: bytes) -> Chunk:
        if self._in_long_line:
            rest, newline, read = read.partition(b"\n")
            self._pass(rest + newline)
            self._in_long_line = not newline
        whole, newline, self._partial = (self._partial + read).rpartition(b"\n")
        self._pass(whole + newline)
        too_long = len(self._partial) > LONGEST_LINE
        if too_long:
            self._pass(self._partial)
            self._partial, self._in_long_line = b"", True
        lines = (line.strip() for line in whole.split(b"\n"))
        found = tuple(line for line in lines if line)
        return Chunk(found, self._position, too_long=int(too_long))

    def _pass(self, read: bytes) -> None:
        self._end += len(read)
        self._tail = (self._tail + read)[-_TAIL:]

    @property
    def _position(self) -> str:
        tail = hashlib.sha256(self._tail).hexdigest()
        position = {"end": self._end, "bytes": len(self._tail), "tail": tail}
        return json.dumps(position | ({"in_long_line": True} if self._in_long_line else {}))

    def _resume(self, position: Mapping[str, Any]) -> None:
        self._file.seek(position["end"] - position["bytes"])
        tail = self._file.read(position["bytes"])
        if hashlib.sha256(tail).hexdigest() == position["tail"]:
            self._end, self._tail = position["end"], tail
            self._in_long_line = position.get("in_long_line", False)
        else:
            self._file.seek(0)

    def _reopen_if_rotated(self) -> bool:
        if self._path is None:
            return False
        try:
            named = self._path.stat()
        except FileNotFoundError:  # between the renaming and the new file
            return False
        opened = os.fstat(self._file.fileno())
        other = (named.st_dev, named.st_ino) != (opened.st_dev, opened.st_ino)
        if not other and named.st_size >= self._file.tell():
            return False
        if other:
            self._file.close()
            self._file = self._path.open("rb", 0)
        self._file.seek(0, io.SEEK_SET)
        self._end, self._tail, self._partial, self._in_long_line = 0, b"", b"", False
        return True
