from __future__ import annotations

from pathlib import Path

import pytest

from lipiyana.errors import InvalidRequest, NotFound
from lipiyana.watch.inputs.sources import SourceKind, parse_sources


def test_kinds_and_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.mp4", "7", "x=y.mp4"):
        Path(name).write_bytes(b"")
    Path("inbox").mkdir()
    given = [
        "a.mp4", "7", "8", "inbox", "rtsp://u:p@camera.example:554/1?token=t", "x=y.mp4",
        "gate=a.mp4", "./a.mp4", "yard=HTTPS://camera.example/x", "inbox=inbox",
    ]  # fmt: skip
    with pytest.raises(InvalidRequest, match="two sources have the name inbox"):
        parse_sources(given)
    sources = parse_sources(given[:-1])
    assert [(source.name, source.kind.value) for source in sources] == [
        ("a", "file"),
        ("7", "file"),  # what exists is no camera
        ("camera8", "camera"),
        ("inbox", "folder"),
        ("camera.example", "address"),
        ("x=y", "file"),
        ("gate", "file"),
        ("a-2", "file"),
        ("yard", "address"),
    ]
    assert sources[4].shown == "rtsp://camera.example:554/1"
    assert sources[4].location.endswith("?token=t")
    assert sources[2].shown == "camera 8"
    live = [source.name for source in sources if source.is_live]
    assert live == ["camera8", "camera.example", "yard"]
    assert {source.kind for source in sources if not source.is_endless} == {SourceKind.FILE}


@pytest.mark.parametrize(
    "wrong", ["concat:a.mp4|b.mp4", "gate=none.mp4", "99999", "", " ", "gate="]
)
def test_what_is_nothing(wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotFound, match=r"there is no file or folder|a SOURCE is empty"):
        parse_sources([wrong])


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("rtsp://", "the name of a host is missing"),
        ("rtsp:///1", "the name of a host is missing"),
        ("rtsp://u:p@[::1", "IPv6"),
        ("rtsp://u:p@h:0/1", "its port"),
        ("rtsp://u:p@h:x/1", "its port"),
        ("rtsp://h/1\n", "line breaks"),
    ],
)
def test_faults_of_addresses(wrong: str, says: str) -> None:
    with pytest.raises(InvalidRequest, match=says) as caught:
        parse_sources([wrong])
    assert "u:p" not in caught.value.message


@pytest.mark.parametrize("wrong", ["file:///etc/passwd", "ftp://u:p@h/x"])
def test_addresses_of_other_schemes(wrong: str) -> None:
    with pytest.raises(InvalidRequest, match="is not an address of rtsp") as caught:
        parse_sources([wrong])
    assert "u:p" not in caught.value.message
