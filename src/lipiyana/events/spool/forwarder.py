"""Sends the rows of a spool, in order, until they are acknowledged."""

from __future__ import annotations

import json
import math
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lipiyana.events.row_lines import line_of
from lipiyana.events.senders.message import (
    Compression,
    Message,
    Sender,
    SendError,
)
from lipiyana.events.spool.clocks import Clock, SystemClock
from lipiyana.events.spool.files import SpoolWriteError
from lipiyana.events.spool.limits import SpoolLimits, Waiting
from lipiyana.events.spool.pace import BackOff, RateLimit
from lipiyana.events.spool.store import Spool

_MOST_ROWS = 500
_MOST_BYTES = 256 * 1024
_LAST_MESSAGE_SECONDS = 5.0
_MOST_UNWRITTEN = 1000


@dataclass(frozen=True, slots=True)
class ForwardOptions:
    """How rows are sent.

    Attributes:
        rate: bytes of messages a second, None for no limit.
        compression: None for none.
        single: each message is one row as it is, as webhooks are, not a batch with ids.
        own_ids: rows go under the `id` that they have, otherwise under one of the spool. That of
            `watch` is the same if a file is watched again.
        limits: of the spool.
    """

    rate: float | None = None
    compression: Compression | None = None
    single: bool = False
    own_ids: bool = False
    limits: SpoolLimits = field(default_factory=SpoolLimits)


@dataclass(slots=True)
class ForwardCounts:
    """What was done since the start: rows, and bytes of messages as they were sent.

    Attributes:
        sent: rows that were acknowledged.
        refused: rows that the receiver will never take.
        lost: rows that could not be spooled, since the disk was full for too long.
        bytes_sent: of acknowledged messages.
        failures: messages that were not acknowledged.
    """

    sent: int = 0
    refused: int = 0
    lost: int = 0
    bytes_sent: int = 0
    failures: int = 0


class Forwarder:
    """A `RowSink` whose rows survive the network, and with a spool on disk also the process.

    `start` sends in a thread. Without it, `step` does one thing at a time.
    """

    def __init__(
        self,
        spool: Spool,
        sender: Sender,
        options: ForwardOptions,
        *,
        report: Callable[[str], None],
        clock: Clock | None = None,
        back_off: BackOff | None = None,
    ) -> None:
        """Take a spool and a sender, which `close` closes.

        Args:
            spool: of the rows.
            sender: to the receiver.
            options: how they are sent.
            report: takes messages for people: when sending begins to fail, and when it works again.
            clock: by default that of the machine.
            back_off: by default a random one.
        """
        self.spool = spool
        self.counts = ForwardCounts()
        self._sender = sender
        self._options = options
        self._report = report
        self._clock = clock or SystemClock()
        self._back_off = back_off or BackOff()
        self._rate = RateLimit(options.rate)
        self._retry_at = -math.inf
        self._most_rows = 1 if options.single else _MOST_ROWS
        self._fails = False
        self._disk_fails = self._told_of_loss = False
        self._unwritten: deque[bytes] = deque()
        self._told_of_size = False
        self._told_of_remade = 0
        self._news = threading.Condition()
        self._stopping = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Send in a thread until `close`."""
        self._thread = threading.Thread(target=self._run, name="forwarder", daemon=True)
        self._thread.start()

    def write(self, row: Mapping[str, Any]) -> None:
        """Spool a row. While the disk is full the newest `_MOST_UNWRITTEN` wait in memory.

        The others are lost, and counted: a camera cannot wait.
        """
        if len(self._unwritten) == _MOST_UNWRITTEN:
            self._unwritten.popleft()
            self.counts.lost += 1
            if not self._told_of_loss:
                self._report("rows are lost, since the spool could not be written for too long")
            self._told_of_loss = True
        self._unwritten.append(line_of(row))
        self.write_again()

    def write_again(self) -> bool:
        """Try to spool the rows that wait in memory; returns whether none waits any more."""
        if not self._unwritten:
            return True
        try:
            self.add(tuple(self._unwritten))
        except SpoolWriteError as error:
            if not self._disk_fails:
                self._report(f"rows wait in memory, since the spool cannot be written: {error}")
            self._disk_fails = True
            return False
        self._unwritten.clear()
        self._disk_fails = self._told_of_loss = False
        return True

    def add(self, lines: Sequence[bytes], position: tuple[str, str] | None = None) -> None:
        """Spool rows that are JSON already; see `Spool.add`.

        Raises:
            SpoolWriteError: none were spooled; it can be repeated.
        """
        before = self.spool.counts.dropped_large
        self.spool.add(lines, position)
        if (large := self.spool.counts.dropped_large - before) and not self._told_of_size:
            self._told_of_size = True
            self._report(
                f"{large} rows are dropped: each is larger than the whole spool may be; raise "
                "--max-bytes"
            )
        self._tell_if_remade()
        with self._news:
            self._news.notify_all()

    def wait_for_room(self, lines: Sequence[bytes]) -> None:
        """Wait until rows have room without others being dropped, or nothing waits any more."""
        with self._news:
            self._news.wait_for(lambda: not self.spool.waiting or self.spool.has_room(lines))

    def wait_until_fewer_than(self, waiting: int, seconds: float) -> None:
        """Wait until fewer rows wait than there were; at most so long."""
        with self._news:
            self._news.wait_for(lambda: self.spool.waiting < waiting, seconds)

    def wait_until_sent(self, seconds: float) -> bool:
        """Wait until nothing waits in the spool; return whether that is so."""
        with self._news:
            return self._news.wait_for(lambda: not self.spool.waiting, seconds)

    def close(self) -> None:
        """Finish the message that is under way, and close everything; what waits stays spooled.

        A receiver that does not answer is not waited for: the message stays spooled. What waits in
        memory is lost, which is reported.
        """
        with self._news:
            self._stopping = True
            self._news.notify_all()
        if not self.write_again():
            self.counts.lost += len(self._unwritten)
            self._report(
                f"{len(self._unwritten)} rows are lost, since the spool could not be written"
            )
            self._unwritten.clear()
        if self._thread is not None:
            self._thread.join(_LAST_MESSAGE_SECONDS)
        if self.spool.in_memory and (lost := self.spool.waiting):
            self.counts.lost += lost
            self._report(f"not delivered, and lost, since they waited in memory: {lost}")
        if self._thread is not None and self._thread.is_alive():
            return
        self._sender.close()
        self.spool.close()

    def step(self) -> float:
        """Send one message, if one may be sent now.

        Returns:
            Seconds until there is something to do again; infinity until a row is added.
        """
        now = self._clock.elapsed()
        wait = max(self._retry_at - now, self._rate.wait(now))
        if wait > 0:
            return wait
        most = min(_MOST_BYTES, self._rate.most_bytes or _MOST_BYTES)
        try:
            batch = self.spool.next(self._most_rows, most)
        except SpoolWriteError as error:
            return self._wait(SendError(f"the spool cannot be read: {error}"))
        self._tell_if_remade()
        if not batch:
            with self._news:  # the last rows may have grown too old
                self._news.notify_all()
            return math.inf
        message = self._message(batch)
        try:
            outcome = self._sender.send(message)
        except SendError as error:
            self.counts.failures += 1
            self._rate.sent(len(message.body), self._clock.elapsed())
            return self._failed(batch, error)
        self.counts.bytes_sent += len(message.body)
        self._rate.sent(len(message.body), self._clock.elapsed())
        refused = () if outcome is None else outcome.refused
        settled = batch if outcome is None else batch[: outcome.settled]
        self.counts.sent += len(settled) - len(refused)
        self._refuse(refused)
        self._worked(settled)
        return 0.0

    def _tell_if_remade(self) -> None:
        if self.spool.remade > self._told_of_remade:
            self._told_of_remade = self.spool.remade
            self._report("the spool was deleted while in use; it was made again with all its rows")

    def _message(self, batch: Sequence[Waiting]) -> Message:
        rows = [(self._id_of(waiting), waiting.body) for waiting in batch]
        return self._sender.pack(rows, self._options.compression, single=self._options.single)

    def _id_of(self, waiting: Waiting) -> str:
        if self._options.own_ids:
            own = json.loads(waiting.body).get("id")
            if isinstance(own, str) and own:
                return own
        return waiting.id

    def _worked(self, batch: Sequence[Waiting]) -> None:
        self._forget(batch)
        self._back_off.worked()
        if not self._options.single:
            self._most_rows = min(_MOST_ROWS, 2 * self._most_rows)
        if self._fails:
            self._report("the receiver takes rows again")
        self._fails = False

    def _failed(self, batch: Sequence[Waiting], error: SendError) -> float:
        if error.refused and len(batch) > 1:
            # one of them is at fault, or all are too long together
            self._most_rows = len(batch) // 2
            return 0.0
        if error.refused:
            self._refuse((self._id_of(batch[0]),), f": {error}")
            self._forget(batch)
            return 0.0
        self.spool.release()
        return self._wait(error)

    def _refuse(self, ids: Sequence[str], why: str = "") -> None:
        self.counts.refused += len(ids)
        for name in ids:
            self._report(f"the receiver refuses row {name}, which is dropped{why}")

    def _wait(self, error: SendError) -> float:
        wait = self._back_off.failed(error.retry_after)
        self._retry_at = self._clock.elapsed() + wait
        if not self._fails:
            self._report(f"the receiver takes no rows, which wait meanwhile: {error}")
        self._fails = True
        return wait

    def _forget(self, batch: Sequence[Waiting]) -> None:
        self.spool.done(batch)
        with self._news:
            self._news.notify_all()

    def _run(self) -> None:
        while not self._stopping:
            wait = self.step()
            with self._news:
                if wait == math.inf:
                    # a row may have come since `step` looked
                    self._news.wait_for(lambda: self._stopping or self.spool.waiting)
                elif wait > 0:
                    self._news.wait_for(lambda: self._stopping, wait)
