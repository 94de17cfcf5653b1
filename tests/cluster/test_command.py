"""`lipiyana read --engine ray` from the user's view, with the real models."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pyarrow.dataset as ds
import pytest
from s3_store import need_cluster
from typer.testing import CliRunner, Result

need_cluster()

from lipiyana.cli.exit_codes import TERMINATED
from lipiyana.cli.main import app
from lipiyana.cli.signals import Terminated
from lipiyana.cluster import engine
from lipiyana.errors import InvalidRequest, Unavailable
from lipiyana.pipeline import LocalRecognizer
from lipiyana.rows.columns import recognition_of
from lipiyana.types import Recognition, RecognitionConfig

PICTURES = Path(__file__).parents[2] / "samples" / "plates"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["read", *arguments])


def without_timings(found: Recognition) -> dict[str, object]:
    return found.to_dict() | {"timings": None}


@pytest.mark.usefixtures("ray_of_two")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_rows_are_those_of_a_local_recognizer(here: Path) -> None:
    (here / "photos").symlink_to(PICTURES)
    (here / "broken.jpg").write_text("no picture")
    (here / "list.csv").write_text("path\nbroken.jpg\nabsent.jpg\n")
    command = ("photos/", "list.csv", "--layout", "plate", "--engine", "ray", "-o", "rows")
    result = invoke(*command)
    count = len(list(PICTURES.iterdir()))
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"{count} read, 2 failed, " in result.stderr
    table = ds.dataset("rows").to_table()
    config, recognizer = RecognitionConfig(layout="plate"), LocalRecognizer(threads=1)
    assert {row["path"]: row["error_code"] for row in table.to_pylist() if row["error_code"]} == {
        "broken.jpg": "INVALID_ARGUMENT",
        "absent.jpg": "NOT_FOUND",
    }
    read = {row["path"]: row for row in table.to_pylist() if row["error_code"] is None}
    assert len(read) == count
    for path, row in read.items():
        found = recognition_of(row)
        assert found is not None
        assert without_timings(found) == without_timings(recognizer.recognize(path, config))
    assert table.schema.metadata[b"lipiyana.pipeline"]

    assert "rows has rows already: continue it with --resume" in invoke(*command).stderr
    again = invoke(*command, "--resume")
    assert again.exit_code == 1
    assert f"0 read, 0 failed, {count + 2} skipped, already in rows (2 of them" in again.stderr


@pytest.mark.usefixtures("ray_of_two")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_signal_that_a_callback_lost_stops_the_run(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def lost() -> Iterator[Callable[[], None]]:
        def check() -> None:
            raise Terminated

        yield check

    (here / "photos").symlink_to(PICTURES)
    command = ("photos/", "--layout", "plate", "--engine", "ray", "-o", "rows")
    with monkeypatch.context() as patch:
        patch.setattr("lipiyana.cli.read.cluster.terminable", lost)
        result = invoke(*command)
    assert result.exit_code == TERMINATED
    assert "--resume" in result.stderr
    assert invoke(*command, "--resume").exit_code == 0
    assert sorted(ds.dataset("rows").to_table()["path"].to_pylist()) == sorted(
        f"photos/{path.name}" for path in PICTURES.iterdir()
    )


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("a.jpg", "--engine", "ray"), "with --engine ray, name a folder for the rows"),
        (("a.jpg", "--engine", "ray", "-o", "rows.parquet"), "is the name of a file"),
        (("a.jpg", "--engine", "ray", "-o", "rows", "--server", "a:1"), "--engine ray"),
        (("a.jpg", "--engine", "ray", "-o", "rows", "--no-bom"), "--engine ray"),
        (("a.jpg", "--engine", "ray", "-o", "rows", "--keep-unsure", "k"), "--engine ray"),
        (("a.jpg", "--engine", "spark"), "spark is not one of local, ray"),
        (("a.jpg", "--ray-address", "a:1"), "is for --engine ray"),
        (("s3://a/b",), "s3://a/b is an address in a store; --engine ray --output DIR"),
        (("list.csv",), "list.csv is a table, not a picture; --engine ray --output DIR"),
        (("", "--engine", "ray", "-o", "rows"), "an empty name"),
    ],
)
def test_options_that_do_not_go_together(here: Path, arguments: tuple[str, ...], why: str) -> None:
    (here / "list.csv").write_text("path\na.jpg\n")
    result = invoke(*arguments)
    assert result.exit_code == 2
    assert why in " ".join(result.stderr.replace("│", " ").split())


@pytest.mark.parametrize(
    ("inputs", "why"),
    [
        (("absent.csv",), "error: there is no file absent.csv"),
        (("other.csv",), "error: other.csv is no table of paths: it has no column 'path'"),
        (("empty.csv",), "error: no picture found in empty.csv"),
        (("empty",), "error: no picture found in empty"),
    ],
)
def test_inputs_without_a_picture(here: Path, inputs: tuple[str, ...], why: str) -> None:
    (here / "empty").mkdir()
    (here / "empty.csv").write_text("path\n")
    (here / "other.csv").write_text("name\na.jpg\n")
    result = invoke(*inputs, "--engine", "ray", "-o", "rows")
    assert result.exit_code == 2
    assert result.stderr.startswith(why)
    assert not (here / "rows").exists()


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lipiyana", "read", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_cluster_that_does_not_answer(here: Path) -> None:
    (here / "a.jpg").touch()
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # and does not listen
        address = f"127.0.0.1:{closed.getsockname()[1]}"
        done = run("a.jpg", "--engine", "ray", "-o", "rows", "--ray-address", address)
    assert done.returncode == 1
    assert f"no Ray cluster answers at {address}" in done.stderr
    assert "--resume to continue" in done.stderr


def test_a_server_of_something_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_CONNECT_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(Unavailable, match=f"{address}: what listens there is not Ray"):
            engine._connect(address)


def test_a_cluster_that_wants_a_token(tmp_path: Path) -> None:
    log = tmp_path / "ray.log"
    log.write_text(
        "Unauthenticated: RPC error: InvalidAuthToken: Authentication token is missing\n"
    )
    assert "set RAY_AUTH_MODE=token" in engine._advice(log)
    log.write_text("Timed out\n")
    assert engine._advice(log) == ""


@pytest.mark.parametrize("address", ["ray://localhost:10001", "localhost", "a:b"])
def test_an_address_that_is_none(address: str) -> None:
    with pytest.raises(InvalidRequest, match="is not HOST:PORT"):
        engine._connect(address)


def test_names_that_are_not_utf8(here: Path) -> None:
    names = [os.fsdecode(b"photo\xe9.jpg"), "gone.jpg"]
    (here / names[0]).write_text("no picture")
    # Ray reads the arguments of the process
    options = ["--engine", "ray", "--workers", "1", "-o", "rows"]
    command = [sys.executable, "-m", "lipiyana", "read", *options, *names]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "0 read, 2 failed, " in done.stderr
    paths = ds.dataset("rows").to_table(columns=["path"])["path"].to_pylist()
    assert sorted(paths) == ["gone.jpg", "photo%E9.jpg"]


def test_a_folder_whose_name_is_not_utf8(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = here / os.fsdecode(b"folder\xe9")
    folder.mkdir()
    monkeypatch.chdir(folder)
    with pytest.raises(InvalidRequest, match="run it in another folder"):
        engine._start(1)


def test_lines_of_ray_go_to_a_file_and_messages_to_the_terminal() -> None:
    program = (
        "import os, sys\n"
        "from lipiyana.cluster.engine import _lines_in_a_file\n"
        "before = sys.stderr\n"
        "with _lines_in_a_file() as log:\n"
        "    os.write(2, b'from C++ ')\n"
        "    print('from Python', file=before, flush=True)\n"
        "    print('of a worker', flush=True)\n"
        "    print('a message', file=sys.stderr)\n"
        "    lines = log.read_text()\n"
        "assert not log.exists()\n"
        "print(lines)\n"
        "print('after', file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stderr == "a message\nafter\n"
    assert sorted(done.stdout.split("\n")) == ["", "", "from C++ from Python", "of a worker"]


def test_advice_where_there_is_little_shared_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine.shutil, "disk_usage", lambda path: SimpleNamespace(free=64 << 20))
    assert "--shm-size=512m" in engine.little_shared_memory()
    monkeypatch.setattr(engine.shutil, "disk_usage", lambda path: SimpleNamespace(free=1 << 30))
    assert engine.little_shared_memory() == ""
