"""What a model was made of: version of the data, of the code, and its parent."""

from __future__ import annotations

import os
from importlib.metadata import version
from pathlib import Path

import pytest

from lipiyana.learning.finetune.common.provenance import (
    code_version,
    data_digest,
    provenance_of,
)
from lipiyana.runtime.manifest import ModelEntry, Task


def test_the_data_are_labels_and_pictures(tmp_path: Path) -> None:
    first, second = tmp_path / "a.png", tmp_path / "b.png"
    first.write_bytes(b"one")
    second.write_bytes(b"two")
    whole = data_digest([(first, "KA"), (second, "MH")])
    moved = tmp_path / "elsewhere.png"
    moved.write_bytes(b"one")
    assert data_digest([(second, "MH"), (moved, "KA")]) == whole
    assert data_digest([(first, "KL"), (second, "MH")]) != whole
    second.write_bytes(b"another picture")
    assert data_digest([(first, "KA"), (second, "MH")]) != whole
    second.unlink()
    assert data_digest([(second, "MH")]) != data_digest([])


def test_the_code_has_a_version_without_git_too(monkeypatch: pytest.MonkeyPatch) -> None:
    assert code_version().startswith(version("lipiyana"))
    monkeypatch.setitem(os.environ, "PATH", "")
    assert code_version() == version("lipiyana")


def test_manifest_and_card_name_the_parent(tmp_path: Path) -> None:
    picture = tmp_path / "a.png"
    picture.write_bytes(b"one")
    parent = ModelEntry("reader-float", Task.LINE_READER, picture, "f" * 64, "0.5.0")
    made_of = provenance_of(parent, [(picture, "KA")])
    assert made_of.parameters() == {
        "base": "reader-float",
        "base_sha256": "f" * 64,
        "data_sha256": data_digest([(picture, "KA")]),
        "code": code_version(),
    }
    for value in made_of.parameters().values():
        assert str(value) in str(made_of)
