"""pytest imports test files by their names, so that two of one name cannot run together."""

from __future__ import annotations

from pathlib import Path


def test_test_files_have_unique_names() -> None:
    names = [path.name for path in Path(__file__).parents[1].rglob("test_*.py")]
    assert len(names) > 200
    assert sorted(names) == sorted(set(names))
