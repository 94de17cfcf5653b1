"""`lipiyana read` as a process: its pipes, a full disk, signals."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

MAIN = [sys.executable, "-c", "from lipiyana.cli.main import main; main()"]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_closed_output_pipe_is_not_an_error(here: Path) -> None:
    for number in range(50):
        (here / f"{number}.jpg").write_text("no picture")
    with subprocess.Popen([*MAIN, "read", "."], stdout=-1, stderr=-1) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
        assert process.wait(60) == 1
    assert said == b""


def test_a_full_disk_is_reported(here: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    with Path("/dev/full").open("wb") as full:
        result = subprocess.run(
            [*MAIN, "read", "missing.jpg"], stdout=full, stderr=-1, check=False, timeout=60
        )
    assert result.returncode == 1
    assert result.stderr.count(b"\n") == 1
    assert b"cannot write to standard output" in result.stderr


SLOW = """
import signal, threading
from lipiyana.cli import recognizers
from lipiyana.cli.main import main
from lipiyana.rows.parquet_output import ParquetOutput
from lipiyana.types import Recognition

class Slow:
    def recognize(self, data, config):
        if data == b"slow":
            threading.Event().wait()
        return Recognition(1, 1)
    def close(self):
        pass

recognizers.in_process = lambda *_, **__: recognizers.Chosen(Slow(), 1)
ParquetOutput.__init__.__kwdefaults__["rows_per_part"] = 2
# a test runner in the background may ignore SIGINT, and child processes inherit that
signal.signal(signal.SIGINT, signal.default_int_handler)
main()
"""


@pytest.mark.parametrize(
    ("kill", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)]
)
def test_finished_rows_survive_an_interruption(here: Path, kill: signal.Signals, code: int) -> None:
    for name in ("a.jpg", "b.jpg"):
        (here / name).write_text("quick")
    (here / "c.jpg").write_text("slow")
    command = ["read", ".", "--output", "out.jsonl"]
    with subprocess.Popen([sys.executable, "-c", SLOW, *command], stderr=-1) as process:
        output = here / "out.jsonl"
        while not (output.exists() and output.read_bytes().count(b"\n") == 2):
            assert process.poll() is None
        process.send_signal(kill)
        try:
            assert process.wait(60) == code
        finally:
            process.kill()
    assert [json.loads(line)["path"] for line in output.read_text().splitlines()] == [
        "./a.jpg",
        "./b.jpg",
    ]
    (here / "c.jpg").write_text("quick")
    resumed = subprocess.run(
        [sys.executable, "-c", SLOW, *command, "--resume"], stderr=-1, check=False, timeout=60
    )
    assert resumed.returncode == 0
    assert output.read_bytes().count(b"\n") == 3


def parquet_run(here: Path, kill: signal.Signals, quick: int) -> int:
    """Read `quick` pictures, end the run at the next one, and return its exit code."""
    for number in range(9):
        (here / f"{number}.jpg").write_text("quick" if number < quick else "slow")
    command = [sys.executable, "-c", SLOW, "read", ".", "-o", "out.parquet", "--resume"]
    with subprocess.Popen(command, stderr=-1) as process:
        try:
            while in_parts(here) != quick - quick % 2:
                assert process.poll() is None
            process.send_signal(kill)
            return process.wait(60)
        finally:
            process.kill()


def in_parts(here: Path) -> int:
    """The rows of finished parts: each has two."""
    parts = list((here / ".out.parquet.parts").glob("*.parquet"))
    return 2 * len(parts)


def parquet_paths(here: Path) -> list[str]:
    found: list[str] = pq.read_table(here / "out.parquet")["path"].to_pylist()
    return found


@pytest.mark.parametrize("quick", [2, 5])
@pytest.mark.parametrize(("kill", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_ended_run_leaves_a_parquet_file_that_is_complete(
    here: Path, kill: signal.Signals, code: int, quick: int
) -> None:
    assert parquet_run(here, kill, quick) == code
    found = parquet_paths(here)
    assert found == [f"./{number}.jpg" for number in range(len(found))]
    assert len(found) >= quick - 1
    assert not (here / ".out.parquet.parts").exists()
    resume(here)


@pytest.mark.parametrize("quick", [2, 5, 8])
def test_rows_of_parquet_survive_kills(here: Path, quick: int) -> None:
    assert parquet_run(here, signal.SIGKILL, quick) == -signal.SIGKILL
    assert not (here / "out.parquet").exists()
    assert in_parts(here) == quick - quick % 2
    resume(here)


def resume(here: Path) -> None:
    for path in here.glob("*.jpg"):
        path.write_text("quick")
    command = [sys.executable, "-c", SLOW, "read", ".", "-o", "out.parquet"]
    refused = subprocess.run(command, stderr=-1, check=False, timeout=60)
    assert refused.returncode == 2
    assert b"out.parquet has rows already: continue it with --resume" in refused.stderr
    resumed = subprocess.run([*command, "--resume"], stderr=-1, check=False, timeout=60)
    assert resumed.returncode == 0, resumed.stderr
    assert b" skipped, already in out.parquet" in resumed.stderr
    assert parquet_paths(here) == [f"./{number}.jpg" for number in range(9)]


@pytest.mark.parametrize("on_terminal", [False, True])
def test_why_a_run_stopped_is_said_once_where_it_is_seen(here: Path, on_terminal: bool) -> None:
    (here / "a.jpg").write_text("no server looks at it")
    ours, theirs = pty.openpty() if on_terminal else os.pipe()
    with subprocess.Popen(
        [*MAIN, "read", "a.jpg", "--server", "127.0.0.1:1"], stdout=theirs, stderr=-1, text=True
    ) as process:
        os.close(theirs)
        _, said = process.communicate(timeout=60)
    row = os.read(ours, 10_000).decode()
    os.close(ours)
    assert row.count("no answer from 127.0.0.1:1 (Connection refused)") == 1
    assert row.count("127.0.0.1:1") == 1
    assert "stopped: " in said
    assert said.count("no answer from") == (0 if on_terminal else 1)
