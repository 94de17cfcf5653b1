from __future__ import annotations

import errno
import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lipiyana.errors import InvalidImage, LipiyanaError, NotFound, PermissionDenied
from lipiyana.files import picture_bytes, read_picture_file
from lipiyana.types import RawImage, RecognitionConfig


def test_a_path_becomes_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"123")
    assert picture_bytes(path) == picture_bytes(str(path)) == b"123"


@pytest.mark.parametrize("image", [b"x", RawImage(b"x", 1, 1)])
def test_what_is_in_memory_stays_as_it_is(image: bytes | RawImage) -> None:
    assert picture_bytes(image) is image


@pytest.mark.parametrize(
    ("image", "says"),
    [
        (
            np.zeros((8, 8, 3), np.uint8),
            r'not ndarray; write RawImage\.from_array\(array, "bgr8"\)',
        ),
        (Image.new("RGB", (8, 8)), r'numpy\.asarray\(image\.convert\("RGB"\)\), "rgb8"\)$'),
        (None, "cv2.imread gives None"),
        (bytearray(b"x"), r"write bytes\(picture\)"),
        (io.BytesIO(b"x"), r"write file\.read\(\)"),
        (7, "not int$"),
        (RecognitionConfig(), "not RecognitionConfig$"),
    ],
)
def test_what_is_no_picture_is_told_what_to_be(image: Any, says: str) -> None:
    with pytest.raises(InvalidImage, match=says) as caught:
        picture_bytes(image)
    assert (caught.value.field, caught.value.reason) == ("image", "NOT_AN_IMAGE")


@pytest.mark.parametrize(
    ("name", "kind"), [("", NotFound), ("none.jpg", NotFound), ("\ud800.jpg", InvalidImage)]
)
def test_names_of_no_file(name: str, kind: type[LipiyanaError]) -> None:
    with pytest.raises(kind) as caught:
        picture_bytes(name)
    assert caught.value.message.encode()


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

        monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(PermissionDenied):
        read_picture_file(path)


def test_a_path_that_is_not_utf8(tmp_path: Path) -> None:
    missing = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.jpg"))
    with pytest.raises(NotFound) as caught:
        read_picture_file(missing)
    assert caught.value.message.encode().endswith(b"\\xff.jpg")
