"""Signals end watching between two rows; progress is shown."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from lipiyana.cli.watch.progress import WatchProgress, describe
from lipiyana.cli.watch.signals import Stopped, stoppable
from lipiyana.watch.inputs.sources import parse_sources
from lipiyana.watch.run import State
from lipiyana.watch.watcher import Counts


@pytest.mark.usefixtures("default_hangup")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_is_noted_and_the_second_one_interrupts(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with stoppable() as check:
        check()
        signal.raise_signal(number)
        with pytest.raises(Stopped) as stopped:
            check()
        assert stopped.value.exit_code == 143
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
    assert signal.getsignal(number) is before


def test_a_file_that_is_stopped_has_the_rows_of_what_is_in_sight(street: Path) -> None:
    watching = subprocess.Popen(
        [
            sys.executable, "-m", "lipiyana", "watch", str(street), "--frames",
            "--features", "plates,vehicles",
        ],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert watching.stdout is not None
        rows = []
        for line in watching.stdout:
            rows.append(json.loads(line))
            if rows[-1]["vehicles"]:
                break
        watching.send_signal(signal.SIGTERM)
        rest, said = watching.communicate(timeout=120)
    finally:
        watching.kill()
        watching.wait()
    assert watching.returncode == 143, said
    rows += [json.loads(line) for line in rest.splitlines()]
    seen = {one["track"] for row in rows if row["kind"] == "frame" for one in row["vehicles"]}
    assert {row["track"] for row in rows if row["kind"] == "track"} == seen - {None}


def test_a_folder_with_a_bad_picture_is_stopped_like_any_other(tmp_path: Path) -> None:
    (tmp_path / "bad.jpg").write_bytes(b"no picture")
    watching = subprocess.Popen(
        [sys.executable, "-m", "lipiyana", "watch", str(tmp_path), "--features", "vehicles"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert watching.stderr is not None
        assert any("bad.jpg" in line for line in watching.stderr)
        watching.send_signal(signal.SIGTERM)
        _, said = watching.communicate(timeout=120)
    finally:
        watching.kill()
        watching.wait()
    assert watching.returncode == 0, said


@pytest.mark.parametrize(
    "arguments",
    [["watch", "a.mp4"], ["rules", __file__], ["forward", "-", "--to", "x", "--spool", "y"]],
    ids=["watch", "rules", "forward"],
)
def test_a_command_that_is_stopped_while_it_starts_says_so(arguments: list[str]) -> None:
    program = (
        "import signal, sys; import lipiyana.cli.extras as extras;"
        "extras.import_with = lambda *_: signal.raise_signal(signal.SIGTERM);"
        "from lipiyana.cli.main import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False,
        timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (143, "", "stopped\n")


@pytest.fixture
def states(small_video: Path, tmp_path: Path) -> list[State]:
    file, folder = parse_sources([str(small_video), f"inbox={tmp_path}"])
    return [
        State(file, Counts(frames=600, read=25, tracks=1, elapsed=60.0), duration=7325.0),
        State(folder, Counts(frames=3, read=3, failed=2)),
    ]


def test_a_file_has_a_position_and_a_speed_and_a_camera_has_not(states: list[State]) -> None:
    assert describe(states[0], 20.0) == (
        "0:01:00 of 2:02:05, 3.0x real time, 600 frames, 25 read, 1 track"
    )
    assert describe(states[1], 20.0) == "0:00:00, 3 frames, 3 read, 0 tracks, 2 failed"


def test_a_terminal_has_bars_and_a_file_has_none(states: list[State]) -> None:
    screen, file = io.StringIO(), io.StringIO()
    for out, is_terminal in ((screen, True), (file, False)):
        console = Console(file=out, force_terminal=is_terminal, width=120)
        with WatchProgress(console, states, results_on_terminal=False) as progress:
            progress.look()
    assert "small" in screen.getvalue()
    assert "0:01:00 of 2:02:05" in screen.getvalue()
    assert file.getvalue() == ""
