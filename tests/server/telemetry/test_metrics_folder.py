from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from lipiyana.server.telemetry.metrics_folder import leave_metrics_folder, metrics_folder

KILLED = """
import os
import signal
from lipiyana.server.telemetry.metrics_folder import metrics_folder
with metrics_folder() as folder:
    (folder / "counter_1.db").touch()
    print(folder, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_files_of_a_killed_supervisor_are_removed_at_the_next_start(temporary: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED],
        env={**os.environ, "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        text=True,
        timeout=100,
        check=False,
    )
    left = Path(done.stdout.strip())
    assert (left / "counter_1.db").exists()
    with metrics_folder() as folder:
        assert list(temporary.iterdir()) == [folder]
    assert not list(temporary.iterdir())


def test_two_servers_do_not_remove_each_others_files(temporary: Path) -> None:
    with metrics_folder() as first, metrics_folder() as second:
        assert {first, second} == set(temporary.iterdir())


def test_links_and_folders_of_others_are_not_removed(temporary: Path) -> None:
    elsewhere = temporary / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "lock").touch()
    link = temporary / "lipiyana-metrics-link"
    link.symlink_to(elsewhere)
    unlocked = temporary / "lipiyana-metrics-being-made"
    unlocked.mkdir()
    with metrics_folder():
        assert link.is_symlink()
        assert (elsewhere / "lock").exists()
        assert unlocked.is_dir()


def test_the_last_worker_removes_the_folder(temporary: Path) -> None:
    with metrics_folder() as folder:
        own = folder / f"counter_{os.getpid()}.db"
        other = folder / f"gauge_livesum_{os.getppid()}.db"
        own.touch()
        other.touch()
        leave_metrics_folder(folder)
        assert not own.exists()
        assert other.exists()
        other.rename(folder / "counter_999999999.db")  # of a process that does not exist
        leave_metrics_folder(folder)
        assert not folder.exists()
