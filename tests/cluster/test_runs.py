"""Runs on a Ray of two workers: each picture has one row, whatever dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow.dataset as ds
import pytest
from cluster_fakes import FaultyRecognizer
from s3_store import Store, need_cluster

need_cluster()

from lipiyana.cluster import bisection
from lipiyana.cluster.engine import connected
from lipiyana.cluster.inputs import Picture, pictures_of_store
from lipiyana.cluster.output import OutputFolder
from lipiyana.cluster.run import Counts, read_on_ray
from lipiyana.conversions.visible_text import printable
from lipiyana.errors import InternalError, NotFound, Unavailable
from lipiyana.rows.reader import RowReader

pytestmark = [
    pytest.mark.usefixtures("ray_of_two"),
    # Ray warns of its own settings when it reads them
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

READER = RowReader(recognizer=FaultyRecognizer())


def read(address: str, *pictures: Picture, resume: bool = False) -> Counts:
    counts = Counts()
    with (
        OutputFolder(address, os.urandom(6).hex(), READER.provenance, resume=resume) as output,
        connected(None, 2) as actors,
    ):
        read_on_ray(output.new(pictures), READER, output, actors, counts, lambda *_: None)
    return counts


def rows(folder: Path) -> dict[str, str | None]:
    """The error codes by path, of a folder in which no path is twice."""
    found = ds.dataset(folder).to_table(columns=["path", "error_code"]).to_pylist()
    codes = {row["path"]: row["error_code"] for row in found}
    assert len(codes) == len(found)
    return codes


def write(folder: Path, **texts: str) -> list[Picture]:
    for name, text in texts.items():
        (folder / name).write_text(text)
    return [Picture(str(folder / name)) for name in texts]


def test_a_picture_that_kills_workers_is_found_among_others(tmp_path: Path) -> None:
    pictures = write(tmp_path, **{f"good{number}": "a" for number in range(14)})
    pictures[3:3] = write(tmp_path, killer="kill", bad="bad", once=f"kill once {tmp_path / 'died'}")
    name = str(tmp_path / os.fsdecode(b"caf\xe9"))
    Path(name).write_text("a")
    unlisted = Picture(str(tmp_path / "closed"), NotFound("there is no such folder"))
    pictures += [Picture(name), unlisted, pictures[0], pictures[3]]
    counts = read(str(tmp_path / "rows"), *pictures)
    found = rows(tmp_path / "rows")
    failed = {"killer": "INTERNAL", "bad": "INVALID_ARGUMENT", "closed": "NOT_FOUND"}
    assert found == {
        printable(picture.path): failed.get(Path(picture.path).name) for picture in pictures
    }
    assert (counts.rows, counts.failed) == (19, 3)
    assert (tmp_path / "died").exists()


def test_a_run_that_stopped_goes_on_where_it_was(tmp_path: Path) -> None:
    pictures = write(tmp_path, a="a", b="b", c="down", d="d")
    with pytest.raises(Unavailable):
        read(str(tmp_path / "rows"), *pictures)
    before = rows(tmp_path / "rows") if list((tmp_path / "rows").glob("*.parquet")) else {}
    (tmp_path / "c").write_text("up again")
    counts = read(str(tmp_path / "rows"), *pictures, resume=True)
    assert rows(tmp_path / "rows") == {picture.path: None for picture in pictures}
    assert counts.rows == len(pictures) - len(before)


def test_workers_that_always_die_end_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bisection, "MOST_DEATHS", 1)
    with pytest.raises(InternalError, match="1 workers died and none read anything"):
        read(str(tmp_path / "rows"), *write(tmp_path, a="kill"))


def test_from_a_store_to_a_store(store: Store, tmp_path: Path) -> None:
    for key in ("in/a.jpg", "in/b.jpg"):
        store.put(f"s3://pictures/{key}", b"a")
    pictures = list(pictures_of_store("s3://pictures/in", (".jpg",)))
    gone = Picture("s3://pictures/in/gone.jpg")
    read("s3://pictures/out", *pictures, gone)
    names = store.client.list_objects_v2(Bucket="pictures", Prefix="out/")["Contents"]
    for one in names:
        name = tmp_path / Path(one["Key"]).name
        store.client.download_file("pictures", one["Key"], str(name))
    assert rows_of_files(tmp_path) == {
        "s3://pictures/in/a.jpg": None,
        "s3://pictures/in/b.jpg": None,
        "s3://pictures/in/gone.jpg": "NOT_FOUND",
    }


def rows_of_files(folder: Path) -> dict[str, str | None]:
    (folder / "lock").unlink()
    return rows(folder)


KILLED = """
import sys
from cluster_fakes import FaultyRecognizer
from lipiyana.cluster.engine import connected
from lipiyana.cluster.inputs import Picture
from lipiyana.cluster.output import OutputFolder
from lipiyana.cluster.run import Counts, read_on_ray
from lipiyana.rows.reader import RowReader

say, address, *paths = sys.argv[1:]
reader = RowReader(recognizer=FaultyRecognizer())
with OutputFolder(address, "killed", reader.provenance, resume=False) as output, connected(None, 2):
    tell = open(int(say), "w", buffering=1)
    on_rows = lambda *_: print("row", file=tell)
    read_on_ray(map(Picture, paths), reader, output, 2, Counts(), on_rows)
"""


def test_a_driver_that_is_killed_leaves_rows_that_count(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "never")
    pictures = write(tmp_path, a="a", b="b", c="c", d=f"wait {tmp_path / 'never'}")
    listen, say = os.pipe()
    rows_folder = str(tmp_path / "rows")
    driver = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(say), rows_folder, *(one.path for one in pictures)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        pass_fds=(say,),
    )
    os.close(say)
    with os.fdopen(listen) as said:
        assert said.readline() == "row\n"
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    before = len(rows(tmp_path / "rows"))
    assert 1 <= before <= 3
    (tmp_path / "d").write_text("d")
    counts = read(str(tmp_path / "rows"), *pictures, resume=True)
    assert counts.rows == 4 - before
    assert rows(tmp_path / "rows") == {picture.path: None for picture in pictures}
