from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[1] / "scripts"


def test_the_generated_modules_are_up_to_date() -> None:
    pytest.importorskip("grpc_tools", reason="grpcio-tools generates the modules")
    done = subprocess.run(
        [sys.executable, SCRIPTS / "generate_protos.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
