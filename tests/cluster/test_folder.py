"""The folder of a run, on disk and in a store: only what is published counts."""

from __future__ import annotations

import pickle
from contextlib import ExitStack
from pathlib import Path

import pytest
from s3_store import Store

from lipiyana.cluster.folder import Folder, LocalFolder, TakenError, folder_at


@pytest.fixture(params=["disk", "store"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Folder:
    if request.param == "disk":
        return folder_at(str(tmp_path / "a" / "rows"))
    request.getfixturevalue("store")
    return folder_at("s3://pictures/a/rows/")


def test_a_staged_file_counts_once_it_is_published(folder: Folder) -> None:
    with ExitStack() as held:
        folder.take("run", held)
        assert folder.is_taken_by("run")
        pickle.loads(pickle.dumps(folder)).stage("run", "b.parquet", b"rows")
        folder.stage("run", "a.parquet", b"more rows")
        assert folder.names() == []
        folder.publish("run", "b.parquet")
        assert folder.names() == ["b.parquet"]
        with folder.open("b.parquet") as file:
            assert file.read() == b"rows"
    assert folder.names() == ["b.parquet"]


def test_what_was_staged_by_a_run_that_died_never_counts(folder: Folder) -> None:
    if isinstance(folder, LocalFolder):
        (folder.path / "_lipiyana" / "staged" / "first").mkdir(parents=True)
    folder.stage("first", "a.parquet", b"rows")
    with ExitStack() as held:
        folder.take("second", held)
        assert not folder.is_taken_by("first")
        with pytest.raises(FileNotFoundError):
            folder.publish("second", "a.parquet")
        assert folder.names() == []


def test_attempts_at_a_batch_are_counted(folder: Folder) -> None:
    with ExitStack() as held:
        folder.take("run", held)
        assert [folder.begin("run", 7) for _ in range(3)] == [0, 1, 2]
        assert folder.begin("run", 8) == 0


def test_two_runs_on_a_disk(tmp_path: Path) -> None:
    folder = folder_at(str(tmp_path))
    with ExitStack() as held:
        folder.take("first", held)
        with ExitStack() as other, pytest.raises(TakenError, match="another run is writing to"):
            folder.take("second", other)
        assert folder.is_taken_by("first")
    with ExitStack() as held:
        folder.take("second", held)


def test_of_two_runs_on_a_store_the_later_one_goes_on(store: Store) -> None:
    folder = folder_at("s3://pictures/rows")
    with ExitStack() as first, ExitStack() as second:
        folder.take("first", first)
        folder.stage("first", "a.parquet", b"rows")
        folder.take("second", second)
        folder.stage("second", "b.parquet", b"rows")
        with pytest.raises(TakenError, match="another run has taken over s3://pictures/rows"):
            folder.publish("first", "a.parquet")
        folder.publish("second", "b.parquet")
    assert folder.names() == ["b.parquet"]


def test_files_that_are_hidden_from_readers_are_no_rows(tmp_path: Path) -> None:
    for name in ("_a.parquet", ".b.parquet", "c.parquet", "d.txt"):
        (tmp_path / name).touch()
    assert folder_at(str(tmp_path)).names() == ["c.parquet"]
