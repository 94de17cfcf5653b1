"""docs/architecture.md maps the code: every folder of the package, and only paths that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from blocks import PAGES, ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text("utf-8")
PACKAGE = ROOT / "src" / "lipiyana"
LINKED = {"ocr", "vehicles", "models", "samples"}
ROOT_FOLDERS = (
    "benchmarks|deploy|docs|examples|models|ocr|protos|samples|scripts|src|tests|vehicles"
)
MADE_UP = {"src/lipiyana/images/headers/xyz.py"}
"""What the reader of a walk is to write."""


def _package_folders() -> set[str]:
    roots = (PACKAGE, *(ROOT / name for name in LINKED))
    found = {file.parent for root in roots for file in root.rglob("__init__.py")} - {PACKAGE}
    return {path.relative_to(ROOT).as_posix() for path in found if not _through_a_link(path)}


def _through_a_link(path: Path) -> bool:
    return path.is_relative_to(PACKAGE) and path.relative_to(PACKAGE).parts[0] in LINKED


def test_every_folder_of_the_package_has_one_line() -> None:
    rows = re.findall(r"^\| `([^`]+?)/?` \| (.+) \|$", PAGE, re.MULTILINE)
    assert len(rows) == len(dict(rows))
    assert set(dict(rows)) == _package_folders()


@pytest.mark.parametrize("page", [*PAGES, "models/reader.md", "models/vehicles.md"])
def test_every_path_exists(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    named = set(re.findall(rf"`((?:{ROOT_FOLDERS})/[\w./]*)`", text)) - MADE_UP
    assert len(named) > 50 or page != "docs/architecture.md"
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


def test_the_order_of_imports_is_that_of_import_linter() -> None:
    contract = (ROOT / ".importlinter").read_text("utf-8").partition("layers =\n")[2]
    layers = contract.partition("ignore_imports")[0]
    expected = [re.findall(r"lipiyana\.(\w+)", line) for line in layers.strip().splitlines()]
    (block,) = re.findall(r"```text\n(cli\n.*?)```", PAGE, re.DOTALL)
    shown = [re.findall(r"\w+", re.sub(r"\(.*\)|\.py", "", line)) for line in block.splitlines()]
    assert shown == expected
