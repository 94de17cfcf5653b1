"""The loop of examples/loop, with tiny models: labels, training, shadow, release, rollback."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from needs import TORCH
from numbers_drawn import write_labelled

pytest.importorskip("torch", reason=TORCH)

ROOT = Path(__file__).parents[3]


@pytest.fixture
def new_kind(tmp_path: Path) -> Path:
    """Pictures of numbers: the window of the watch for drift needs fifty."""
    rng = np.random.default_rng(5)
    return write_labelled(tmp_path / "new-kind", ["1M-"[rng.integers(3)] for _ in range(56)])


@pytest.fixture
def usual(tmp_path: Path) -> Path:
    """Dark, smooth pictures."""
    folder = tmp_path / "usual"
    folder.mkdir()
    for number in range(32):
        picture = np.full((48, 64, 3), 20 + number % 8, np.uint8)
        picture[number % 40 :] += 9
        cv2.imwrite(str(folder / f"{number}.png"), picture)
    return folder


def test_the_loop_runs_from_end_to_end(
    tiny_models: Path, new_kind: Path, usual: Path, tmp_path: Path
) -> None:
    work = tmp_path / "work"
    tiny = f"{sys.executable} {ROOT / 'tests' / 'support' / 'tiny_lipiyana.py'}"
    command = [
        sys.executable, str(ROOT / "examples" / "loop" / "loop.py"), str(new_kind),
        "--usual", str(usual), "--models", str(tiny_models), "--work", str(work),
        "--steps", "12", "--lipiyana", tiny,
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
            said, _ = process.communicate(timeout=300)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)  # what it started, too
    assert process.returncode == 0, said
    assert "SIGTERM: it saved and ended" in said
    assert re.search(r"drifted signals: .*; pictures kept for drift: [1-9]", said), said
    assert "in the shadow: {" in said
    rows = [
        json.loads(line) for line in (work / "live" / "releases.jsonl").read_text().splitlines()
    ]
    assert [(row["act"], row["forced"]) for row in rows] == [
        ("promote", True), ("promote", False), ("rollback", False),
    ]  # fmt: skip
    assert rows[2]["after"] == rows[1]["before"] == rows[0]["after"]
    scores = rows[1]["scores"]
    (name,) = {
        key.rpartition(", ")[0] for key in scores if re.match(r"CER of \d+ held-out lines", key)
    }
    assert scores[f"{name}, challenger"] < scores[f"{name}, champion"]
