from __future__ import annotations

import os
import socket
from collections import Counter
from pathlib import Path

import pytest
import typer

from lipiyana.cli.sources import describe_ignored, list_pictures, refuse_inputs_in


def make(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def paths(*inputs: str) -> list[str]:
    return [source.path for source in list_pictures(inputs)]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_folder_is_read_recursively_in_order_of_path(here: Path) -> None:
    make(here, "in/b.jpg", "in/a/z.PNG", "in/a.jpg", "in/a-b/x.webp", "in/a/é.tif", "in/क.bmp")
    found = paths("in")
    assert found == sorted(found)
    assert set(found) == {
        "in/b.jpg", "in/a/z.PNG", "in/a.jpg", "in/a-b/x.webp", "in/a/é.tif", "in/क.bmp",
    }  # fmt: skip


def test_other_and_hidden_files_of_a_folder_are_skipped(here: Path) -> None:
    make(here, "in/a.jpg", "in/labels.tsv", "in/jpg", "in/._a.jpg", "in/.thumbs/a.jpg")
    assert paths("in") == ["in/a.jpg"]


def test_paths_start_with_the_input(here: Path) -> None:
    make(here, "in/a.jpg")
    assert paths(".") == ["./in/a.jpg"]
    assert paths("in/") == ["in/a.jpg"]
    assert paths("./in") == ["./in/a.jpg"]
    assert paths(str(here / "in")) == [str(here / "in" / "a.jpg")]


def test_relative_paths_are_below_the_input(here: Path) -> None:
    make(here, "in/a/b.jpg", "c.jpg")
    assert [source.relative for source in list_pictures(["in", "in/a/b.jpg", "c.jpg"])] == [
        "a/b.jpg",
        "c.jpg",
    ]


def test_a_named_file_is_listed_even_if_missing_or_of_another_suffix(here: Path) -> None:
    make(here, "picture.dat")
    assert paths("picture.dat", "missing.jpg") == ["picture.dat", "missing.jpg"]


def test_patterns_are_expanded_in_order(here: Path) -> None:
    make(here, "in/b.jpg", "in/a.jpg", "in/deep/c.jpg", "in/a.txt")
    assert paths("in/*.jpg") == ["in/a.jpg", "in/b.jpg"]
    assert paths("in/**/*.jpg") == ["in/a.jpg", "in/b.jpg", "in/deep/c.jpg"]
    assert paths("in/[b]*") == ["in/b.jpg"]


def test_a_pattern_that_matches_a_folder_reads_each_path_once(here: Path) -> None:
    make(here, "in/b.jpg", "in/deep/c.jpg")
    assert paths("in/**") == ["in/b.jpg", "in/deep/c.jpg"]


def test_a_pattern_without_matches_is_reported(here: Path) -> None:
    make(here, "a.jpg")
    listing = list_pictures(["*.png", "a.jpg"])
    assert listing.unmatched == ("*.png",)
    assert [source.path for source in listing] == ["a.jpg"]


def test_an_existing_name_with_wildcards_is_not_a_pattern(here: Path) -> None:
    make(here, "a[1].jpg", "a1.jpg", "in [2024]/b.jpg")
    assert paths("a[1].jpg", "in [2024]") == ["a[1].jpg", "in [2024]/b.jpg"]


@pytest.mark.parametrize(
    "inputs",
    [
        ["in", "in"],
        ["in", "in/"],
        ["in/a.jpg", "in"],
        ["in", "in/a.jpg", "in/deep"],
        ["in/deep", "in"],
        ["in/deep/c.jpg", "in", "in/deep", "in/*"],
    ],
)
def test_a_path_is_read_once(here: Path, inputs: list[str]) -> None:
    make(here, "in/a.jpg", "in/deep/c.jpg", "inner/d.jpg")
    found = paths(*inputs, "inner")
    assert sorted(found) == ["in/a.jpg", "in/deep/c.jpg", "inner/d.jpg"]


def test_a_folder_may_be_walked_twice(here: Path) -> None:
    make(here, "in/a.jpg", "in/b.jpg")
    listing = list_pictures(["in", "in/b.jpg"])
    assert list(listing) == list(listing)


def test_links_to_files_are_read_and_links_to_folders_skipped(here: Path) -> None:
    make(here, "in/a.jpg", "other/b.jpg")
    (here / "in" / "link.jpg").symlink_to("a.jpg")
    (here / "in" / "dangling.jpg").symlink_to("nowhere")
    (here / "in" / "folder").symlink_to(here / "other")
    (here / "in" / "loop").symlink_to(here / "in")
    assert paths("in") == ["in/a.jpg", "in/dangling.jpg", "in/link.jpg"]
    assert paths("in/folder") == ["in/folder/b.jpg"]


def test_names_that_are_not_utf8(here: Path) -> None:
    name = os.fsdecode(b"caf\xe9.jpg")
    (here / "in").mkdir()
    try:
        (here / "in" / name).touch()
    except OSError:
        pytest.skip("this file system wants UTF-8")
    assert paths("in") == [f"in/{name}"]
    assert paths("in/*.jpg") == [f"in/{name}"]


def test_pipes_and_sockets_are_listed_but_not_opened(here: Path) -> None:
    (here / "in").mkdir()
    os.mkfifo(here / "in" / "pipe.jpg")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("in/socket.jpg")
        assert paths("in") == ["in/pipe.jpg", "in/socket.jpg"]


def test_an_unreadable_folder_is_an_error_in_its_place(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(here, "in/a.jpg", "in/secret/b.jpg", "in/z.jpg")
    scandir = os.scandir

    def guarded(path: str) -> object:
        if path.endswith("secret/"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    found = list(list_pictures(["in"]))
    assert [source.path for source in found] == ["in/a.jpg", "in/secret/", "in/z.jpg"]
    assert [source.error and source.error.code for source in found] == [
        None,
        "PERMISSION_DENIED",
        None,
    ]


def test_the_output_folder_is_skipped(here: Path) -> None:
    make(here, "in/a.jpg", "in/kept/b.jpg", "in/kept/deep/c.jpg", "in/kept.jpg", "in/keptt/d.jpg")
    (here / "link").symlink_to(here / "in")
    whole = ["a.jpg", "kept.jpg", "keptt/d.jpg"]
    for kept in (Path("in/kept"), here / "link" / "kept", Path("in/../in/kept/")):
        for given in ("in", "in/**/*.jpg", "link/"):
            found = sorted(source.path for source in list_pictures([given], excluded=[kept]))
            assert found == [f"{given.split('/')[0]}/{name}" for name in whole]


@pytest.mark.parametrize("given", ["in", "in/*", "in/a.jpg in/rows.csv in/rows.txt"])
def test_the_output_file_is_neither_read_nor_counted(here: Path, given: str) -> None:
    make(here, "in/a.jpg", "in/rows.csv", "in/rows.txt")
    (here / "link.csv").symlink_to(here / "in" / "rows.csv")
    for output in (Path("in/rows.csv"), here / "link.csv"):
        passed: Counter[str] = Counter()
        listing = list_pictures(given.split(), excluded=[output])
        found = [source.path for source in listing.walk(passed)]
        if given == "in":
            assert found == ["in/a.jpg"]
            assert passed == {".txt": 1}
        else:  # what is named is read, whatever its suffix
            assert found == ["in/a.jpg", "in/rows.txt"]


@pytest.mark.parametrize("given", ["in/kept", "in/kept/b.jpg", "in/kept/deep"])
def test_the_output_folder_is_refused_as_input(here: Path, given: str) -> None:
    make(here, "in/kept/b.jpg", "in/kept/deep/c.jpg")
    with pytest.raises(typer.BadParameter, match="written to; name another folder"):
        refuse_inputs_in(here / "in" / "kept", [given], "--keep-unsure")
    refuse_inputs_in(here / "in" / "kept", ["in"], "--keep-unsure")


def test_skipped_files_are_counted_once_by_kind(here: Path) -> None:
    make(here, "in/a.jpg", "in/b.HEIC", "in/c.heic", "in/deep/d.pdf", "in/README", "in/.hidden")
    (here / "in" / "link").symlink_to(here / "in" / "deep")
    for inputs in (["in"], ["in", "in/deep"], ["in/deep", "in", "in"]):
        passed: Counter[str] = Counter()
        assert [source.path for source in list_pictures(inputs).walk(passed)] == ["in/a.jpg"]
        assert passed == {"HEIC": 2, "PDF": 1, "without a suffix": 1, "links to folders": 1}


def test_of_many_skipped_kinds_only_some_are_named() -> None:
    kinds = {f".{letter}": 1 for letter in "bcdefgh"} | {".a": 3}
    assert describe_ignored(kinds) == "3 .a, 1 .b, 1 .c, 1 .d, 1 .e, 1 .f, 2 others"
    kinds.pop(".h")
    assert describe_ignored(kinds).endswith(", 1 .f, 1 other")
    assert describe_ignored({}) == ""


def test_skipped_files_are_counted_in_the_singular_and_the_plural() -> None:
    one = {f".{letter}": 2 for letter in "abcdef"} | {".g": 1}
    assert describe_ignored(one).endswith("2 .f, 1 other")
    single = {"video": 1, "raw photo": 1, "HEIC": 1, "links to folders": 1, "without a suffix": 1}
    assert describe_ignored(single) == (
        "1 HEIC, 1 raw photo, 1 video, 1 link to a folder, 1 without a suffix"
    )
    assert describe_ignored(dict.fromkeys(single, 2)) == (
        "2 HEIC, 2 raw photos, 2 videos, 2 links to folders, 2 without a suffix"
    )


def test_a_missing_input_is_named_as_given(here: Path) -> None:
    (source,) = list_pictures(["nosuch/"])
    assert source.error is not None
    assert source.error.message == "there is no file or folder nosuch/"
    assert source.error.code == "NOT_FOUND"


def test_a_url_is_not_fetched(here: Path) -> None:
    (source,) = list_pictures(["https://example.com/a.jpg"])
    assert source.error is not None
    assert "not fetched from a URL: download it first" in source.error.message
