from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest

from lipiyana.errors import NotFound
from lipiyana.rows import Row
from lipiyana.rows.output import OutputError
from lipiyana.rows.text_forms import Csv, JsonLines, RowForm
from lipiyana.rows.text_output import TextFile


@pytest.mark.parametrize(("name", "form"), [("a.jsonl", JsonLines()), ("a.csv", Csv())])
def test_a_file_with_rows_is_not_overwritten_without_resume(
    tmp_path: Path, name: str, form: RowForm
) -> None:
    path = tmp_path / name
    with TextFile(path, form, resume=False) as output:
        output.write(Row("a.jpg", None, NotFound("gone")))
    before = path.read_bytes()
    with pytest.raises(OutputError, match="--resume"):
        TextFile(path, form, resume=False)
    assert path.read_bytes() == before
    with TextFile(path, form, resume=True) as output:
        assert [record.path for record in output.earlier_rows()] == ["a.jpg"]
        output.write(Row("b.jpg", None, NotFound("gone")))
        assert [record.path for record in output.earlier_rows()] == ["a.jpg"]


@pytest.mark.parametrize("content", [b"", *Csv.headers])
def test_a_file_without_rows_may_be_overwritten(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with TextFile(path, Csv(), resume=False):
        pass
    assert path.read_bytes() in {*Csv.headers}


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize("content", [b"my notes", b"my notes\nof today\n", b"x"])
@pytest.mark.parametrize("form", [JsonLines(), Csv()])
def test_a_file_of_another_format_is_never_changed(
    tmp_path: Path, form: RowForm, content: bytes, resume: bool
) -> None:
    path = tmp_path / "notes"
    path.write_bytes(content)
    with pytest.raises(OutputError):
        TextFile(path, form, resume=resume)
    assert path.read_bytes() == content


def test_two_runs_cannot_write_one_file(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with (
        TextFile(path, JsonLines(), resume=True),
        pytest.raises(OutputError, match="another run"),
    ):
        TextFile(path, JsonLines(), resume=True)
    with TextFile(path, JsonLines(), resume=True):
        pass


def test_a_file_that_cannot_be_created_is_reported(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"there is no folder .*missing; create it"):
        TextFile(tmp_path / "missing" / "a.jsonl", JsonLines(), resume=False)


def test_a_full_disk_is_reported_and_the_run_can_be_resumed(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    row = JsonLines().encode("a.jpg", NotFound("gone"))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with TextFile(path, JsonLines(), resume=False) as output:
        output.write(Row("a.jpg", None, NotFound("gone")))
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(row) + 5, limits[1]))
        try:
            with pytest.raises(OSError, match="too large"):
                output.write(Row("b.jpg", None, NotFound("gone")))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.stat().st_size == len(row) + 5
    with TextFile(path, JsonLines(), resume=True) as output:
        assert [record.path for record in output.earlier_rows()] == ["a.jpg"]
    assert path.read_bytes() == row


def test_a_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.jsonl")
    with pytest.raises(OutputError, match="not a regular file"):
        TextFile(tmp_path / "a.jsonl", JsonLines(), resume=False)
