from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lipiyana.events import row_lines
from lipiyana.events.row_lines import Chunk, RowLines


def lines_of(path: Path, position: str = "") -> tuple[list[bytes], str]:
    rows = RowLines(path, position=position)
    try:
        chunks = list(rows.chunks())
    finally:
        rows.close()
    return [line for chunk in chunks for line in chunk.lines], chunks[-1].position if chunks else ""


def next_lines(chunks: Iterator[Chunk]) -> tuple[bytes, ...]:
    return next(chunk.lines for chunk in chunks if chunk.lines)


def test_lines_longer_than_what_is_read_at_once(tmp_path: Path) -> None:
    path = tmp_path / "rows"
    written = [b"x" * length for length in (0, 3, 70_000, 200_000, 1)]
    path.write_bytes(b"\n".join(written) + b"\n\n \n")
    assert lines_of(path)[0] == written[1:]


def test_a_last_line_without_a_newline_is_marked(tmp_path: Path) -> None:
    path = tmp_path / "rows"
    path.write_bytes(b"a\nb")
    rows = RowLines(path)
    assert [(chunk.lines, chunk.unfinished) for chunk in rows.chunks()] == [
        ((b"a",), False),
        ((b"b",), True),
    ]
    rows.close()


def test_a_file_is_read_on_after_a_position(tmp_path: Path) -> None:
    path = tmp_path / "rows"
    path.write_bytes(b"a\n" * 500 + b"b\n")
    first, position = lines_of(path)
    assert len(first) == 501
    assert lines_of(path, position)[0] == []
    with path.open("ab") as file:
        file.write(b"c\n")
    assert lines_of(path, position)[0] == [b"c"]


@pytest.mark.parametrize("other", [b"a\n", b"a\n" * 500 + b"x\nc\n", b""])
def test_another_file_under_the_name_is_read_from_its_start(tmp_path: Path, other: bytes) -> None:
    path = tmp_path / "rows"
    path.write_bytes(b"a\n" * 500 + b"b\n")
    _, position = lines_of(path)
    path.write_bytes(other)
    assert lines_of(path, position)[0] == other.split(b"\n")[:-1]


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_lines, "_POLL", 0.0)


@pytest.mark.usefixtures("no_waiting")
def test_a_file_that_grows_is_followed(tmp_path: Path) -> None:
    path = tmp_path / "rows"
    path.write_bytes(b"a\nb")
    rows = RowLines(path, follow=True)
    chunks = rows.chunks()
    assert next_lines(chunks) == (b"a",)
    assert next(chunks).lines == ()  # the second one is not finished
    with path.open("ab") as file:
        file.write(b"b\nc\n")
    assert next_lines(chunks) == (b"bb", b"c")
    rows.close()
    assert list(chunks) == []


@pytest.mark.usefixtures("no_waiting")
def test_a_file_that_is_rotated_is_read_to_its_end_first(tmp_path: Path) -> None:
    path = tmp_path / "rows"
    path.write_bytes(b"a\n")
    rows = RowLines(path, follow=True)
    chunks = rows.chunks()
    assert next_lines(chunks) == (b"a",)
    with path.open("ab") as file:
        file.write(b"b\n")
    path.rename(tmp_path / "rows.1")
    assert next_lines(chunks) == (b"b",)
    assert next(chunks).lines == ()  # there is no new one yet
    path.write_bytes(b"new\n")
    assert next_lines(chunks) == (b"new",)
    path.write_bytes(b"t\n")  # truncated
    assert next_lines(chunks) == (b"t",)
    rows.close()


@pytest.mark.usefixtures("no_waiting")
def test_the_last_line_of_a_rotated_file_needs_no_newline(tmp_path: Path) -> None:
    path = tmp_path / "rows"
    path.write_bytes(b"a\nb")
    rows = RowLines(path, follow=True)
    chunks = rows.chunks()
    assert next_lines(chunks) == (b"a",)
    path.rename(tmp_path / "rows.1")
    path.write_bytes(b"new\n")
    assert next_lines(chunks) == (b"b",)
    last = next(chunk for chunk in chunks if chunk.lines)
    assert last.lines == (b"new",)
    rows.close()
    assert lines_of(path, last.position)[0] == []


def test_a_line_that_is_too_long_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_lines, "LONGEST_LINE", 100)
    monkeypatch.setattr(row_lines, "_CHUNK", 64)
    path = tmp_path / "rows"
    path.write_bytes(b"a\n" + b"x" * 300 + b"\nb\n" + b"y" * 200)
    rows = RowLines(path)
    chunks = list(rows.chunks())
    rows.close()
    assert [line for chunk in chunks for line in chunk.lines] == [b"a", b"b"]
    assert sum(chunk.too_long for chunk in chunks) == 2
    long = next(chunk for chunk in chunks if chunk.too_long)
    assert lines_of(path, long.position)[0] == [b"b"]
