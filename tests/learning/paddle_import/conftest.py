"""Fixtures: an interpreter with Paddle, and models in PP-OCR's format that it builds."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from needs import PADDLE

SCRIPT = Path(__file__).with_name("paddle_models.py")


def run_paddle(python: str, *arguments: str) -> None:
    done = subprocess.run(
        [python, str(SCRIPT), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PADDLE_PDX_DISABLE_MODEL_SOURCE_CHECK": "True"},
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.fixture(scope="session")
def paddle_python() -> str:
    """The interpreter that LIPIYANA_PADDLE_PYTHON names, or this one where it has Paddle."""
    named = os.environ.get("LIPIYANA_PADDLE_PYTHON")
    if named:
        return named
    if find_spec("paddle") and find_spec("paddle2onnx") and find_spec("paddleocr"):
        return sys.executable
    pytest.skip(PADDLE)


@pytest.fixture(scope="session")
def recognizer_folder(paddle_python: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recognizer")
    run_paddle(paddle_python, "build", "recognizer", str(folder))
    return folder


@pytest.fixture(scope="session")
def detector_folder(paddle_python: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("detector")
    run_paddle(paddle_python, "build", "detector", str(folder))
    return folder
