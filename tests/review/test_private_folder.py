"""Folders of kept pictures: whose they may be, and what is removed from them."""

from __future__ import annotations

import stat
from pathlib import Path

import numpy as np
import pytest

from lipiyana.errors import PermissionDenied
from lipiyana.review.keeper import UnsureKeeper
from lipiyana.review.private_folder import NOTICE
from lipiyana.review.tasks import TASKS, export_tasks
from lipiyana.review.unsureness import Unsureness


def test_foreign_files_with_similar_names_are_not_removed(tmp_path: Path) -> None:
    UnsureKeeper(tmp_path)
    name = f"{'0' * 20}.jpg"
    strange = {
        name: b"a picture of somebody's",
        f".{name}.part": b"a part",
        f"{'1' * 20}.jpg.note.json": b'{"file": "of another form"}',
        f".{'2' * 20}.jpg.note.json.part": b"no note",
    }
    for file, content in strange.items():
        (tmp_path / file).write_bytes(content)
    (tmp_path / f"{'3' * 20}.jpg").symlink_to(tmp_path / name)
    before = {path.name for path in tmp_path.iterdir()}
    assert UnsureKeeper(tmp_path).kept == ()
    assert {path.name for path in tmp_path.iterdir()} == before
    assert {file: (tmp_path / file).read_bytes() for file in strange} == strange


@pytest.mark.parametrize("how", ["link", "full", "foreign notice", "notice is a link", "file"])
def test_a_foreign_folder_is_refused(tmp_path: Path, how: str) -> None:
    target, folder = tmp_path / "target", tmp_path / "kept"
    target.mkdir(0o755)
    if how == "link":
        folder.symlink_to(target)
    elif how == "file":
        folder.touch()
    else:
        folder.mkdir(0o755)
        (target / "PRIVATE.txt").write_text(NOTICE)
    if how == "full":
        (folder / "a.txt").touch()
    elif how == "foreign notice":
        (folder / "PRIVATE.txt").write_text("mine")
    elif how == "notice is a link":
        (folder / "PRIVATE.txt").symlink_to(target / "PRIVATE.txt")
    before = sorted(str(path) for path in tmp_path.rglob("*"))
    modes = {path: path.stat().st_mode for path in (target, folder)}
    with pytest.raises(PermissionDenied, match="cannot keep pictures"):
        UnsureKeeper(folder)
    assert sorted(str(path) for path in tmp_path.rglob("*")) == before
    assert {path: path.stat().st_mode for path in modes} == modes


def test_an_export_does_not_change_the_permissions_of_its_folder(tmp_path: Path) -> None:
    keeper = UnsureKeeper(tmp_path / "kept")
    pixels = np.random.default_rng(0).integers(0, 255, (90, 120, 3), np.uint8)
    assert keeper.offer(b"a picture", ".jpg", pixels, Unsureness(0.9, {"margin": 0.9}), {})
    (tmp_path / "out").mkdir()
    (tmp_path / "out").chmod(0o755)
    export_tasks(tmp_path / "kept", tmp_path / "out")
    export_tasks(tmp_path / "kept", tmp_path / "new" / "out")
    for folder, mode in ((tmp_path / "out", 0o755), (tmp_path / "new" / "out", 0o700)):
        assert stat.S_IMODE(folder.stat().st_mode) == mode
        assert stat.S_IMODE((folder / TASKS).stat().st_mode) == 0o600
