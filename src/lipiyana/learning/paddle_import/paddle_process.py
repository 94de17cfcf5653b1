"""Paddle in a process of its own: conversion to ONNX, and models by their names."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from lipiyana.errors import InvalidRequest, MissingExtra, ModelUnavailable, NotFound, Unavailable

PYTHON_VARIABLE = "LIPIYANA_PADDLE_PYTHON"
"""Environment variable that names the interpreter with paddlepaddle and paddle2onnx."""

_SCRIPT = Path(__file__).with_name("convert_script.py")
_TIMEOUT = 1800.0
_TOLD = 800


def interpreter(python: Path | None) -> str:
    """Choose the interpreter: `python`, the one that the environment names, or this one.

    Raises:
        NotFound: there is no such file.
    """
    chosen = str(python) if python else os.environ.get(PYTHON_VARIABLE) or sys.executable
    if not Path(chosen).is_file():
        raise NotFound(f"there is no interpreter {chosen}")
    return chosen


def convert(python: str, model: Path, parameters: Path, out: Path) -> dict[str, str]:
    """Convert an inference model; returns the versions of the packages that did it.

    Raises:
        MissingExtra: the interpreter has no Paddle.
        ModelUnavailable: Paddle cannot read or convert the model (MODEL_CORRUPT).
    """
    answer = _ask(python, "convert", str(model), str(parameters), str(out))
    if "error" in answer or not out.is_file():
        raise ModelUnavailable(
            f"Paddle cannot convert {model}: {answer.get('error', 'it wrote nothing')}",
            reason="MODEL_CORRUPT",
        )
    versions: dict[str, str] = answer["versions"]
    return versions


def fetch(python: str, name: str) -> Path:
    """Find a model of PaddleOCR's by its name: downloaded already, or from the network.

    Raises:
        MissingExtra: the interpreter has no paddleocr.
        Unavailable: there is no network to fetch it from.
        InvalidRequest: PaddleOCR knows no such model.
    """
    answer = _ask(python, "fetch", name)
    if "folder" in answer:
        return Path(answer["folder"])
    error = str(answer.get("error", ""))
    if "KeyError" in error or "not found" in error.lower() or "unknown" in error.lower():
        raise InvalidRequest(f"PaddleOCR knows no model {name!r}: {error}", field="model")
    raise Unavailable(
        f"{name} is not on this machine and cannot be fetched ({error}); where there is a network, "
        "let paddleocr download it, and give the folder here instead of the name"
    )


def _ask(python: str, *arguments: str) -> dict[str, Any]:
    try:
        done = subprocess.run(  # noqa: S603 - the user's own interpreter, no shell
            [python, str(_SCRIPT), *arguments],
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=_TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return {"error": str(error)}
    lines = done.stdout.strip().splitlines()
    try:
        answer: dict[str, Any] = json.loads(lines[-1])
    except (IndexError, ValueError):
        told = (done.stderr or done.stdout).strip()[-_TOLD:]
        return {"error": f"it ended with {done.returncode}: {told}"}
    if "missing" in answer:
        raise MissingExtra(
            f"{python} has no {answer['missing']}: make an environment of its own and install "
            "paddlepaddle, paddle2onnx and paddleocr there (their pins do not go together with "
            f"this one's), then name its interpreter by --python or {PYTHON_VARIABLE}",
            extra="paddle",
        )
    return answer
