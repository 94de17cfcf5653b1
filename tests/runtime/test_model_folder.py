from __future__ import annotations

import errno
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lipiyana.errors import InvalidRequest, ModelUnavailable, PermissionDenied
from lipiyana.files import write_atomically
from lipiyana.runtime import model_folder
from lipiyana.runtime.manifest import MANIFEST, Task, read_manifest
from lipiyana.runtime.model_folder import NewModel, add_models, toml_table
from lipiyana.runtime.timings import TWIN

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.booleans() | st.integers(-(2**60), 2**60) | TEXT | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=6,
)


def model(folder: Path, name: str = "mine", data: bytes = b"one", **fields: object) -> NewModel:
    file = folder / f"{name}.src.onnx"
    file.write_bytes(data)
    given = {"version": "1", "licence": "MIT", "data": "mine", "card": "# Mine\n"} | fields
    return NewModel(name, Task.LINE_READER, file, **given)  # type: ignore[arg-type]


@given(st.dictionaries(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), VALUES, max_size=4), TEXT)
def test_written_tables_are_read_back(parameters: dict[str, object], name: str) -> None:
    table = {"name": name, "parameters": parameters}
    text = toml_table("model", table)
    read = tomllib.loads(text)["model"]
    assert read == [table if parameters else {"name": name}]


def test_new_models_come_first_and_replace_those_of_the_same_name(tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = tmp_path / "words.npz"
    words.write_bytes(b"words")
    add_models(out, [model(tmp_path, "a"), model(tmp_path, "b", companions={"words": words})])
    (new,) = add_models(out, [model(tmp_path, "b", b"two", scores={"cer": 0.25})])
    entries = read_manifest(out)
    assert [entry.name for entry in entries] == ["b", "a"]
    assert new == entries[0]
    assert new.read_bytes() == b"two"
    assert new.scores == {"cer": 0.25}
    assert (out / new.card).read_text() == "# Mine\n"
    # what the manifest no longer names is gone
    assert len(list(out.glob("b-*.onnx"))) == 1
    assert not list(out.glob("*.npz"))


def test_companions_are_copied_and_hashed(tmp_path: Path) -> None:
    words = tmp_path / "words.npz"
    words.write_bytes(b"words")
    out = tmp_path / "out"
    (entry,) = add_models(out, [model(tmp_path, companions={"words": words})])
    assert (out / entry.parameters["words"]).read_bytes() == b"words"
    assert len(entry.parameters["words_sha256"]) == 64


def test_a_full_disk_leaves_the_old_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    add_models(out, [model(tmp_path, "a")])
    before = {path.name: path.read_bytes() for path in out.iterdir()}

    def full(path: Path, data: bytes) -> None:
        if path.name == MANIFEST:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        write_atomically(path, data)

    monkeypatch.setattr(model_folder, "write_atomically", full)
    with pytest.raises(InvalidRequest, match="full") as caught:
        add_models(out, [model(tmp_path, "a", b"another")])
    assert caught.value.reason == "DISK_FULL"
    assert read_manifest(out)[0].read_bytes() == b"one"
    assert {name: (out / name).read_bytes() for name in before} == before


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_sync(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(model_folder.os, "fsync", no_sync)
    with pytest.raises(OSError, match="Input/output"):
        write_atomically(tmp_path / "file", b"data")
    assert list(tmp_path.iterdir()) == []


def test_a_file_instead_of_the_folder_and_an_invalid_manifest(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises((InvalidRequest, PermissionDenied)):
        add_models(tmp_path / "file", [model(tmp_path)])
    (tmp_path / MANIFEST).write_text("[[model]")
    with pytest.raises(ModelUnavailable):
        add_models(tmp_path, [model(tmp_path)])


def test_a_model_is_removed_with_its_replaced_twin(tmp_path: Path) -> None:
    file = tmp_path / "x.onnx"
    file.write_bytes(b"old")

    def new(name: str, twin: str = "") -> NewModel:
        parameters = {TWIN: twin} if twin else {}
        return NewModel(name, Task.LINE_READER, file, "1", "", "", "", parameters=parameters)

    folder = tmp_path / "models"
    add_models(folder, [new("mine", "mine-float"), new("mine-float", "mine"), new("other")])
    file.write_bytes(b"new")
    add_models(folder, [new("mine-float")])
    assert [entry.name for entry in read_manifest(folder)] == ["mine-float", "other"]
