from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "benchmarks" / "cameras"))

from street_video import write_video


@pytest.fixture(scope="session")
def street(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video in which three vehicles pass, 4 frames a second."""
    path = tmp_path_factory.mktemp("street") / "street.mp4"
    write_video(path, 4)
    return path


@pytest.fixture(scope="session")
def small_video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same in 320x180, for what is not read."""
    path = tmp_path_factory.mktemp("small") / "small.mp4"
    write_video(path, 4, size=(320, 180))
    return path
