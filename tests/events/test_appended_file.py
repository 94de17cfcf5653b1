from __future__ import annotations

import os
from pathlib import Path

import pytest

from lipiyana.events.appended_file import AppendedFile
from lipiyana.events.sinks.line_output import LineOutput
from lipiyana.watch.output import JsonLines


def test_a_file_that_is_renamed_or_removed_is_made_again_and_told_once(tmp_path: Path) -> None:
    path, said = tmp_path / "rows.jsonl", list[str]()
    file = AppendedFile(path, report=said.append)
    file.write(b"{1}\n")
    path.rename(tmp_path / "rows.1")
    file.write(b"{2}\n")
    path.unlink()
    file.write(b"{3}\n")
    path.rename(tmp_path / "rows.3")
    path.write_bytes(b"{}\n")  # by who rotates it
    file.write(b"{4}\n")
    file.close()
    assert (tmp_path / "rows.1").read_bytes() == b"{1}\n"
    assert (tmp_path / "rows.3").read_bytes() == b"{3}\n"
    assert path.read_bytes() == b"{}\n{4}\n"
    assert said == [f"{path} was removed or renamed; rows go to a new file there"]


def test_rows_and_events_are_written_through_it(tmp_path: Path) -> None:
    for number, kind in enumerate((JsonLines, LineOutput)):
        path = tmp_path / str(number)
        sink = kind(path)
        sink.write({"n": 1})
        path.unlink()
        sink.write({"n": 2})
        sink.close()
        assert path.read_bytes().replace(b" ", b"") == b'{"n":2}\n'


@pytest.mark.parametrize(
    ("left", "kept", "removed"),
    [(b'{"n":2}', b'{"n":2}\n', 0), (b'{"n":2', b"", 6), (b"12", b"", 2), (b'{"n":NaN}', b"", 9)],
)
def test_a_last_line_without_newline_is_kept_if_it_is_whole(
    left: bytes, kept: bytes, removed: int, tmp_path: Path
) -> None:
    path, said = tmp_path / "rows.jsonl", list[str]()
    path.write_bytes(b'{"n":1}\n' + left)
    file = AppendedFile(path, report=said.append)
    file.write(b"{}\n")
    file.close()
    assert path.read_bytes() == b'{"n":1}\n' + kept + b"{}\n"
    assert [one.split()[0] for one in said] == ([str(removed)] if removed else [])


def test_a_pipe_takes_rows(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    file = AppendedFile(path)
    file.write(b"{}\n")
    file.close()
    assert os.read(reader, 9) == b"{}\n"
    os.close(reader)
