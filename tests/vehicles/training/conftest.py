"""Shared fixtures of the detector's training tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from street_drawing import write_streets

Write = Callable[..., Path]


@pytest.fixture
def streets(tmp_path: Path) -> Write:
    """Return a function that writes drawn pictures of a source and returns their folder."""

    def write(source: str, count: int = 4, seed: int = 0) -> Path:
        return write_streets(tmp_path / f"{source}_{seed}", source, count, seed)

    return write


@pytest.fixture
def yolox_nano(shared_data: Path) -> Path:
    return shared_data / "weights" / "yolox_nano.onnx"


@pytest.fixture
def street_photo(shared_data: Path) -> np.ndarray:
    path = shared_data / "vehicles" / "train" / "images" / "dhaka_0000.jpg"
    return np.ascontiguousarray(cv2.imread(str(path))[:, :, ::-1])
