from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib import metadata
from importlib.resources import files
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def test_every_folder_with_python_files_is_a_package() -> None:
    for folder in ("src/lipiyana", "ocr", "vehicles", "models", "samples"):
        for path in (ROOT / folder).rglob("*.py"):
            assert (path.parent / "__init__.py").exists(), path


def test_the_version_is_that_of_the_project() -> None:
    assert metadata.version("lipiyana") == PROJECT["project"]["version"]


def test_the_changelog_has_the_version() -> None:
    assert f"[{PROJECT['project']['version']}]" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_types_and_manifest_are_installed() -> None:
    assert (files("lipiyana") / "py.typed").is_file()
    assert (files("lipiyana.models") / "manifest.toml").is_file()


def test_import_is_light() -> None:
    heavy = ("cv2", "grpc", "onnxruntime", "PIL", "rapidocr", "torch")
    code = f"import sys, lipiyana; assert not [m for m in {heavy} if m in sys.modules]"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_the_client_needs_no_engine() -> None:
    heavy = ("cv2", "numpy", "onnxruntime", "PIL", "rapidocr", "torch")
    code = f"import sys, lipiyana.client; assert not [m for m in {heavy} if m in sys.modules]"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
