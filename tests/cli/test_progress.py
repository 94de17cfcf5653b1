from __future__ import annotations

import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from lipiyana.cli import progress
from lipiyana.cli.progress import RunProgress


def test_a_progress_bar_on_a_terminal() -> None:
    screen = io.StringIO()
    with RunProgress(Console(file=screen, force_terminal=True), range(3)) as run:
        for failed in (False, True, False):
            run.step(failed)
    assert "1 failed" in screen.getvalue()


def test_no_progress_bar_if_results_go_to_the_terminal() -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True)
    with RunProgress(console, range(3), results_on_terminal=True) as run:
        run.step(False)
    assert screen.getvalue() == ""


def test_periodic_lines_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = iter([0.0, 1.0, progress.LINE_EVERY, progress.LINE_EVERY + 1])
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: next(seconds)))
    log = io.StringIO()
    with RunProgress(Console(file=log), range(3)) as run:
        for failed in (False, True, False):
            run.step(failed)
    assert log.getvalue() == "2 pictures, 1 failed, 0.1 per second\n"
