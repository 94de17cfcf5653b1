from __future__ import annotations

import shutil
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from simulated_clock import SimulatedClock

from lipiyana.errors import InvalidRequest, Unavailable
from lipiyana.events.spool.files import SpoolWriteError
from lipiyana.events.spool.limits import Drop, SpoolLimits, Waiting
from lipiyana.events.spool.store import Spool

DAY = 86400.0
LARGE = SpoolLimits(max_bytes=10**9, max_age=7 * DAY)
ROW = 100 + 64  # bytes that a row of `rows` takes


def rows(*numbers: int) -> list[bytes]:
    return [b"%100d" % number for number in numbers]


def numbers(batch: list[Waiting]) -> list[int]:
    return [int(one.body) for one in batch]


def test_rows_come_out_in_order_and_stay_until_they_are_done(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", LARGE)
    spool.add(rows(1, 2))
    spool.add(rows(3))
    first = spool.next(2, 10**6)
    assert numbers(first) == numbers(spool.next(2, 10**6)) == [1, 2]
    spool.done(first)
    assert numbers(spool.next(2, 10**6)) == [3]
    spool.close()
    again = Spool(tmp_path / "spool", LARGE)
    (third,) = again.next(9, 10**6)
    assert (int(third.body), third.id) == (3, f"{spool.name}-3")
    assert (again.counts.waiting, again.counts.waiting_bytes) == (1, ROW)
    again.done([third])
    again.close()
    # a number is never given twice, even if no row is there
    empty = Spool(tmp_path / "spool", LARGE)
    empty.add(rows(4))
    assert [one.id for one in empty.next(9, 10**6)] == [f"{spool.name}-4"]
    empty.close()


def test_a_batch_has_a_limit_of_bytes_but_at_least_one_row() -> None:
    spool = Spool(None, LARGE)
    spool.add(rows(1, 2, 3))
    assert numbers(spool.next(9, 2 * ROW)) == [1, 2]
    assert numbers(spool.next(9, 1)) == [1]
    spool.close()


def test_a_full_spool_drops_the_oldest() -> None:
    spool = Spool(None, SpoolLimits(max_bytes=3 * ROW))
    spool.add(rows(1, 2, 3, 4))
    assert numbers(spool.next(9, 10**6)) == [2, 3, 4]
    assert (spool.counts.spooled, spool.counts.dropped_full) == (4, 1)
    # what is under way is not dropped: there is no room
    spool.add(rows(5))
    assert (spool.counts.dropped_full, spool.waiting) == (2, 3)
    spool.release()
    spool.add(rows(6))
    assert numbers(spool.next(9, 10**6)) == [3, 4, 6]
    spool.close()


def test_rows_under_way_leave_the_rest_to_be_dropped() -> None:
    spool = Spool(None, SpoolLimits(max_bytes=3 * ROW))
    spool.add(rows(1, 2, 3))
    under_way = spool.next(1, 10**6)
    spool.add(rows(4))
    spool.done(under_way)
    assert numbers(spool.next(9, 10**6)) == [3, 4]
    spool.close()


def test_a_full_spool_drops_the_newest() -> None:
    spool = Spool(None, SpoolLimits(max_bytes=3 * ROW, drop=Drop.NEWEST))
    spool.add(rows(1, 2, 3, 4))
    assert numbers(spool.next(9, 10**6)) == [1, 2, 3]
    assert (spool.counts.spooled, spool.counts.dropped_full) == (3, 1)
    spool.close()


@pytest.mark.parametrize("drop", Drop)
def test_a_row_that_never_fits_drops_no_other(drop: Drop) -> None:
    spool = Spool(None, SpoolLimits(max_bytes=3 * ROW, drop=drop))
    spool.add([*rows(1), b"x" * 1000, *rows(2)])
    assert numbers(spool.next(9, 10**6)) == [1, 2]
    assert (spool.counts.dropped_full, spool.counts.dropped_large) == (0, 1)
    assert spool.counts.dropped == 1
    spool.close()


def test_old_rows_are_dropped() -> None:
    clock = SimulatedClock()
    spool = Spool(None, LARGE, clock)
    for day in range(10):
        spool.add(rows(day))
        clock.pass_time(DAY)
    assert numbers(spool.next(99, 10**6)) == [3, 4, 5, 6, 7, 8, 9]
    assert (spool.counts.dropped_old, spool.counts.waiting_bytes) == (3, 7 * ROW)
    spool.close()


@pytest.mark.parametrize("wall", [0.0, 1.9e9, 4e9])
def test_a_clock_that_is_set_drops_nothing(tmp_path: Path, wall: float) -> None:
    clock = SimulatedClock()
    spool = Spool(tmp_path, LARGE, clock)
    spool.add(rows(1))
    clock.set_wall(wall)
    spool.add(rows(2))
    assert numbers(spool.next(9, 10**6)) == [1, 2]
    spool.close()
    # a new process of the same start of the machine
    clock.pass_time(6 * DAY)
    spool = Spool(tmp_path, LARGE, clock)
    assert numbers(spool.next(9, 10**6)) == [1, 2]
    clock.pass_time(DAY + 1)
    assert spool.next(9, 10**6) == []
    spool.close()


def test_time_that_the_machine_was_off_counts_if_the_clock_can_tell(tmp_path: Path) -> None:
    clock = SimulatedClock()
    spool = Spool(tmp_path, LARGE, clock)
    spool.add(rows(1))
    spool.close()
    now = clock.wall()
    clock.restart(off=6 * DAY)
    spool = Spool(tmp_path, LARGE, clock)
    spool.add(rows(2))
    spool.close()
    # a battery that is empty: it is 1970, and the clock is set later
    clock.restart(off=0)
    clock.set_wall(100.0)
    spool = Spool(tmp_path, LARGE, clock)
    clock.set_wall(now + 365 * DAY)
    assert numbers(spool.next(9, 10**6)) == [1, 2]
    spool.add(rows(3))
    spool.close()
    # it went back
    clock.restart(off=-30 * DAY)
    spool = Spool(tmp_path, LARGE, clock)
    assert numbers(spool.next(9, 10**6)) == [1, 2, 3]
    spool.close()
    clock.restart(off=2 * DAY)
    spool = Spool(tmp_path, LARGE, clock)
    assert numbers(spool.next(9, 10**6)) == [2, 3]
    spool.close()


def test_rows_and_position_are_stored_together_or_not_at_all(tmp_path: Path) -> None:
    spool = Spool(tmp_path, SpoolLimits(max_bytes=10**9))
    spool.add(rows(1), ("file", "one"))
    pages = spool._database.execute("PRAGMA page_count").fetchone()[0]
    spool._database.execute(f"PRAGMA max_page_count={pages + 2}")  # a disk that is full
    with pytest.raises(SpoolWriteError, match="full"):
        spool.add(rows(*range(2, 1000)), ("file", "two"))
    assert (spool.position("file"), spool.position("other")) == ("one", "")
    assert (spool.counts.spooled, spool.counts.waiting) == (1, 1)
    spool._database.execute("PRAGMA max_page_count=100000")
    spool.add(rows(2), ("file", "two"))
    assert numbers(spool.next(9, 10**6)) == [1, 2]
    spool.close()


def test_what_was_sent_is_not_given_again_while_the_disk_is_full(tmp_path: Path) -> None:
    spool = Spool(tmp_path, LARGE)
    spool.add(rows(1, 2))
    spool._database.execute("PRAGMA query_only=1")  # no write succeeds
    first = spool.next(1, 10**6)
    spool.done(first)
    second = spool.next(1, 10**6)
    assert (numbers(first), numbers(second), spool.waiting) == ([1], [2], 1)
    spool._database.execute("PRAGMA query_only=0")
    spool.done(second)
    spool.close()
    again = Spool(tmp_path, LARGE)
    assert again.next(9, 10**6) == []
    again.close()


def test_the_folder_stays_bounded(tmp_path: Path) -> None:
    limit = 400_000
    spool = Spool(tmp_path, SpoolLimits(max_bytes=limit))
    largest = 0
    for number in range(200):
        spool.add([b"%8d" % number + b"x" * 20_000])
        largest = max(largest, sum(file.stat().st_size for file in tmp_path.iterdir()))
    assert spool.waiting == limit // (20_008 + 64)
    # the log of SQLite is another megabyte, whatever the limit is
    assert largest < 1.2 * limit + 1_500_000
    spool.close()


def test_it_is_private_and_of_one_process(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    spool = Spool(folder, LARGE)
    spool.add(rows(1))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
    with pytest.raises(Unavailable, match="another process uses the spool"):
        Spool(folder, LARGE)
    spool.close()
    Spool(folder, LARGE).close()


def test_a_file_that_is_no_spool_is_refused_and_left(tmp_path: Path) -> None:
    file = tmp_path / "spool.sqlite"
    file.write_bytes(b"something else\n" * 100)
    for _ in range(2):  # and the lock is let go
        with pytest.raises(InvalidRequest, match="cannot be used as a spool"):
            Spool(tmp_path, LARGE)
    assert file.read_bytes() == b"something else\n" * 100


def test_a_damaged_spool_is_refused(tmp_path: Path) -> None:
    spool = Spool(tmp_path, LARGE)
    spool.add([b'"row"' * 1000] * 100)
    spool.close()
    file = tmp_path / "spool.sqlite"
    data = file.read_bytes()
    file.write_bytes(data[:4096] + b"\xff" * (len(data) - 4096))
    with pytest.raises(InvalidRequest, match="move it away"):
        Spool(tmp_path, LARGE)


def test_a_foreign_database_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "spool.sqlite") as other:
        other.execute("CREATE TABLE facts (other TEXT)")
    other.close()
    with pytest.raises(InvalidRequest, match="cannot be used as a spool"):
        Spool(tmp_path, LARGE)


@pytest.mark.parametrize("found_by", ["add", "next", "close"])
def test_files_that_are_deleted_in_use_are_made_again(tmp_path: Path, found_by: str) -> None:
    folder = tmp_path / "spool"
    spool = Spool(folder, LARGE)
    spool.add(rows(1, 2), ("file", "7"))
    shutil.rmtree(folder)
    expected = [1, 2]
    match found_by:
        case "add":
            spool.add(rows(3))
            expected.append(3)
        case "next":
            assert numbers(spool.next(9, 10**6)) == expected
    with_lock = found_by != "close"
    if with_lock:
        with pytest.raises(Unavailable):
            Spool(folder, LARGE)
    spool.close()
    assert spool.remade == 1
    again = Spool(folder, LARGE)
    assert numbers(again.next(9, 10**6)) == expected
    assert (again.name, again.position("file")) == (spool.name, "7")
    again.close()


def test_deleted_files_that_another_process_has_made_again_are_left(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    spool = Spool(folder, LARGE)
    spool.add(rows(1))
    shutil.rmtree(folder)
    other = Spool(folder, LARGE)
    other.add(rows(2))
    for _ in range(2):
        with pytest.raises(SpoolWriteError, match="holds another spool now"):
            spool.add(rows(3))
        with pytest.raises(SpoolWriteError, match="holds another spool now"):
            spool.next(9, 10**6)
    assert numbers(other.next(9, 10**6)) == [2]
    spool.close()
    other.close()
    again = Spool(folder, LARGE)
    assert numbers(again.next(9, 10**6)) == [2]
    again.close()


def test_deleted_files_that_cannot_be_made_again(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    spool = Spool(folder, LARGE)
    spool.add(rows(1))
    shutil.rmtree(folder)
    folder.touch()
    with pytest.raises(SpoolWriteError, match="spool was deleted: "):
        spool.add(rows(2))
    folder.unlink()
    spool.add(rows(3))
    assert numbers(spool.next(9, 10**6)) == [1, 3]
    spool.close()


def test_which_receiver_it_is_of(tmp_path: Path) -> None:
    with closing(Spool(tmp_path, LARGE)) as spool:
        assert spool.is_of("https://a/secret")
    with closing(Spool(tmp_path, LARGE)) as spool:
        assert spool.is_of("https://a/secret")
        assert not spool.is_of("https://b/")
        assert spool.is_of("https://b/")
    assert b"secret" not in (tmp_path / "spool.sqlite").read_bytes()


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("/proc/x", "nothing can be made at /proc/x; name another place"),
        ("file/spool", "file is a file; name a folder in place of it"),
        ("/sys/x", "/sys/x"),
    ],
)
def test_folders_that_cannot_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    with pytest.raises(InvalidRequest, match=says) as caught:
        Spool(Path(place), LARGE)
    assert "Errno" not in caught.value.message
