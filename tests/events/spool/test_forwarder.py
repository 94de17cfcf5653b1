from __future__ import annotations

import json
import math
import random
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from row_receiver import Fault, RowReceiver, receiving
from simulated_clock import SimulatedClock

from lipiyana.events.senders.http_sender import HttpSender
from lipiyana.events.senders.message import Compression, JsonPacking, Message, SendError
from lipiyana.events.spool.forwarder import Forwarder, ForwardOptions
from lipiyana.events.spool.limits import SpoolLimits
from lipiyana.events.spool.pace import BackOff, RateLimit
from lipiyana.events.spool.store import Spool

DAY = 86400.0


class Line(JsonPacking):
    """A sender in this process, whose network may be off."""

    def __init__(self) -> None:
        self.fault: Callable[[Message], SendError | None] = lambda _: None
        self.receiver = RowReceiver()
        self.sizes: list[int] = []
        self.attempts = 0

    def send(self, message: Message) -> None:
        self.attempts += 1
        self.sizes.append(len(message.body))
        if error := self.fault(message):
            raise error
        self.receiver.store(message.body)

    def close(self) -> None:
        pass


class Setting:
    """A forwarder of which the test makes the steps, and its clock."""

    def __init__(self, folder: Path | None = None, **options: Any) -> None:
        self.clock = SimulatedClock()
        self.line = Line()
        self.said: list[str] = []
        limits = options.pop("limits", SpoolLimits(max_bytes=10**9))
        self.forwarder = Forwarder(
            Spool(folder, limits, self.clock), self.line, ForwardOptions(**options),
            report=self.said.append, clock=self.clock, back_off=BackOff(random.Random(1)),
        )  # fmt: skip

    def write(self, *numbers: int) -> None:
        for number in numbers:
            self.forwarder.write({"n": number})

    def until_idle(self) -> None:
        """Let the time pass that the forwarder waits, until nothing is left."""
        while (wait := self.forwarder.step()) != math.inf:
            self.clock.pass_time(wait)

    def until(self, seconds: float) -> None:
        """Let so much time pass, with all steps that fall into it."""
        end = self.clock.elapsed() + seconds
        while (left := end - self.clock.elapsed()) > 0:
            self.clock.pass_time(max(0.0, min(left, self.forwarder.step())))

    @property
    def came(self) -> list[int]:
        return [row["n"] for row in self.line.receiver.rows.values()]


def off(_: Message) -> SendError:
    return SendError("no connection")


def test_rows_come_in_order_in_one_batch() -> None:
    setting = Setting()
    setting.write(*range(100))
    setting.until_idle()
    assert setting.came == list(range(100))
    assert setting.line.attempts == 1
    counts = setting.forwarder.counts
    assert (counts.sent, counts.bytes_sent) == (100, setting.line.sizes[0])
    setting.forwarder.close()


def test_a_week_offline(tmp_path: Path) -> None:
    setting = Setting(tmp_path, limits=SpoolLimits(max_bytes=10**9, max_age=3 * DAY))
    setting.line.fault = off
    for hour in range(7 * 24):
        setting.write(hour)
        setting.until(3600)
    # the back-off ends at five minutes, of which at least half is waited
    assert 7 * DAY / 300 < setting.line.attempts < 7 * DAY / 150 + 10
    assert len(setting.said) == 1
    assert "takes no rows" in setting.said[0]
    setting.line.fault = lambda _: None
    setting.until_idle()
    # one more grew old in the last wait
    assert setting.came == list(range(4 * 24 + 1, 7 * 24))
    assert setting.forwarder.spool.counts.dropped_old == 4 * 24 + 1
    assert setting.said[1:] == ["the receiver takes rows again"]
    setting.forwarder.close()


def test_a_week_offline_in_a_small_spool() -> None:
    # 70 bytes a row: three days
    setting = Setting(limits=SpoolLimits(max_bytes=5_000, max_age=30 * DAY))
    setting.line.fault = off
    for hour in range(7 * 24):
        setting.write(hour)
        setting.until(3600)
    setting.line.fault = lambda _: None
    setting.until_idle()
    dropped = setting.forwarder.spool.counts.dropped_full
    assert len(setting.came) > 60
    assert setting.came == list(range(dropped, 7 * 24))
    setting.forwarder.close()


@pytest.mark.parametrize("wall", [0.0, 4e9])
def test_a_clock_that_jumps_changes_nothing(wall: float) -> None:
    setting = Setting()
    setting.line.fault = off
    setting.write(1)
    wait = setting.forwarder.step()
    setting.clock.set_wall(wall)
    assert setting.forwarder.step() == pytest.approx(wait)
    setting.line.fault = lambda _: None
    setting.until_idle()
    assert setting.came == [1]
    setting.forwarder.close()


def test_back_off_doubles_and_hears_what_the_receiver_asks() -> None:
    back_off = BackOff(random.Random(1))
    waits = [back_off.failed(None) for _ in range(20)]
    for number, wait in enumerate(waits):
        most = min(300.0, 2.0**number)
        assert most / 2 <= wait <= most
    assert back_off.failed(10_000.0) == 300.0
    back_off.worked()
    assert back_off.failed(None) <= 1.0
    assert back_off.failed(60.0) == 60.0


def test_the_rate_is_kept() -> None:
    setting = Setting(rate=1000.0)
    setting.write(*range(2000))
    begun = setting.clock.elapsed()
    setting.until_idle()
    seconds = setting.clock.elapsed() - begun
    assert setting.came == list(range(2000))
    # after the last message the step looks whether there is another one
    assert seconds == pytest.approx(sum(setting.line.sizes) / 1000)
    assert 1000 < max(setting.line.sizes) <= 2 * 1000
    setting.forwarder.close()


def test_without_a_rate_nothing_waits() -> None:
    limit = RateLimit(None)
    limit.sent(10**9, 5.0)
    assert (limit.wait(5.0), limit.most_bytes) == (0.0, None)


def test_a_row_that_is_refused_is_dropped_alone() -> None:
    setting = Setting()

    def refuses_13(message: Message) -> SendError | None:
        bad = b'{"n":13}' in message.body
        return SendError("it answers 422", refused=True) if bad else None

    setting.line.fault = refuses_13
    setting.write(*range(100))
    setting.until_idle()
    assert setting.came == [n for n in range(100) if n != 13]
    assert setting.forwarder.counts.refused == 1
    (said,) = setting.said
    assert "refuses row" in said
    assert "13}" not in said
    setting.forwarder.close()


def test_batches_that_are_too_long_get_shorter() -> None:
    setting = Setting()
    setting.line.fault = lambda message: (
        SendError("it answers 413", refused=True) if len(message.body) > 1000 else None
    )
    setting.write(*range(100))
    setting.until_idle()
    assert setting.came == list(range(100))
    assert setting.forwarder.counts.refused == 0
    setting.forwarder.close()


def test_rows_that_find_a_full_disk_wait(tmp_path: Path) -> None:
    setting = Setting(tmp_path)
    database = setting.forwarder.spool._database
    setting.write(1)
    database.execute("PRAGMA query_only=1")
    setting.write(2, 3)
    setting.until_idle()  # what is there is sent all the same
    assert setting.came == [1]
    database.execute("PRAGMA query_only=0")
    setting.write(4)
    setting.until_idle()
    assert setting.came == [1, 2, 3, 4]
    assert setting.forwarder.counts.lost == 0
    assert len(setting.said) == 1
    setting.forwarder.close()


def test_too_many_rows_that_find_a_full_disk_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lipiyana.events.spool.forwarder._MOST_UNWRITTEN", 3)
    setting = Setting(tmp_path)
    database = setting.forwarder.spool._database
    database.execute("PRAGMA query_only=1")
    setting.write(*range(5))
    assert setting.forwarder.counts.lost == 2
    database.execute("PRAGMA query_only=0")
    setting.write(5)
    setting.until_idle()
    assert setting.came == [3, 4, 5]
    database.execute("PRAGMA query_only=1")
    setting.write(6)
    setting.forwarder.close()
    assert setting.forwarder.counts.lost == 4
    assert "1 rows are lost" in setting.said[-1]


def test_rows_with_ids_of_their_own(tmp_path: Path) -> None:
    setting = Setting(tmp_path, own_ids=True)
    for row in ({"id": "gate-1-7"}, {"id": 7}, {"no": 1}):
        setting.forwarder.write(row)
    setting.until_idle()
    first, *others = setting.line.receiver.rows
    assert first == "gate-1-7"
    assert all(name.startswith(setting.forwarder.spool.name) for name in others)
    setting.forwarder.close()


def test_a_spool_that_is_deleted_in_use_is_told_and_made_again(tmp_path: Path) -> None:
    setting = Setting(tmp_path / "spool")
    setting.line.fault = off
    setting.write(1)
    setting.until(10)
    shutil.rmtree(tmp_path / "spool")
    setting.write(2)
    setting.line.fault = lambda _: None
    setting.until_idle()
    assert setting.came == [1, 2]
    assert sum("spool was deleted while in use" in said for said in setting.said) == 1
    setting.forwarder.close()


def test_a_row_larger_than_the_spool_is_told_once() -> None:
    setting = Setting(limits=SpoolLimits(max_bytes=100))
    for _ in range(2):
        setting.forwarder.write({"text": "x" * 100})
    setting.write(1)
    setting.until_idle()
    assert setting.came == [1]
    assert setting.said == [
        "1 rows are dropped: each is larger than the whole spool may be; raise --max-bytes"
    ]
    assert setting.forwarder.spool.counts.dropped_large == 2
    setting.forwarder.close()


@pytest.mark.parametrize(
    "error",
    [sqlite3.OperationalError("disk I/O error"), sqlite3.DatabaseError("image is malformed")],
    ids=str,
)
def test_a_spool_that_cannot_be_read_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: sqlite3.DatabaseError
) -> None:
    setting = Setting(tmp_path)
    setting.write(1)
    with monkeypatch.context() as patched:
        patched.setattr(setting.forwarder.spool, "_database", Broken(error))
        assert setting.forwarder.step() > 0
    assert setting.said == ["the receiver takes no rows, which wait meanwhile: the spool cannot "
                            f"be read: {error}"]  # fmt: skip
    setting.until_idle()
    assert setting.came == [1]
    setting.forwarder.close()


class Broken:
    """A database on a disk that fails."""

    in_transaction = False

    def __init__(self, error: sqlite3.DatabaseError) -> None:
        self.error = error

    def execute(self, *_: object) -> None:
        raise self.error


def test_names_that_are_no_utf_8_are_sent() -> None:
    setting = Setting(single=True)
    setting.forwarder.write({"id": "a", "source": "gate\udcff"})
    setting.until_idle()
    assert setting.line.receiver.rows["a"]["source"] == "gate\udcff"
    setting.forwarder.close()


def test_an_event_is_a_message_of_its_own() -> None:
    setting = Setting(single=True)
    setting.forwarder.write({"id": "a", "text": "क"})
    setting.forwarder.write({"id": "b"})
    setting.until_idle()
    assert setting.line.receiver.rows == {"a": {"id": "a", "text": "क"}, "b": {"id": "b"}}
    assert setting.line.attempts == 2
    setting.forwarder.close()


@pytest.mark.parametrize("compression", [None, *Compression])
def test_in_a_thread_to_a_real_receiver_that_dies(
    tmp_path: Path, compression: Compression | None
) -> None:
    faults = iter([Fault.DIES_BEFORE, 200, 503, Fault.DIES_AFTER, (429, {"Retry-After": "0"})])
    said: list[str] = []
    with receiving() as receiver:
        receiver.answer = lambda _: next(faults, 200)
        forwarder = Forwarder(
            Spool(tmp_path, SpoolLimits()), HttpSender(receiver.url),
            ForwardOptions(compression=compression), report=said.append, back_off=Hurried(),
        )  # fmt: skip
        forwarder.start()
        for start in range(0, 60, 20):
            forwarder.add([json.dumps({"n": n}).encode() for n in range(start, start + 20)])
            receiver.wait(lambda most=start + 20: len(receiver.rows) >= most)
        assert forwarder.wait_until_sent(60)
        forwarder.close()
    assert [row["n"] for row in receiver.rows.values()] == list(range(60))
    assert receiver.doubles == 20
    assert {one.headers.get("Content-Encoding") for one in receiver.messages} == {compression}
    assert forwarder.counts.sent == 60


class Hurried(BackOff):
    """Waits for nothing."""

    def failed(self, asked: float | None) -> float:
        return 0.0
