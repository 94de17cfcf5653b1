"""A worker, in this process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from cluster_fakes import FaultyRecognizer

from lipiyana.cluster.folder import folder_at
from lipiyana.cluster.inputs import Picture
from lipiyana.cluster.worker import ATTEMPTS, Job, Staged, Worker, batch_table, staged_of
from lipiyana.errors import InternalError, InvalidRequest, NotFound, Unavailable
from lipiyana.rows.reader import RowReader


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Job]:
    folder = folder_at(str(tmp_path / "rows"))
    with ExitStack() as held:
        folder.take("run", held)
        yield Job(RowReader(recognizer=FaultyRecognizer()), folder, "run", base=str(tmp_path))


def read(job: Job, *pictures: Picture) -> Staged:
    (staged,) = staged_of(Worker(job)(batch_table(3, pictures)))
    return staged


def rows_of(job: Job, staged: Staged) -> list[dict[str, object]]:
    job.folder.publish(job.run, staged.name)
    with job.folder.open(staged.name) as file:
        return pq.read_table(file).select(["path", "error_code"]).to_pylist()


def test_a_row_for_each_picture(job: Job, tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9 100%25.jpg")
    (tmp_path / name).write_text("a")
    (tmp_path / "bad.jpg").write_text("bad")
    unlisted = NotFound("there is no file c.jpg")
    pictures = [Picture(name), Picture("bad.jpg"), Picture("b.jpg"), Picture("c.jpg", unlisted)]
    staged = read(job, *pictures)
    assert (staged.batch, staged.rows, staged.failed, staged.empty) == (3, 4, 3, 0)
    assert rows_of(job, staged) == [
        {"path": "caf%E9 100%2525.jpg", "error_code": None},
        {"path": "bad.jpg", "error_code": "INVALID_ARGUMENT"},
        {"path": "b.jpg", "error_code": "NOT_FOUND"},
        {"path": "c.jpg", "error_code": "NOT_FOUND"},
    ]


def test_messages_name_a_picture_as_a_run_without_ray_does(job: Job) -> None:
    missing = "a/./b.jpg"
    job.folder.publish(job.run, name := read(job, Picture(missing)).name)
    with job.folder.open(name) as file:
        message = pq.read_table(file)["error_message"][0].as_py()
    (row,) = RowReader(recognizer=FaultyRecognizer()).read_paths([missing])
    assert message == "there is no file a/./b.jpg"
    assert row.error is not None
    assert row.error.message == message


def test_an_error_that_all_pictures_would_meet_ends_the_batch(job: Job, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_text("down")
    staged = read(job, Picture("a.jpg"))
    assert isinstance(staged.error, Unavailable)
    assert not staged.name


def test_a_batch_that_was_begun_too_often_is_given_up(job: Job, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_text("a")
    attempts = [read(job, Picture("a.jpg")) for _ in range(ATTEMPTS + 1)]
    assert [one.lost for one in attempts] == [False] * ATTEMPTS + [True]
    # bisection goes on with it
    assert not Worker(job).read(batch_table(3, [Picture("a.jpg")])).lost


def test_a_worker_with_another_disk_stops_the_run(job: Job, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_text("a")
    elsewhere = Job(job.reader, job.folder, "other", base=str(tmp_path))
    assert isinstance(read(elsewhere, Picture("a.jpg")).error, InternalError)
    staged = Worker(elsewhere).read(batch_table(0, [Picture("a.jpg")]))
    assert isinstance(staged.error, InvalidRequest)
    assert "does not see the folder of --output" in staged.error.message
    unseen = Job(job.reader, job.folder, "run", base=str(tmp_path), witness="b.jpg")
    error = Worker(unseen).read(batch_table(0, [Picture("a.jpg")])).error
    assert isinstance(error, InvalidRequest)
    assert "does not see the files" in error.message


def test_a_folder_that_cannot_be_written_to_stops_the_run(job: Job, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_text("a")
    worker = Worker(job)
    assert worker.read(batch_table(0, [Picture("a.jpg")])).error is None
    staged = tmp_path / "rows" / "_lipiyana" / "staged"
    staged.rename(tmp_path / "gone")
    error = worker.read(batch_table(0, [Picture("a.jpg")])).error
    assert isinstance(error, InternalError)
    assert error.message == "--output cannot be written: No such file or directory"


def test_a_bug_is_no_death(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RowReader, "read", lambda *arguments: 1 / 0)
    error = read(job, Picture("a.jpg")).error
    assert isinstance(error, InternalError)
    assert error.message == "ZeroDivisionError: division by zero"
