"""A kept folder, or an export, that somebody else wrote: nothing outside it is read or changed."""

from __future__ import annotations

import json
import math
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from lipiyana.cli.main import app
from lipiyana.errors import InvalidRequest
from lipiyana.review.keeper import KeepLimits, UnsureKeeper
from lipiyana.review.kept import read_kept, read_without_links
from lipiyana.review.private_folder import NOTICE, NOTICE_FILE
from lipiyana.review.tasks import TASKS, export_tasks, import_labels, task
from lipiyana.review.unsureness import Unsureness

NAME = "0123456789abcdef0123.png"
ANSWER = {
    "image_width": 120,
    "image_height": 90,
    "plates": [],
    "text_lines": [
        {
            "text": "SHOP",
            "script": "Latn",
            "confidence": 0.5,
            "polygon": [{"x": x, "y": y} for x, y in ((1, 1), (60, 1), (60, 20), (1, 20))],
        }
    ],
}
GOOD = {
    "file": NAME,
    "score": 0.7,
    "reasons": {"margin": 0.7},
    "scene": "0" * 64,
    "track": "",
    "kept_at": 1000.0,
    "size": 3,
    "answer": ANSWER,
}


@pytest.fixture
def picture() -> bytes:
    pixels = np.random.default_rng(0).integers(0, 255, (90, 120, 3), np.uint8)
    return cv2.imencode(".png", pixels)[1].tobytes()


@pytest.fixture
def kept(tmp_path: Path, picture: bytes) -> Path:
    folder = tmp_path / "kept"
    folder.mkdir()
    (folder / NOTICE_FILE).write_text(NOTICE)
    (folder / NAME).write_bytes(picture)
    return folder


@pytest.fixture
def treasure(tmp_path: Path) -> Iterator[Path]:
    """A file outside the folder, which must stay what it is."""
    file = tmp_path / ".bashrc"
    file.write_bytes(b"mine")
    yield file
    assert file.read_bytes() == b"mine"
    assert stat.S_ISREG(file.lstat().st_mode)


def note(folder: Path, content: object, file: str = NAME) -> Path:
    path = folder / f"{file}.note.json"
    path.write_text(json.dumps(content))
    return path


def uses(folder: Path, out: Path) -> list[str]:
    """Do all that is done with a folder of notes long out of date; give the pictures' names."""
    names = [one.file for one in read_kept(folder)]
    shown = CliRunner().invoke(app, ["review", "list", str(folder)])
    assert shown.exit_code == (0 if names else 1), shown.output
    exported = CliRunner().invoke(app, ["review", "export", str(folder), "-o", str(out)])
    assert exported.exit_code == 0 if names else isinstance(exported.exception, InvalidRequest)
    keeper = UnsureKeeper(folder, KeepLimits(seconds=60))
    assert keeper.kept == ()
    return names


def test_a_good_note_is_one(kept: Path, tmp_path: Path) -> None:
    note(kept, GOOD)
    assert uses(kept, tmp_path / "out") == [NAME]
    (task,) = json.loads((tmp_path / "out" / TASKS).read_text())
    assert [r["type"] for r in task["predictions"][0]["result"]] == [
        "polygon", "labels", "textarea",
    ]  # fmt: skip
    assert [path.name for path in kept.iterdir()] == ["PRIVATE.txt"]


@pytest.mark.parametrize("form", ["../.bashrc", "{absolute}", "other.png", "", 3, None, [NAME]])
@pytest.mark.parametrize("own_name", [True, False])
def test_a_note_speaks_of_its_own_picture_alone(
    kept: Path, tmp_path: Path, treasure: Path, form: object, own_name: bool
) -> None:
    file = str(treasure) if form == "{absolute}" else form
    note(kept, {**GOOD, "file": file}, NAME if own_name else "x.png")
    assert uses(kept, tmp_path / "out") == []


def test_links_are_not_followed(kept: Path, tmp_path: Path, treasure: Path) -> None:
    (kept / NAME).unlink()
    (kept / NAME).symlink_to(treasure)
    note(kept, GOOD)
    assert uses(kept, tmp_path / "out") == []
    assert not (tmp_path / "out" / NAME).exists()
    assert (kept / NAME).is_symlink()


def test_a_note_that_is_a_link_is_none(kept: Path, tmp_path: Path) -> None:
    note(tmp_path, GOOD)
    (kept / f"{NAME}.note.json").symlink_to(tmp_path / f"{NAME}.note.json")
    assert uses(kept, tmp_path / "out") == []
    assert (tmp_path / f"{NAME}.note.json").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="no pipes in folders")
def test_a_pipe_is_not_waited_for(kept: Path, tmp_path: Path) -> None:
    note(kept, GOOD)
    (kept / NAME).unlink()
    os.mkfifo(kept / NAME)
    assert uses(kept, tmp_path / "out") == []
    with pytest.raises(OSError, match="not a regular file"):
        read_without_links(kept)


def test_written_files_replace_links(
    kept: Path, tmp_path: Path, treasure: Path, picture: bytes
) -> None:
    note(kept, GOOD)
    out = tmp_path / "out"
    out.mkdir()
    for name in (NAME, TASKS, "label_config.xml"):
        (out / name).symlink_to(treasure)
        (out / f".{name}.part").symlink_to(treasure)
    assert export_tasks(kept, out) == 1
    assert (out / NAME).read_bytes() == picture
    assert not any(path.is_symlink() for path in out.iterdir())


def test_kept_pictures_are_private_and_replace_links(tmp_path: Path, treasure: Path) -> None:
    folder = tmp_path / "kept"
    keeper = UnsureKeeper(folder)
    pixels = np.zeros((90, 120, 3), np.uint8)
    assert keeper.offer(b"one", ".png", pixels, Unsureness(0.9, {"margin": 0.9}), {})
    (name,) = (one.file for one in keeper.kept)
    for path in (folder / name, folder / f"{name}.note.json"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        path.unlink()
        path.symlink_to(treasure)
        (folder / f".{path.name}.part").symlink_to(treasure)
    again = UnsureKeeper(folder)
    assert again.kept == ()
    assert again.offer(b"one", ".png", pixels, Unsureness(0.9, {"margin": 0.9}), {})
    assert not any(path.is_symlink() for path in folder.iterdir())
    with pytest.raises(ValueError, match="suffix"):
        again.offer(b"two", "/../../.bashrc", pixels, Unsureness(0.9, {"margin": 0.9}), {})


def test_a_folder_of_such_a_name_is_left(kept: Path) -> None:
    (kept / NAME).unlink()
    (kept / NAME).mkdir()
    assert UnsureKeeper(kept).kept == ()
    assert (kept / NAME).is_dir()


NAMES = (
    "data image annotations completions result value text points x y width height id rotation "
    "original_width original_height was_cancelled type"
)
JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["a.png", "../.bashrc", NAME, "/data/local-files/?d=a.png", "http://[/a.b"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(NAMES.split()) | st.text(),
            inner,
            max_size=6,
        )
    ),
    max_leaves=30,
)


def spoilt(draw: st.DrawFn, value: Any) -> Any:
    """Put any JSON in the place of a part."""
    if draw(st.integers(0, 7)) == 0 or not isinstance(value, dict | list):
        return draw(JSON_VALUES) if draw(st.integers(0, 3)) == 0 else value
    if isinstance(value, list):
        return [spoilt(draw, one) for one in value]
    return {name: spoilt(draw, one) for name, one in value.items()}


@st.composite
def notes(draw: st.DrawFn) -> Any:
    return spoilt(draw, GOOD)


@st.composite
def exports(draw: st.DrawFn) -> Any:
    place = {"x": 10, "y": 10, "width": 50, "height": 50, "rotation": 0}
    outline = {"points": [[0, 0], [50, 0], [50, 50], [0, 50]], "text": "a"}
    results = [
        {"id": "a", "type": "textarea", "value": {**place, "text": ["KA01"]}},
        {"id": "b", "type": "polygon", "value": outline},
    ]
    task = {"id": 1, "data": {"image": "a.png"}, "annotations": [{"result": results}]}
    return spoilt(draw, [task, task])


SLOW = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@SLOW
@given(notes())
def test_any_note_is_read_or_passed_over(kept: Path, content: Any) -> None:
    note(kept, content)
    for one in read_kept(kept):
        assert one.file == NAME
        json.dumps(task(one), allow_nan=False).encode()


@SLOW
@given(exports() | JSON_VALUES)
def test_any_export_is_imported_or_refused(tmp_path: Path, picture: bytes, content: Any) -> None:
    (tmp_path / "a.png").write_bytes(picture)
    (tmp_path / "export.json").write_text(json.dumps(content))
    out = tmp_path / "out"
    try:
        made = import_labels(tmp_path / "export.json", out)
    except InvalidRequest:
        return
    rows = (out / "labels.tsv").read_text("utf-8").split("\n")[:-1]
    assert made.written
    assert all(row.count("\t") == 1 and (out / row.split("\t")[0]).is_file() for row in rows)


def test_pictures_elsewhere_are_not_imported(
    tmp_path: Path, picture: bytes, treasure: Path
) -> None:
    inside = tmp_path / "in"
    inside.mkdir()
    (tmp_path / "secret.png").write_bytes(picture)
    (inside / "a.png").symlink_to(tmp_path / "secret.png")
    result = [{"id": "w", "type": "textarea", "value": {"text": ["ABC"]}}]
    addresses = ("a.png", "../secret.png", str(tmp_path / "secret.png"))
    tasks = [{"data": {"image": a}, "annotations": [{"result": result}]} for a in addresses]
    (inside / "export.json").write_text(json.dumps(tasks))
    with pytest.raises(InvalidRequest, match="not beside the export"):
        import_labels(inside / "export.json", tmp_path / "out")
    (inside / "a.png").unlink()
    (inside / "a.png").write_bytes(picture)
    (tmp_path / "out" / "labels.tsv").symlink_to(treasure)
    with pytest.raises(InvalidRequest, match="not a regular file"):
        import_labels(inside / "export.json", tmp_path / "out")


@pytest.mark.parametrize("content", ["[" * 100_000, '[{"id": ' + "9" * 5000 + "}]", "\x00"])
def test_json_that_is_none_is_one_error(tmp_path: Path, content: str) -> None:
    (tmp_path / "export.json").write_text(content)
    with pytest.raises(InvalidRequest, match="is not JSON"):
        import_labels(tmp_path / "export.json", tmp_path / "out")


@pytest.mark.parametrize(
    "value",
    [
        {"points": [[1e308, 0], [50, 0], [50, 50], [0, 50]]},
        {"points": [[True, False]] * 4},
        {"points": [[1, 2]]},
        {"points": [[math.nan, 0], [50, 0], [50, 50], [0, 50]]},
        {"x": 10, "y": 10, "width": 1e300, "height": 10},
        {"x": True, "y": 10, "width": 10, "height": 10},
    ],
)
def test_places_that_make_no_sense_are_not_cut_out(
    tmp_path: Path, picture: bytes, value: dict[str, Any]
) -> None:
    (tmp_path / "a.png").write_bytes(picture)
    result = [{"id": "w", "type": "textarea", "value": {**value, "text": ["ABC"]}}]
    tasks = [{"data": {"image": "a.png"}, "annotations": [{"result": result}]}]
    (tmp_path / "export.json").write_text(json.dumps(tasks))
    with pytest.raises(InvalidRequest, match="a region has an invalid position"):
        import_labels(tmp_path / "export.json", tmp_path / "out")


@pytest.mark.parametrize("place", ["link", "folder", "nothing"])
def test_a_folder_that_replaced_the_kept_one_is_unchanged(tmp_path: Path, place: str) -> None:
    folder, out = tmp_path / "keep", tmp_path / "out"
    keeper = UnsureKeeper(folder, KeepLimits(pictures=1, seconds=60), clock=lambda: 0.0)
    pixels = np.zeros((90, 120, 3), np.uint8)
    assert keeper.offer(b"first", ".jpg", pixels, Unsureness(0.7, {"margin": 0.7}), ANSWER)
    (first,) = [one.file for one in keeper.kept]
    folder.rename(tmp_path / "away")
    out.mkdir()
    (out / first).write_text("a stranger's")
    if place == "link":
        folder.symlink_to(out)
    elif place == "folder":
        out = out.rename(folder)
    assert not keeper.offer(b"second", ".jpg", pixels, Unsureness(0.9, {"margin": 0.9}), ANSWER)
    keeper.remove_old()
    assert {one.name for one in out.iterdir()} == {first}
    assert (out / first).read_text() == "a stranger's"
