"""Room that a spool keeps for itself: on a full disk SQLite cannot delete a row, either."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
from pathlib import Path

_FILE = "reserve"
_MOST = 1024 * 1024
"""Bytes; several times what the log of SQLite holds between two checkpoints."""
_LEAST = 16 * 1024
_MARGIN = 64 * 1024
"""Bytes that adding rows takes beside them: pages of the index, and of the log."""
_PAGE = 4096
_FEWEST_PAGES, _MOST_PAGES = 2, 64
_UNKNOWN = {errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP}


class Reserve:
    """A file that is given up when the disk is full, and made again when there is room.

    What it frees lets acknowledged rows be deleted. Their pages are used again, and once nothing
    waits the disk has them back.
    """

    def __init__(self, folder: Path | None) -> None:
        """Keep it in a folder; None is a spool in memory, which needs none."""
        self._folder = folder
        self._held = folder is None
        self._is_full = False
        self._size = 0

    def hold(self) -> bool:
        """Make the file, unless that takes the last room.

        Returns:
            Whether rows can be added: the disk was not full since the file was there.
        """
        if self._held or self._folder is None:
            return True
        with contextlib.suppress(OSError):
            about = os.statvfs(self._folder)
            free = about.f_bavail * about.f_frsize
            size = self._size or min(_MOST, free // 3)
            if size >= _LEAST and free >= 2 * size:
                _make(self._folder / _FILE, size)
                self._size, self._held, self._is_full = size, True, False
        return not self._is_full

    def give_up(self) -> bool:
        """Remove the file, since the disk is full; return whether that has freed anything."""
        self._is_full = True
        if self._folder is None or not self._held:
            return False
        self._held = False
        with contextlib.suppress(OSError):
            (self._folder / _FILE).unlink()
        return True

    def begin(self, database: sqlite3.Connection) -> None:
        """Make the file for a database that was opened, and keep the log of SQLite smaller."""
        self._held = self._folder is None
        self.hold()
        # what the log holds must have room in the database, too
        pages = max(_FEWEST_PAGES, min(_MOST_PAGES, self._size // _PAGE // 4))
        database.execute(f"PRAGMA wal_autocheckpoint={pages}")

    def recover(self, database: sqlite3.Connection, *, empty: bool) -> bool:
        """Give the disk back what can be given, and hold the file again.

        Args:
            database: of the spool, outside of a transaction.
            empty: whether all rows were acknowledged and deleted.

        Returns:
            Whether rows can be added, with the file or without it.
        """
        with contextlib.suppress(sqlite3.DatabaseError):
            if empty:
                # a script, since `execute` ends after the first page
                database.executescript("PRAGMA incremental_vacuum")
                database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            is_empty = self.empty_log(database)
            if self.hold() or empty:
                return True
            free = database.execute("PRAGMA freelist_count").fetchone()[0]
            return is_empty and free * _PAGE >= 2 * _MARGIN
        return empty

    def empty_log(self, database: sqlite3.Connection) -> bool:
        """Move what the log of SQLite holds, so that it is written anew from its start."""
        with contextlib.suppress(sqlite3.DatabaseError):
            _, logged, moved = database.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            return bool(logged == moved)
        return False


def _make(path: Path, size: int) -> None:
    path.unlink(missing_ok=True)  # of a run that was killed
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            os.posix_fallocate(file, 0, size)
        except (AttributeError, OSError) as error:  # not on every system, nor in every file system
            if getattr(error, "errno", errno.ENOSYS) not in _UNKNOWN:
                raise
            os.write(file, os.urandom(size))
    except OSError:
        path.unlink(missing_ok=True)
        raise
    finally:
        os.close(file)
