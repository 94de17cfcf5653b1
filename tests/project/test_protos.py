from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPTS = Path(__file__).parents[2] / "scripts"


def test_the_generated_modules_are_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, SCRIPTS / "generate_protos.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
