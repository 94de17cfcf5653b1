from __future__ import annotations

import errno
import os
import stat
import tomllib
from pathlib import Path

import pytest

from lipiyana import files
from lipiyana.errors import InvalidImage, LipiyanaError, NotFound, PermissionDenied
from lipiyana.files import (
    open_regular,
    parse_json,
    read_file,
    read_picture_file,
    read_text,
    read_toml,
    replacing,
    write_atomically,
)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    os.mkfifo(tmp_path / "pipe")
    cases: list[tuple[Path, type[LipiyanaError], str]] = [
        (tmp_path / "none", NotFound, "NOT_FOUND"),
        (tmp_path / "file" / "below", NotFound, "NOT_FOUND"),
        (tmp_path, InvalidImage, "NOT_AN_IMAGE"),
        (tmp_path / "pipe", InvalidImage, "NOT_AN_IMAGE"),
        (tmp_path / "file", InvalidImage, "IMAGE_TOO_LARGE"),
        (Path("a\0b"), InvalidImage, "NOT_AN_IMAGE"),
    ]
    for path, kind, reason in cases:
        with pytest.raises(kind) as caught:
            read_picture_file(path, max_bytes=4)
        assert (type(caught.value), caught.value.reason) == (kind, reason)


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "closed"
    path.write_bytes(b"1")
    path.chmod(0)
    if os.access(path, os.R_OK):  # root may read every file

        def refuse(path: Path, *_: object) -> None:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

        monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(PermissionDenied):
        read_picture_file(path)


def test_a_path_that_is_not_utf8(tmp_path: Path) -> None:
    missing = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.jpg"))
    with pytest.raises(NotFound) as caught:
        read_picture_file(missing)
    assert caught.value.message.encode().endswith(b"\\xff.jpg")


def test_a_file_has_a_bound(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert read_file(path, 5) == b"12345"
    with pytest.raises(OSError, match="more than 4 bytes") as caught:
        read_file(path, 4)
    assert caught.value.strerror == "more than 4 bytes"


def test_a_link_is_followed_or_not(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"1")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    assert read_file(tmp_path / "link") == b"1"
    with pytest.raises(OSError, match="not a regular file"):
        read_file(tmp_path / "link", follow_links=False)


@pytest.mark.parametrize("name", ["/dev/zero", "/dev/tty", "pipe", "link to a pipe", "."])
def test_special_files_are_refused_at_once(name: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link to a pipe").symlink_to(tmp_path / "pipe")
    with pytest.raises(OSError, match="not a regular file"):
        read_file(tmp_path / name)


def test_a_file_that_becomes_a_pipe_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"1")
    really_open = os.open

    def replaced(name: Path, flags: int) -> int:
        path.unlink()
        os.mkfifo(path)
        return really_open(name, flags)

    monkeypatch.setattr(files.os, "open", replaced)
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(OSError, match="not a regular file"):
        open_regular(path)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_file_of_the_kernel_that_has_nothing_to_give_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # an empty pipe that says it is regular, as /proc/kmsg does
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    (tmp_path / "file").write_bytes(b"1")
    monkeypatch.setattr(files, "_check_regular", lambda *_: None)
    monkeypatch.setattr(files.os, "open", lambda *_: reading)
    try:
        with pytest.raises(OSError, match="nothing can be read"):
            read_file(tmp_path / "file")
    finally:
        os.close(writing)


def test_text_ends_its_lines_in_one_way(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"\xef\xbb\xbfone\r\ntwo\rthree\n")
    assert read_text(path, "utf-8-sig") == "one\ntwo\nthree\n" == path.read_text("utf-8-sig")


def test_deep_nesting_is_a_value_error(tmp_path: Path) -> None:
    path = tmp_path / "file.toml"
    path.write_text("a = " + "[" * 100_000)
    with pytest.raises(ValueError, match="nested too deeply"):
        read_toml(path)
    with pytest.raises(ValueError, match="nested too deeply"):
        parse_json("[" * 200_000)


@pytest.mark.parametrize(
    "text",
    [
        ".".join(["a"] * 20_000) + " = 1",
        " . ".join(['"a"'] * 8_000) + " = 1",
        "[" + ".".join(["a"] * 20_000) + "]",
        "a = {" + ".".join(["a"] * 20_000) + " = 1}",
        "\n".join(f"a{n}." + ".".join(["a"] * 90) + " = 1" for n in range(1000)),
    ],
)
def test_names_of_too_many_parts_are_refused_unparsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setattr(tomllib, "loads", lambda _: pytest.fail("it was parsed"))
    path = tmp_path / "file.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match="too many dots"):
        read_toml(path)


def test_a_toml_file_of_ordinary_dots_is_read(tmp_path: Path) -> None:
    path = tmp_path / "file.toml"
    numbers = ", ".join(["0.5"] * 1000)
    path.write_text(f"# {'.' * 200}\na.b.c = [{numbers}]\n")
    assert len(read_toml(path)["a"]["b"]["c"]) == 1000


def test_a_toml_file_that_is_too_long(tmp_path: Path) -> None:
    path = tmp_path / "file.toml"
    path.write_text("#" * (files.MAX_TOML_BYTES + 1))
    with pytest.raises(OSError, match="more than"):
        read_toml(path)


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    file.write_text("old")
    with replacing(file) as partial:
        partial.write_text("new")
        assert file.read_text() == "old"
    assert file.read_text() == "new"
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_stays_as_it_was_where_writing_fails(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    file.write_text("old")

    def write_half() -> None:
        with replacing(file) as partial:
            partial.write_text("ne")
            raise OSError(errno.ENOSPC, "no space left")

    with pytest.raises(OSError, match="no space"):
        write_half()
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_link_beside_the_file_is_not_written_through(tmp_path: Path) -> None:
    file, treasure = tmp_path / "state.json", tmp_path / "treasure"
    treasure.write_text("gold")
    (tmp_path / ".state.json.part").symlink_to(treasure)
    with replacing(file) as partial:
        partial.write_text("new")
    assert (file.read_text(), treasure.read_text()) == ("new", "gold")


def test_only_files_are_replaced(tmp_path: Path) -> None:
    pipe, folder, file = tmp_path / "pipe", tmp_path / "folder", tmp_path / "file"
    os.mkfifo(pipe)
    folder.mkdir()
    for path in (pipe, folder):
        with pytest.raises(OSError, match="not a regular file"):
            write_atomically(path, b"new")
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    link = tmp_path / "link"
    link.symlink_to(pipe)  # replaced, not followed
    for path in (file, link):
        write_atomically(path, b"new")
        assert path.read_bytes() == b"new"
