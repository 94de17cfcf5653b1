"""The loop of examples/loop, with tiny models: labels, training, shadow, release, rollback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from needs import TORCH

pytest.importorskip("torch", reason=TORCH)

ROOT = Path(__file__).parents[3]


def test_the_loop_runs_from_end_to_end(tiny_models: Path, numbers: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    tiny = f"{sys.executable} {ROOT / 'tests' / 'support' / 'tiny_lipiyana.py'}"
    command = [
        sys.executable, str(ROOT / "examples" / "loop" / "loop.py"), str(numbers),
        "--models", str(tiny_models), "--work", str(work), "--steps", "12", "--lipiyana", tiny,
    ]  # fmt: skip
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            said, _ = process.communicate(timeout=600)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)  # what it started, too
    assert process.returncode == 0, said
    assert "SIGTERM: it saved and ended" in said
    assert "in the shadow: {" in said
    rows = [
        json.loads(line) for line in (work / "live" / "releases.jsonl").read_text().splitlines()
    ]
    assert [(row["act"], row["forced"]) for row in rows] == [
        ("promote", True), ("promote", False), ("rollback", False),
    ]  # fmt: skip
    assert rows[2]["after"] == rows[1]["before"] == rows[0]["after"]
    name, figure = "CER of 8 held-out lines, ", rows[1]["scores"]
    assert figure[name + "challenger"] < figure[name + "champion"]
