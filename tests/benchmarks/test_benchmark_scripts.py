"""Benchmarks run as scripts: what they share is found beside them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("matplotlib")

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.mark.parametrize(
    "script", ["plates/plate_report.py", "reader/ocr_report.py", "serving/serve_plot.py"]
)
def test_a_script_finds_the_common_modules(script: str, tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(BENCHMARKS / script)], cwd=tmp_path, check=True)


@pytest.mark.parametrize("subject", ["cameras", "plates", "reader", "serving", "vehicles"])
def test_every_subject_has_the_link(subject: str) -> None:
    assert (BENCHMARKS / subject / "common").samefile(BENCHMARKS / "common")
