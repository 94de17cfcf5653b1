from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer

from lipiyana.cli.options import (
    choice,
    existing_file,
    existing_folder,
    existing_path,
    folder_to_write,
    number,
    whole_number,
)
from lipiyana.types import Layout


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    Path("file").touch()


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (whole_number(1, 9), "9", 9),
        (whole_number(1, 9), 1, 1),
        (number(0, 1), "0.5", 0.5),
        (number(0, 1), 1.0, 1.0),
        (choice(Layout), "Plate", Layout.PLATE),
        (choice(Layout), Layout.LINE, Layout.LINE),
        (existing_path, "folder", Path("folder")),
        (existing_path, "file", Path("file")),
        (existing_folder, "folder", Path("folder")),
        (existing_file, "file", Path("file")),
        (folder_to_write, "folder", Path("folder")),
        (folder_to_write, "new", Path("new")),
    ],
)
def test_valid_values_are_parsed(parse: Callable[[Any], Any], text: object, value: object) -> None:
    assert parse(text) == value


@pytest.mark.parametrize(
    ("parse", "text", "says"),
    [
        (whole_number(1, 9), "10", "10 is not between 1 and 9"),
        (whole_number(1), "0", "0 is not at least 1"),
        (whole_number(1), "1.5", "1.5 is not a whole number"),
        (number(0, 1), "nan", "nan is not a number"),
        (number(0, 1), "inf", "inf is not between 0 and 1"),
        (number(0, 1), "half", "half is not a number"),
        (choice(Layout), "page", "page is not one of scene, line, plate"),
        (choice(Layout), "plates", "plate. Did you mean 'plate'"),
        (existing_path, "new", "there is no file or folder new"),
        (existing_folder, "new", "there is no folder new"),
        (existing_folder, "file", "file is a file; name a folder"),
        (existing_file, "new", "there is no file new"),
        (existing_file, "folder", "folder is a folder; name a file"),
        (folder_to_write, "file", "file is a file; name a folder"),
    ],
)
def test_invalid_values_are_refused(parse: Callable[[Any], Any], text: str, says: str) -> None:
    with pytest.raises(typer.BadParameter, match=says):
        parse(text)
