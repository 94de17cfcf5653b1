"""A Parquet file of rows whose run ends at any step: rows are there exactly once after resuming.

Every step that changes a file is counted, and the run ends before the one with a given number.
`Killed` is like `kill -9`: no later step is done either, whatever the code tries to clean up, and
the kernel releases the lock. tests/cli/read/test_parquet_process.py kills processes.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from cli_fake import FakeRecognizer

from lipiyana.rows import Row, parquet_output
from lipiyana.rows.parquet_output import ParquetOutput
from lipiyana.rows.provenance import Provenance

RECOGNITION = FakeRecognizer().recognize(b"text")
NAMES = [f"{number}.jpg" for number in range(5)]
STEPS = [
    *((os, name) for name in ("fsync", "replace", "unlink", "rmdir", "mkdir", "open")),
    (pq, "write_table"),
    (pq.ParquetWriter, "write_table"),
    (pq.ParquetWriter, "close"),
]


class Killed(BaseException):
    pass


class Ending:
    """Raises an error before the step number `at`, and, if it `stays`, before all later ones."""

    def __init__(self, patch: pytest.MonkeyPatch, error: type[BaseException], stays: bool) -> None:
        self.at, self.done, self.over = -1, 0, False
        self._error, self._stays = error, stays
        patch.setattr(pq.ParquetWriter, "__del__", lambda _: None)  # a killed process does nothing
        for owner, name in STEPS:
            patch.setattr(owner, name, self._counted(getattr(owner, name)))

    def begin(self, at: int) -> None:
        self.at, self.done, self.over = at, 0, False

    def _counted(self, step: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **named: Any) -> Any:
            if self.done == self.at or (self._stays and self.over):
                self.over = True
                self.done += 1
                raise self._error
            self.done += 1
            return step(*arguments, **named)

        return counted


@pytest.fixture(autouse=True)
def small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_output, "ROWS_PER_GROUP", 3)


def run(path: Path, until: int) -> None:
    """Do what `lipiyana read --resume` does, with the pictures up to number `until`."""
    with ParquetOutput(path, Provenance("0.1"), resume=True, rows_per_part=2) as output:
        earlier = [one.path for one in output.earlier_rows()]
        for name in NAMES[:until]:
            if name not in earlier:
                output.write(Row(name, None, RECOGNITION))


def rows(path: Path) -> list[str]:
    """The rows of the file at this moment; it must be complete."""
    found: list[str] = pq.read_table(path)["path"].to_pylist() if path.exists() else []
    return found


def killed(path: Path, until: int, ending: Ending, at: int) -> bool:
    """Run, killed before step `at`; whether it came to that."""
    ending.begin(at)
    with suppress(Killed):
        run(path, until)
    came = ending.over
    ending.begin(-1)
    release_lock(path)
    return came


def release_lock(path: Path) -> None:
    """Close what the kernel closes."""
    folder = str(path.with_name(f".{path.name}.parts"))
    for descriptor in list(Path("/proc/self/fd").iterdir()):
        if os.path.realpath(descriptor).removesuffix(" (deleted)") == folder:
            os.close(int(descriptor.name))


@pytest.mark.parametrize("first", [0, 3])
def test_a_kill_before_any_step_loses_and_doubles_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: int
) -> None:
    ending = Ending(monkeypatch, Killed, stays=True)
    for at in itertools.count():
        path = tmp_path / f"{at}.parquet"
        if first:
            run(path, first)
        came = killed(path, len(NAMES), ending, at)
        found = rows(path)
        assert found in ([], NAMES[:first], NAMES)
        assert len(found) >= first
        killed(path, len(NAMES), ending, at // 2)  # the run that continues is killed too
        run(path, len(NAMES))
        assert rows(path) == NAMES
        assert not path.with_name(f".{path.name}.parts").exists()
        if not came:
            break
    assert at > 20


@pytest.mark.parametrize("first", [0, 3])
def test_ctrl_c_before_any_step_completes_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: int
) -> None:
    ending = Ending(monkeypatch, KeyboardInterrupt, stays=False)
    completed = 0
    for at in itertools.count():
        path = tmp_path / f"{at}.parquet"
        if first:
            run(path, first)
        ending.begin(at)
        with suppress(KeyboardInterrupt):
            run(path, len(NAMES))
        over = ending.over
        ending.begin(-1)
        found = rows(path)
        assert found == NAMES[: len(found)]
        assert len(found) >= first
        added = over and len(found) > first
        assert added or not over or not completed  # before the first row there is nothing to add
        completed += added
        run(path, len(NAMES))
        assert rows(path) == NAMES
        assert not path.with_name(f".{path.name}.parts").exists()
        if not over:
            break
    assert at > 20
    assert completed > 10
