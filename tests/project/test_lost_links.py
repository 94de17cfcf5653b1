"""A checkout without symbolic links says so; git writes where they lead into files instead."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The files that say so, in a checkout whose links are files."""
    package = tmp_path / "src" / "lipiyana"
    package.mkdir(parents=True)
    shutil.copy(ROOT / "src" / "lipiyana" / "__init__.py", package)
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("models", "ocr", "samples", "vehicles"):
        (package / name).write_text(f"../../{name}")
    return tmp_path


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )


def test_an_import_says_so(checkout: Path) -> None:
    done = run(checkout / "src", "-c", "import lipiyana")
    assert done.returncode == 1
    assert "ocr is a file: this checkout lacks its symbolic links" in done.stderr


def test_no_wheel_is_built_without_the_engines(checkout: Path) -> None:
    done = run(checkout, "setup.py", "--name")
    assert done.returncode == 1
    assert "src/lipiyana/models is not a folder: this checkout lacks its symbolic" in done.stderr
    package = checkout / "src" / "lipiyana"
    for name in ("models", "ocr", "samples", "vehicles"):
        (package / name).unlink()
        (package / name).mkdir()
    done = run(checkout, "setup.py", "--name")
    assert done.stdout.splitlines()[-1:] == ["lipiyana"], done.stderr
