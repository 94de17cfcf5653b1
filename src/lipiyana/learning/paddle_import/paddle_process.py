"""Runs Paddle in a separate process: conversion to ONNX, and download of models by name."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from lipiyana.errors import InvalidRequest, MissingExtra, ModelUnavailable, NotFound, Unavailable

PYTHON_VARIABLE = "LIPIYANA_PADDLE_PYTHON"
"""Environment variable with the interpreter that has paddlepaddle and paddle2onnx."""

_SCRIPT = Path(__file__).with_name("convert_script.py")
_TIMEOUT = 1800.0
_SHOWN = 800  # characters of the process's output in an error message


def interpreter(python: Path | None) -> str:
    """Choose the interpreter: `python`, the one in the environment variable, or the current one.

    Raises:
        NotFound: the file does not exist.
    """
    chosen = str(python) if python else os.environ.get(PYTHON_VARIABLE) or sys.executable
    if not Path(chosen).is_file():
        raise NotFound(f"the interpreter {chosen} does not exist")
    return chosen


def convert(python: str, model: Path, parameters: Path, out: Path) -> dict[str, str]:
    """Convert an inference model; return the versions of the packages that did it.

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
    """Find a PaddleOCR model by its name; download it if needed.

    Raises:
        MissingExtra: the interpreter has no paddleocr.
        Unavailable: it cannot be downloaded.
        InvalidRequest: PaddleOCR has no such model.
    """
    answer = _ask(python, "fetch", name)
    if "folder" in answer:
        return Path(answer["folder"])
    error = str(answer.get("error", ""))
    if "KeyError" in error or "not found" in error.lower() or "unknown" in error.lower():
        raise InvalidRequest(f"PaddleOCR has no model {name!r}: {error}", field="model")
    raise Unavailable(
        f"{name} is not on this machine and cannot be downloaded ({error}); let paddleocr download "
        "it on a machine with network access, and give its folder instead of the name"
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
        output = (done.stderr or done.stdout).strip()[-_SHOWN:]
        return {"error": f"it ended with exit status {done.returncode}: {output}"}
    if "missing" in answer:
        raise MissingExtra(
            f"{python} has no {answer['missing']}: install paddlepaddle, paddle2onnx and paddleocr "
            "in a separate environment (their pinned versions conflict with those here) and name "
            f"its interpreter by --python or {PYTHON_VARIABLE}",
            extra="paddle",
        )
    return answer
