"""A disk in memory that is soon full."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from needs import SMALL_DISK


@contextmanager
def small_disk(at: Path, size: str) -> Iterator[Path]:
    """Mount a tmpfs; where that is not allowed, skip the test."""
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if os.geteuid() != 0 or mount is None or umount is None:
        pytest.skip(SMALL_DISK)
    at.mkdir()
    mounted = subprocess.run(
        [mount, "-t", "tmpfs", "-o", f"size={size}", "tmpfs", at], check=False, capture_output=True
    )
    if mounted.returncode:  # root of a container may not
        pytest.skip(SMALL_DISK)
    try:
        yield at
    finally:
        subprocess.run([umount, "--lazy", at], check=True)
