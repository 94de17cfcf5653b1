"""The rows that wait, in SQLite: bounded, and whole after a crash at any moment."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from lipiyana.errors import InvalidRequest
from lipiyana.events.spool.clocks import AgeClock, Clock, ClockMark, SystemClock
from lipiyana.events.spool.files import (
    GONE,
    SpoolWriteError,
    fact,
    identity,
    lock,
    named,
    open_database,
    remade,
    remember,
    transaction,
)  # fmt: skip
from lipiyana.events.spool.limits import Drop, SpoolCounts, SpoolLimits, Waiting
from lipiyana.events.spool.reserve import Reserve
from lipiyana.events.write_faults import cannot_write

_OVERHEAD = 64
"""Bytes of a row beside its text: number, age and share of the pages; in a message its id."""


class Spool:
    """Rows in the order in which they came; threads may share it.

    A row is there until `done` says that it was acknowledged, so after a crash between the two it
    is sent again, with the same id.
    """

    def __init__(
        self, folder: Path | None, limits: SpoolLimits, clock: Clock | None = None
    ) -> None:
        """Open or create it.

        Args:
            folder: of its files; None keeps the rows in memory.
            limits: how much may wait.
            clock: by default that of the machine.

        Raises:
            Unavailable: another process uses it.
            InvalidRequest: its file is no spool, or the folder cannot be used.
        """
        self._limits = limits
        self._guard = threading.RLock()
        self._folder, self.in_memory = folder, folder is None
        self._lock = -1
        self._on_disk = (0, 0)
        self._reserve = Reserve(folder)
        self.remade = 0
        self.counts = SpoolCounts()
        try:
            if folder is not None:
                self._lock = lock(folder)
            self._database = open_database(folder)
            self.name = named(self._database)
            earlier = fact(self._database, "clock")
            count, size = self._database.execute(
                "SELECT count(*), coalesce(sum(length(body)), 0) FROM rows"
            ).fetchone()
        except OSError as error:
            self._unlock()
            raise cannot_write(folder or Path(), error) from None
        except (sqlite3.DatabaseError, ValueError) as error:
            self._unlock()
            raise InvalidRequest(
                f"{folder} cannot be used as a spool: {error}; move it away to begin a new one"
            ) from None
        mark = ClockMark(**json.loads(earlier)) if earlier else None
        self._age = AgeClock(clock or SystemClock(), mark)
        self.counts.waiting, self.counts.waiting_bytes = count, size + count * _OVERHEAD
        self._acknowledged = self._deleted = self._given = 0
        self._on_disk = identity(self._folder)
        self._remember_clock()
        self._reserve.begin(self._database)

    def close(self) -> None:
        """Close the files; the rows stay."""
        with self._guard:
            with contextlib.suppress(SpoolWriteError):
                self._remake_if_gone()
            self._reserve.give_up()
            self._database.close()
            self._unlock()

    def add(self, rows: Sequence[bytes], position: tuple[str, str] | None = None) -> None:
        """Add rows, all or none; what has no room is dropped and counted.

        Args:
            rows: JSON without line feeds.
            position: name and value of how far their source was read; stored with them, so that a
                source is read on where its last stored row ended.

        Raises:
            SpoolWriteError: the disk is full or fails; nothing was stored, and it can be repeated.
        """
        with self._guard:
            self._remake_if_gone()
            if not self._reserve.hold() and not self._recovered():
                raise SpoolWriteError("database or disk is full")
            try:
                self._store(rows, position)
            except SpoolWriteError:
                if not self._reserve.give_up() or self.counts.waiting:
                    self._reserve.empty_log(self._database)
                    raise
                self._store(rows, position)  # nothing is there that would need the reserve

    def has_room(self, rows: Sequence[bytes]) -> bool:
        """Whether rows can be added without dropping others."""
        with self._guard:
            size = sum(len(row) + _OVERHEAD for row in rows)
            return self.counts.waiting_bytes + size <= self._limits.max_bytes

    def position(self, name: str) -> str:
        """Return what `add` was last given as the position of a source, or ""."""
        with self._guard:
            return fact(self._database, f"position {name}")

    def next(self, most_rows: int, most_bytes: int) -> list[Waiting]:
        """Return the oldest rows that were not acknowledged: at least one, if there is one.

        They are not dropped while they are under way: `done`, `release` or the next call ends that.

        Raises:
            SpoolWriteError: the disk fails.
        """
        with self._guard:
            self._given = 0
            self._remake_if_gone()
            self.expire()
            batch: list[Waiting] = []
            size = 0
            try:
                for number, body in self._database.execute(
                    "SELECT number, body FROM rows WHERE number > ? ORDER BY number LIMIT ?",
                    (self._acknowledged, most_rows),
                ):
                    size += len(body) + _OVERHEAD
                    if batch and size > most_bytes:
                        break
                    batch.append(Waiting(f"{self.name}-{number}", number, body))
            except sqlite3.DatabaseError as error:
                raise SpoolWriteError(str(error)) from None
            self._given = batch[-1].number if batch else 0
            return batch

    def done(self, batch: Sequence[Waiting]) -> None:
        """Delete rows that were acknowledged; on a full disk they are only not given again."""
        with self._guard:
            self._acknowledged = max(self._acknowledged, batch[-1].number)
            self._given = 0
            self.counts.waiting -= len(batch)
            self.counts.waiting_bytes -= sum(len(one.body) + _OVERHEAD for one in batch)
            try:
                if self._reserve.hold():
                    self._delete_acknowledged()
            except SpoolWriteError:
                self._reserve.give_up()
            self._recovered()

    def release(self) -> None:
        """Say that what `next` gave is not under way any more; a full spool may drop it."""
        with self._guard:
            self._given = 0

    def expire(self) -> None:
        """Drop rows that are too old; a disk that fails keeps them until the next call."""
        with self._guard:
            before = SpoolCounts(**asdict(self.counts))
            try:
                with transaction(self._database):
                    self._expire(self._age.mark().age)
            except SpoolWriteError:
                self.counts = before

    def is_of(self, receiver: str) -> bool:
        """Note which receiver the rows go to; return whether it is the one of the run before.

        Raises:
            SpoolWriteError: the disk is full or fails.
        """
        # a hash: an address may hold a secret
        now = hashlib.sha256(receiver.encode("utf-8", "surrogateescape")).hexdigest()
        with self._guard:
            before = fact(self._database, "receiver")
            if now != before:
                with transaction(self._database):
                    remember(self._database, "receiver", now)
        return before in {"", now}

    def oldest_age(self) -> float:
        """Return how many seconds the oldest row waits; 0 if there is none, or the disk fails."""
        with self._guard:
            try:
                found = self._database.execute(
                    "SELECT age FROM rows WHERE number > ? ORDER BY number LIMIT 1",
                    (self._acknowledged,),
                ).fetchone()
            except sqlite3.DatabaseError:
                return 0.0
            return 0.0 if found is None else max(0.0, self._age.mark().age - found[0])

    @property
    def waiting(self) -> int:
        """Rows that were not acknowledged."""
        return self.counts.waiting

    def _store(self, rows: Sequence[bytes], position: tuple[str, str] | None) -> None:
        before = SpoolCounts(**asdict(self.counts))
        try:
            with transaction(self._database):
                mark = self._age.mark()
                self._expire(mark.age)
                for row in rows:
                    self._add(row, mark.age)
                if position is not None:
                    remember(self._database, f"position {position[0]}", position[1])
                remember(self._database, "clock", json.dumps(asdict(mark)))
        except BaseException:  # a signal, too
            self.counts = before
            raise

    def _add(self, row: bytes, age: float) -> None:
        size = len(row) + _OVERHEAD
        room = self._limits.max_bytes - self.counts.waiting_bytes
        if size > room and self._limits.drop is Drop.OLDEST and size <= self._limits.max_bytes:
            room += self._drop_oldest(size - room)
        if size > room:
            if size > self._limits.max_bytes:
                self.counts.dropped_large += 1
            else:
                self.counts.dropped_full += 1
            return
        self._database.execute("INSERT INTO rows (age, body) VALUES (?, ?)", (age, row))
        self.counts.spooled += 1
        self.counts.waiting += 1
        self.counts.waiting_bytes += size

    def _drop_oldest(self, needed: int) -> int:
        """Make so many bytes free, if rows that are not under way have as many; return how many."""
        freed = rows = last = 0
        for number, _, size in self._oldest():
            if freed >= needed:
                break
            freed, rows, last = freed + size, rows + 1, number
        if freed < needed:
            return 0
        self._delete(last, rows, freed)
        self.counts.dropped_full += rows
        return freed

    def _expire(self, age: float) -> None:
        freed = rows = last = 0
        for number, added, size in self._oldest():
            if added >= age - self._limits.max_age:
                break
            freed, rows, last = freed + size, rows + 1, number
        if rows:
            self._delete(last, rows, freed)
            self.counts.dropped_old += rows

    def _oldest(self) -> Iterator[tuple[int, float, int]]:
        """Yield number, time and bytes of the rows that are not under way, the oldest first."""
        return iter(
            self._database.execute(
                "SELECT number, age, length(body) + ? FROM rows WHERE number > ? ORDER BY number",
                (_OVERHEAD, self._safe_from),
            )
        )

    def _delete_acknowledged(self) -> None:
        if self._deleted == self._acknowledged:
            return
        with transaction(self._database):
            # also what an earlier call could not delete; all at once takes the least of the log
            if self.counts.waiting:
                last = (self._acknowledged,)
                self._database.execute("DELETE FROM rows WHERE number <= ?", last)
            else:
                self._database.execute("DELETE FROM rows")
            remember(self._database, "clock", json.dumps(asdict(self._age.mark())))
        self._deleted = self._acknowledged

    def _recovered(self) -> bool:
        """Whether rows can be added; after a full disk, give back what was acknowledged."""
        if self._reserve.hold():
            return True
        self._reserve.empty_log(self._database)
        try:
            self._delete_acknowledged()
        except SpoolWriteError:
            return False
        return self._reserve.recover(self._database, empty=not self.counts.waiting)

    def _delete(self, last: int, rows: int, size: int) -> None:
        self._database.execute(
            "DELETE FROM rows WHERE number > ? AND number <= ?", (self._safe_from, last)
        )
        self.counts.waiting -= rows
        self.counts.waiting_bytes -= size

    @property
    def _safe_from(self) -> int:
        """Number of the last row that is under way or acknowledged."""
        return max(self._given, self._acknowledged)

    def _remake_if_gone(self) -> None:
        """Make files again that somebody has deleted: the rows are there until they are closed.

        Raises:
            SpoolWriteError: that cannot be done.
        """
        found = identity(self._folder)
        if self._folder is None or found == self._on_disk:
            return
        if found != GONE:
            raise SpoolWriteError(f"{self._folder} holds another spool now; start again")
        database, held = remade(self._folder, self._database)
        self._database.close()
        self._unlock()
        self._database, self._lock = database, held
        self._on_disk = identity(self._folder)
        self._reserve.begin(self._database)
        self.remade += 1

    def _remember_clock(self) -> None:
        """Store when it was opened; on a full disk the mark before it stays."""
        with contextlib.suppress(SpoolWriteError), transaction(self._database):
            remember(self._database, "clock", json.dumps(asdict(self._age.mark())))

    def _unlock(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1
