"""The files of a spool: a database of SQLite, and a lock that one process at a time holds."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from lipiyana.errors import Unavailable

_FILE, _LOCK = "spool.sqlite", "lock"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS rows (
    number INTEGER PRIMARY KEY AUTOINCREMENT, age REAL NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""

Identity = tuple[int, int]
GONE: Identity = (-1, -1)


class SpoolWriteError(OSError):
    """The disk takes no more, or fails."""


def identity(folder: Path | None) -> Identity:
    """Return what tells the database in a folder from another one; `GONE` if there is none."""
    if folder is None:
        return 0, 0
    try:
        found = (folder / _FILE).stat()
    except OSError:
        return GONE
    return found.st_dev, found.st_ino


def remade(folder: Path, database: sqlite3.Connection) -> tuple[sqlite3.Connection, int]:
    """Make deleted files again, with all that a database holds that is still open.

    Returns:
        The database in the new files, and its lock.

    Raises:
        SpoolWriteError: they cannot be made, or another process has begun a spool there.
    """
    held = -1
    try:
        held = lock(folder)
        if identity(folder) != GONE:
            raise Unavailable(f"another process has begun a spool in {folder}")
        new = open_database(folder)
        database.backup(new)
    except (OSError, sqlite3.DatabaseError, Unavailable) as error:
        if held >= 0:
            os.close(held)
        why = error.message if isinstance(error, Unavailable) else error
        raise SpoolWriteError(f"{folder} was deleted: {why}") from None
    return new, held


def lock(folder: Path) -> int:
    """Make a folder and lock it; closing the descriptor unlocks it.

    Raises:
        Unavailable: another process uses it.
        OSError: the folder cannot be used.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    held = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(held)
        raise Unavailable(f"another process uses the spool {folder}") from None
    return held


def open_database(folder: Path | None) -> sqlite3.Connection:
    """Open or create the database of a folder; None is one in memory.

    Raises:
        OSError: a file cannot be used.
        sqlite3.DatabaseError: it is no database.
    """
    if folder is not None:  # rows are personal data; SQLite gives its other files the same mode
        os.close(os.open(folder / _FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    database = sqlite3.connect(
        ":memory:" if folder is None else folder / _FILE,
        isolation_level=None,
        check_same_thread=False,
    )
    # a power cut loses nothing that was added; freed pages are used again, or the disk gets them
    # without zeros in place of deleted rows, which some builds write: a full disk has no room
    for pragma in (
        "auto_vacuum=INCREMENTAL",
        "secure_delete=FAST",
        "journal_mode=WAL",
        "synchronous=FULL",
    ):
        database.execute(f"PRAGMA {pragma}")
    database.executescript(_SCHEMA)
    return database


@contextlib.contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[None]:
    """Do all of the body or nothing.

    Raises:
        SpoolWriteError: the disk is full or fails, or the file is damaged.
    """
    try:
        database.execute("BEGIN IMMEDIATE")
        yield
        database.execute("COMMIT")
    except sqlite3.DatabaseError as error:
        _roll_back(database)
        raise SpoolWriteError(str(error)) from None
    except BaseException:  # a signal
        _roll_back(database)
        raise


def _roll_back(database: sqlite3.Connection) -> None:
    if database.in_transaction:
        with contextlib.suppress(sqlite3.DatabaseError):  # the one that led here is told
            database.execute("ROLLBACK")


def fact(database: sqlite3.Connection, name: str) -> str:
    """Return what was remembered by a name, or ""."""
    found = database.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
    return "" if found is None else str(found[0])


def remember(database: sqlite3.Connection, name: str, value: str) -> None:
    """Store a value by a name."""
    database.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))


def named(database: sqlite3.Connection) -> str:
    """Return the name that ids of rows begin with; a new database gets one."""
    name = fact(database, "name")
    if not name:
        name = secrets.token_hex(8)
        remember(database, "name", name)
    return name
