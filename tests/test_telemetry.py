"""Nothing is sent anywhere: the engine's own telemetry is off."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import sys
from lipiyana import LocalRecognizer, RecognitionConfig

LocalRecognizer().recognize(sys.argv[1], RecognitionConfig(layout="plate"))
"""
PICTURE = Path(__file__).parents[1] / "samples" / "plates" / "01_standard_1row.jpg"
OFF = {"ORT_DISABLE_TELEMETRY", "ORT_RUNNING_UNIT_TESTS", "CI", "GITHUB_ACTIONS", "GITLAB_CI"}


def test_the_engine_writes_nothing_down_to_send(tmp_path: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if name not in OFF}
    home = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", PROGRAM, str(PICTURE)], env=kept | home, check=True)
    assert not [*tmp_path.rglob("*.ses"), *tmp_path.rglob("*Microsoft*")]
