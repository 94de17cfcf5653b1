"""Refuses to build from a checkout without its symbolic links; pyproject.toml has the rest."""

from __future__ import annotations

import sys
from pathlib import Path

from setuptools import setup

PACKAGE = Path(__file__).parent / "src" / "lipiyana"
LINKS = ("models", "ocr", "samples", "vehicles")

if lost := [name for name in LINKS if not (PACKAGE / name).is_dir()]:
    sys.exit(
        f"src/lipiyana/{lost[0]} is not a folder: this checkout lacks its symbolic links, and the "
        "wheel would have no engines. Clone the repository with `git clone -c core.symlinks=true`; "
        "see docs/guides/installing.md."
    )

setup()
