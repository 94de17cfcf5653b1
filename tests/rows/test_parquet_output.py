"""A Parquet file of rows: what it has, and when it is refused. Kills: test_parquet_kills.py."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cli_fake import FakeRecognizer

from lipiyana.errors import InvalidImage, Unavailable
from lipiyana.rows import Row, parquet_output
from lipiyana.rows.columns import recognition_of
from lipiyana.rows.output import OutputError
from lipiyana.rows.parquet_output import ParquetOutput
from lipiyana.rows.provenance import Provenance

ORIGIN = Provenance("0.1", "12", {"reader": "a" * 64}, {"layout": "scene"})
RECOGNITION = FakeRecognizer().recognize("नाम".encode())


def row(number: int) -> Row:
    outcome = InvalidImage("cut off") if number % 4 == 3 else RECOGNITION
    return Row(f"{number}.jpg", f"{number:064x}", outcome)


def opened(path: Path, *, resume: bool = False, origin: Provenance = ORIGIN) -> ParquetOutput:
    return ParquetOutput(path, origin, resume=resume, rows_per_part=2)


def write(path: Path, numbers: range, *, resume: bool = False) -> None:
    with opened(path, resume=resume) as output:
        for number in numbers:
            output.write(row(number))


def paths(path: Path) -> list[str]:
    found: list[str] = pq.read_table(path)["path"].to_pylist()
    return found


def names(numbers: range) -> list[str]:
    return [f"{number}.jpg" for number in numbers]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "out.parquet"


@pytest.fixture
def groups_of_three(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_output, "ROWS_PER_GROUP", 3)


def test_rows_come_back_as_they_were(path: Path) -> None:
    write(path, range(5))
    table = pq.read_table(path)
    assert [one["path"] for one in table.to_pylist()] == names(range(5))
    for number, columns in enumerate(table.to_pylist()):
        expected = row(number)
        assert columns["sha256"] == expected.sha256
        if expected.error is None:
            assert recognition_of(columns) == expected.outcome
        else:
            assert (columns["error_code"], columns["vehicles"]) == ("INVALID_ARGUMENT", None)
    assert Provenance.from_metadata(pq.read_schema(path).metadata) == ORIGIN
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("first", range(9))
def test_a_continued_file_is_that_of_an_uninterrupted_run(
    path: Path, groups_of_three: None, first: int
) -> None:
    write(path, range(8))
    whole = path.read_bytes()
    path.unlink()
    write(path, range(first))
    assert paths(path) == names(range(first))
    with opened(path, resume=True) as output:
        earlier = list(output.earlier_rows())
        assert [one.path for one in earlier] == names(range(first))
        assert [bool(one.error_code) for one in earlier] == [n % 4 == 3 for n in range(first)]
        for number in range(first, 8):
            output.write(row(number))
    assert path.read_bytes() == whole
    groups = pq.ParquetFile(path).metadata
    assert [groups.row_group(i).num_rows for i in range(groups.num_row_groups)] == [3, 3, 2]


def test_a_file_to_which_nothing_is_added_is_not_written_again(path: Path) -> None:
    write(path, range(3))
    before = path.stat()
    write(path, range(0), resume=True)
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_run_without_rows_makes_a_file_without_rows(path: Path) -> None:
    write(path, range(0))
    assert paths(path) == []
    write(path, range(2))  # there is nothing to lose
    assert paths(path) == names(range(2))


def test_rows_are_on_the_disk_after_some_time(path: Path) -> None:
    clock = [0.0]
    with ParquetOutput(
        path, ORIGIN, resume=False, seconds_per_part=30, now=lambda: clock[0]
    ) as output:
        parts = path.with_name(".out.parquet.parts")
        output.write(row(0))
        clock[0] = 29.0
        output.write(row(1))
        assert not list(parts.glob("*.parquet"))
        clock[0] = 30.0
        output.write(row(2))
        (part,) = parts.glob("*.parquet")
        assert paths(part) == names(range(3))
        clock[0] = 59.0
        output.write(row(3))
        assert list(parts.glob("*.parquet")) == [part]


def test_a_file_with_rows_is_not_overwritten_without_resume(path: Path) -> None:
    write(path, range(3))
    before = path.read_bytes()
    with pytest.raises(OutputError, match="has rows already: continue it with --resume"):
        opened(path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_rows_of_a_killed_run_are_not_lost_without_resume(path: Path) -> None:
    killed = opened(path)
    for number in range(5):
        killed.write(row(number))
    os.close(killed._folder._lock)  # type: ignore[arg-type] # as the end of a process does
    with pytest.raises(OutputError, match="has rows already: continue it with --resume"):
        opened(path)
    assert not path.exists()
    write(path, range(4, 6), resume=True)
    assert paths(path) == names(range(6))


def test_two_runs_cannot_write_one_file(path: Path) -> None:
    with opened(path) as output:
        output.write(row(0))
        for resume in (False, True):
            with pytest.raises(OutputError, match="another run is writing to"):
                opened(path, resume=resume)
        output.write(row(1))
    assert paths(path) == names(range(2))
    write(path, range(2, 3), resume=True)


def other_table(path: Path) -> None:
    pq.write_table(pa.table({"path": ["a.jpg"]}), path)


def other_columns(path: Path) -> None:
    table = pa.table({"path": ["a.jpg"]})
    pq.write_table(table.replace_schema_metadata(ORIGIN.metadata()), path)


def empty_of_another(path: Path) -> None:
    pq.write_table(pa.table({"path": pa.array([], pa.string())}), path)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: path.write_bytes(b"my notes"), "it is no Parquet file"),
        (lambda path: path.write_bytes(b"PAR1"), "it is no Parquet file"),
        (other_table, "not that of rows of lipiyana"),
        (other_columns, "its columns are not those of rows of lipiyana"),
        (empty_of_another, "not that of rows of lipiyana"),
    ],
)
def test_a_file_of_another_kind_is_never_changed(path: Path, make, says: str) -> None:  # type: ignore[no-untyped-def]
    make(path)
    before = path.read_bytes()
    with pytest.raises(OutputError, match=says):
        opened(path, resume=True)
    with pytest.raises(OutputError, match="name another file"):
        opened(path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_damaged_file_is_reported_and_not_changed(path: Path) -> None:
    write(path, range(5))
    whole = path.read_bytes()
    refused = 0
    for position in range(len(whole) - 4000, len(whole), 97):
        damaged = bytearray(whole)
        damaged[position] ^= 0xFF
        path.write_bytes(damaged)
        try:
            output = opened(path, resume=True)
        except OutputError as error:
            refused += "cannot continue" in str(error)
        else:  # what is damaged says nothing of the rows
            output._folder.close()
        assert path.read_bytes() == damaged
        assert list(path.parent.iterdir()) == [path]
    assert refused > 10


@pytest.mark.parametrize("content", [b"", b"PAR1", b"notes"])
def test_a_damaged_part_is_reported(path: Path, content: bytes) -> None:
    killed = opened(path)
    for number in range(4):
        killed.write(row(number))
    os.close(killed._folder._lock)  # type: ignore[arg-type]
    parts = sorted(path.with_name(".out.parquet.parts").glob("*.parquet"))
    parts[-1].write_bytes(content)
    with pytest.raises(OutputError, match=r"a file in .*\.out\.parquet\.parts is damaged"):
        opened(path, resume=True)
    parts[-1].unlink()
    write(path, range(2, 4), resume=True)
    assert paths(path) == names(range(4))


@pytest.mark.parametrize(
    ("origin", "says"),
    [
        (Provenance("0.1", "12", ORIGIN.models, {"layout": "line"}), "with --layout scene, not"),
        (Provenance("0.1", "12", {"reader": "b" * 64}, ORIGIN.options), "by other models"),
        (Provenance("0.1", "13", ORIGIN.models, ORIGIN.options), "version 12 of the pipeline"),
        (Provenance("0.2", "12", ORIGIN.models, ORIGIN.options), "by lipiyana 0.1, not 0.2"),
    ],
)
@pytest.mark.parametrize("killed", [False, True])
def test_rows_that_mean_something_else_are_not_mixed(
    path: Path, origin: Provenance, says: str, killed: bool
) -> None:
    output = opened(path)
    output.write(row(0))
    output.write(row(1))
    if killed:
        os.close(output._folder._lock)  # type: ignore[arg-type]
    else:
        output.__exit__(None, None, None)
    with pytest.raises(OutputError, match=says) as caught:
        opened(path, resume=True, origin=origin)
    assert "name another file" in str(caught.value)
    write(path, range(2, 3), resume=True)
    assert paths(path) == names(range(3))


def test_a_row_that_stopped_the_run_is_read_again(path: Path) -> None:
    stopped = Row("2.jpg", None, Unavailable("no server answers"))
    for killed in (False, True):
        output = opened(path, resume=True)
        for number in range(0 if not killed else 4, 2):
            output.write(row(number))
        output.write(stopped)
        if killed:
            output._finish_part()
            os.close(output._folder._lock)  # type: ignore[arg-type]
        else:
            output.__exit__(None, None, None)
            assert paths(path) == names(range(3))
    with opened(path, resume=True) as output:
        assert [one.path for one in output.earlier_rows()] == names(range(2))
        output.write(row(2))
    assert pq.read_table(path)["error_code"].to_pylist() == [None] * 3
    assert paths(path) == names(range(3))


def test_a_row_that_stopped_the_run_goes_if_its_picture_is_gone(path: Path) -> None:
    with opened(path) as output:
        output.write(row(0))
        output.write(Row("1.jpg", None, Unavailable("no server answers")))
    write(path, range(0), resume=True)
    assert paths(path) == names(range(1))


def test_missing_rows_are_reported(path: Path) -> None:
    write(path, range(4))
    killed = opened(path, resume=True)
    killed.write(row(4))
    killed.write(row(5))
    os.close(killed._folder._lock)  # type: ignore[arg-type]
    path.unlink()
    with pytest.raises(OutputError, match="its rows 0 to 3 are gone"):
        opened(path, resume=True)


def test_a_link_is_followed(path: Path) -> None:
    (path.parent / "other").mkdir()
    path.symlink_to(path.parent / "other" / "rows.parquet")
    write(path, range(3))
    assert path.is_symlink()
    assert paths(path.parent / "other" / "rows.parquet") == names(range(3))


def test_places_where_no_file_can_be(path: Path) -> None:
    with pytest.raises(OutputError, match=r"there is no folder .*missing; create it"):
        opened(path.parent / "missing" / "a.parquet")
    os.mkfifo(path)
    with pytest.raises(OutputError, match="not a regular file"):
        opened(path)


@pytest.fixture
def small_files() -> Iterator[None]:
    """Let no file have more than 100,000 bytes, as on a disk that is nearly full."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def write_and(last: Row, path: Path) -> None:
    with opened(path) as output:
        for number in range(3):
            output.write(row(number))
        output.write(last)


def test_a_full_disk_loses_no_finished_part(path: Path, small_files: None) -> None:
    long = Row("long", None, InvalidImage(os.urandom(200_000).hex()))
    with pytest.raises(OSError, match="too large"):
        write_and(long, path)
    assert not path.exists()
    with opened(path, resume=True) as output:
        assert [one.path for one in output.earlier_rows()] == names(range(2))
        output.write(row(2))
    assert paths(path) == names(range(3))


def test_a_disk_that_is_full_at_the_end_loses_nothing(
    path: Path, groups_of_three: None, small_files: None, capfd: pytest.CaptureFixture[str]
) -> None:
    long = Row("long", None, InvalidImage(os.urandom(20_000).hex()))
    with pytest.raises(OSError, match="too large"):
        write_all([long] * 8, path)
    assert capfd.readouterr().err == ""
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    write(path, range(0), resume=True)
    assert set(paths(path)) == {"long"}


def write_all(rows: list[Row], path: Path) -> None:
    with opened(path) as output:
        for one in rows:
            output.write(one)
