"""Runs in an interpreter with paddlepaddle and paddle2onnx; imports nothing of this project.

    python convert_script.py convert MODEL PARAMETERS OUT.onnx
    python convert_script.py fetch NAME

The last line of standard output is JSON: {"versions": ...} or {"folder": ...}, or {"error": ...}.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib import metadata

OPSET = 14


def convert(model: str, parameters: str, out: str) -> dict[str, object]:
    """Convert a Paddle inference model to ONNX."""
    import paddle2onnx

    # the default optimizer runs a tool that installs packages without asking
    paddle2onnx.export(model, parameters, out, opset_version=OPSET, optimize_tool="none")
    names = ("paddlepaddle", "paddle2onnx")
    return {"versions": {name: metadata.version(name) for name in names}}


def fetch(name: str) -> dict[str, object]:
    """Let PaddleX, the base of paddleocr, find or download a model by its name."""
    from paddlex.inference.utils.official_models import official_models

    return {"folder": str(official_models[name])}


def main(command: str, *arguments: str) -> None:
    """Run one command and print its result."""
    try:
        commands: dict[str, Callable[..., dict[str, object]]] = {"convert": convert, "fetch": fetch}
        answer = commands[command](*arguments)
    except ModuleNotFoundError as error:
        answer = {"error": str(error), "missing": error.name}
    except BaseException as error:
        answer = {"error": f"{type(error).__name__}: {error}"}
    sys.stdout.write("\n" + json.dumps(answer) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
