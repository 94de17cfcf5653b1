"""What the package writes once: array types and the options of ONNX Runtime sessions."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from pathlib import Path

import lipiyana

PACKAGE = Path(lipiyana.__file__).parent
BYTE_ARRAYS = {
    "arrays.py": "RgbArray",
    # none of these is a picture in colours
    "cache/frame_comparison.py": "Plane",
    "images/decoders.py": "_Pixels",
    "learning/distill/text_cores.py": "TextMap",
    "rendering/text/shaping.py": "Mask",
    "watch/inputs/frames.py": "GreyArray",
}


def modules() -> Iterator[tuple[str, ast.Module]]:
    for folder, _, files in os.walk(PACKAGE, followlinks=True):
        for path in (Path(folder) / file for file in files if file.endswith(".py")):
            yield path.relative_to(PACKAGE).as_posix(), ast.parse(path.read_text("utf-8"))


def test_pictures_have_one_type() -> None:
    found = {
        name: ast.unparse(statement.targets[0])
        for name, module in modules()
        for statement in module.body
        if isinstance(statement, ast.Assign)
        and ast.unparse(statement.value).endswith("NDArray[np.uint8]")
    }
    assert found == BYTE_ARRAYS


def test_one_module_opens_sessions() -> None:
    callers = {
        name
        for name, module in modules()
        for node in ast.walk(module)
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("InferenceSession")
    }
    assert callers == {"runtime/devices.py"}
