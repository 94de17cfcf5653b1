"""`from lipiyana import ...`: which names there are, and what asking for them loads."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import lipiyana
from lipiyana import client, errors, pipeline, recognizer, types
from lipiyana.images import loading as images

NAMES = {
    client: ["AsyncClient", "Client"],
    errors: [
        name
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, errors.LipiyanaError)
    ],
    images: ["ImageLimits"],
    pipeline: ["LocalRecognizer"],
    recognizer: ["FrameResult", "Recognizer"],
    types: [name for name in types.__all__ if name not in {"Point", "Polygon", "SCENE_CONFIDENCE"}],
}


def test_the_names() -> None:
    assert sorted(name for names in NAMES.values() for name in names) == lipiyana.__all__
    assert {"InvalidImage", "Overloaded", "Frame", "RecognitionConfig"} <= set(lipiyana.__all__)
    for module, names in NAMES.items():
        for name in names:
            assert getattr(lipiyana, name) is getattr(module, name)
    assert set(lipiyana.__all__) <= set(dir(lipiyana))
    with pytest.raises(AttributeError, match="Lokal"):
        _ = lipiyana.LokalRecognizer  # type: ignore[attr-defined]


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse(Path(lipiyana.__file__).read_text("utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = [
        (node.module, alias.name)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]
    assert sorted(seen) == sorted(
        (m.__name__, name) for m, names in NAMES.items() for name in names
    )


HEAVY = ("cv2", "numpy", "onnxruntime", "PIL", "rapidocr", "torch")


@pytest.mark.parametrize(
    ("statement", "unwanted"),
    [
        ("import lipiyana; dir(lipiyana)", (*HEAVY, "grpc", "lipiyana.client", "lipiyana.types")),
        ("from lipiyana import Client, AsyncClient, RecognitionConfig, LipiyanaError", HEAVY),
        ("from lipiyana import Feature, Layout, RawImage, Recognizer", (*HEAVY, "grpc")),
        ("from lipiyana import InvalidImage, Overloaded, Unavailable", ("lipiyana.types", *HEAVY)),
        ("import lipiyana.client", HEAVY),
        ("from lipiyana import LocalRecognizer", ("grpc", "torch")),
    ],
)
def test_a_name_loads_what_it_needs(statement: str, unwanted: tuple[str, ...]) -> None:
    program = f"import sys; {statement}; print(*[m for m in {unwanted!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


def test_a_client_without_engines_says_what_to_install() -> None:
    program = "import sys; sys.modules['cv2'] = None; from lipiyana import Client, LocalRecognizer"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    said = done.stderr.strip().splitlines()[-1]
    assert said.startswith("ModuleNotFoundError: LocalRecognizer needs cv2, which is not installed")
