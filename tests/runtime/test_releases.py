"""Promotion and rollback of models."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lipiyana.errors import InvalidRequest, ModelUnavailable
from lipiyana.runtime import releases
from lipiyana.runtime.manifest import MANIFEST, Task, read_manifest
from lipiyana.runtime.model_folder import NewModel, add_models
from lipiyana.runtime.releases import AUDIT, promote, read_audit, rollback


def folder_with(folder: Path, content: bytes, name: str = "reader") -> Path:
    file = folder.with_suffix(".onnx")
    file.write_bytes(content)
    words = folder.with_suffix(".npz")
    words.write_bytes(content)
    model = NewModel(
        name, Task.LINE_READER, file, "1", "Apache-2.0", "none", f"# {name}\n",
        parameters={"latin_specialist": False}, companions={"words": words},
    )  # fmt: skip
    add_models(folder, [model])
    return folder


def served(folder: Path) -> dict[str, bytes]:
    return {entry.name: entry.read_bytes() for entry in read_manifest(folder)}


def test_what_was_promoted_is_served_and_goes_back_step_by_step(tmp_path: Path) -> None:
    live = tmp_path / "live"
    first, second = (folder_with(tmp_path / name, name.encode()) for name in ("one", "two"))
    promote(live, first, {"data_cer": 0.25})
    made = promote(live, second, {}, forced=True)
    assert served(live) == {"reader": b"two"}
    (entry,) = read_manifest(live)
    assert entry.words is not None
    assert entry.words.read_bytes() == b"two"
    assert (live / entry.card).read_text() == "# reader\n"
    assert (made.act, made.forced, made.models) == ("promote", True, ("reader",))
    rollback(live)
    assert served(live) == {"reader": b"one"}
    rollback(live)
    assert served(live) == {}
    with pytest.raises(InvalidRequest) as caught:
        rollback(live)
    assert caught.value.reason == "NOTHING_EARLIER"
    rows = [json.loads(line) for line in (live / AUDIT).read_text().splitlines()]
    assert [row["act"] for row in rows] == ["promote", "promote", "rollback", "rollback"]
    assert [(row["before"], row["after"]) for row in rows[2:]] == [
        (row["after"], row["before"]) for row in rows[1::-1]
    ]
    assert rows[0]["scores"] == {"data_cer": 0.25}
    assert "@" in rows[0]["who"]
    # after a rollback the same models can be promoted again
    promote(live, second, {})
    assert served(live) == {"reader": b"two"}


def test_models_of_an_earlier_release_survive_a_training_into_the_folder(tmp_path: Path) -> None:
    live = folder_with(tmp_path / "live", b"own")
    promote(live, folder_with(tmp_path / "one", b"one"), {})
    promote(live, folder_with(tmp_path / "two", b"two"), {})
    folder_with(live, b"trained", "another")
    with pytest.raises(InvalidRequest, match="nothing to go back to"):
        rollback(live)  # what is served was not promoted: nobody knows what came before it
    promote(live, folder_with(tmp_path / "three", b"three"), {})
    rollback(live)
    assert served(live) == {"another": b"trained", "reader": b"two"}


def test_a_damaged_model_is_neither_promoted_nor_brought_back(tmp_path: Path) -> None:
    live = tmp_path / "live"
    first, second = (folder_with(tmp_path / name, name.encode()) for name in ("one", "two"))
    promote(live, first, {})
    (broken,) = read_manifest(second)
    broken.file.write_bytes(b"other")
    manifest = (live / MANIFEST).read_bytes()
    with pytest.raises(ModelUnavailable) as caught:
        promote(live, second, {})
    assert caught.value.reason == "MODEL_CORRUPT"
    broken.file.write_bytes(b"two")
    (old,) = read_manifest(live)
    promote(live, second, {})
    old.file.write_bytes(b"other")
    after = (live / MANIFEST).read_bytes()
    with pytest.raises(ModelUnavailable):
        rollback(live)
    assert (live / MANIFEST).read_bytes() == after != manifest
    assert len(read_audit(live)) == 2


def test_the_same_models_are_not_promoted_twice(tmp_path: Path) -> None:
    live, first = tmp_path / "live", folder_with(tmp_path / "one", b"one")
    promote(live, first, {})
    with pytest.raises(InvalidRequest) as caught:
        promote(live, first, {})
    assert caught.value.reason == "NOTHING_NEW"
    assert len(read_audit(live)) == 1


def test_a_switch_that_fails_leaves_its_line_and_can_be_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live, first = tmp_path / "live", folder_with(tmp_path / "one", b"one")
    second = folder_with(tmp_path / "two", b"two")
    promote(live, first, {})

    def fail(_folder: Path, _text: str) -> None:
        raise OSError("the disk went away")

    with monkeypatch.context() as patch:
        patch.setattr(releases, "write_manifest", fail)
        with pytest.raises(InvalidRequest, match="cannot be written"):
            promote(live, second, {})
    assert served(live) == {"reader": b"one"}
    rollback(live)
    assert served(live) == {}
    rows = [switch.act for switch in read_audit(live)]
    assert rows == ["promote", "promote", "rollback"]


def test_an_audit_that_is_no_audit_is_refused(tmp_path: Path) -> None:
    live = tmp_path / "live"
    promote(live, folder_with(tmp_path / "one", b"one"), {})
    (live / AUDIT).write_text('{"act": "promote"}\n')
    with pytest.raises(ModelUnavailable, match="not valid"):
        rollback(live)


@pytest.mark.parametrize(
    "torn", ['{"time": "2026-03-01T09:12:44+00:00", "wh', "{", '{"time": "2"}']
)
def test_a_line_that_a_power_cut_tore_is_dropped(tmp_path: Path, torn: str) -> None:
    live = tmp_path / "live"
    promote(live, folder_with(tmp_path / "one", b"one"), {})
    promote(live, folder_with(tmp_path / "two", b"two"), {})
    with (live / AUDIT).open("a", encoding="utf-8") as audit:
        audit.write(torn)
    assert [switch.act for switch in read_audit(live)] == ["promote", "promote"]
    rollback(live)
    assert served(live) == {"reader": b"one"}
    lines = (live / AUDIT).read_text("utf-8").splitlines()
    assert [json.loads(line)["act"] for line in lines] == ["promote", "promote", "rollback"]


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "model = []\n"])
def test_a_folder_without_models_is_not_promoted(tmp_path: Path, text: str) -> None:
    live, empty = tmp_path / "live", tmp_path / "empty"
    promote(live, folder_with(tmp_path / "one", b"one"), {})
    empty.mkdir()
    (empty / MANIFEST).write_text(text, "utf-8")
    for folder in (live, tmp_path / "new"):
        with pytest.raises(ModelUnavailable, match="names no models"):
            promote(folder, empty, {})
    assert not (tmp_path / "new").exists()
    assert served(live) == {"reader": b"one"}


def test_a_rollback_where_nothing_was_promoted_leaves_nothing_behind(tmp_path: Path) -> None:
    plain = folder_with(tmp_path / "plain", b"own")
    (tmp_path / "nomani").mkdir()
    for folder in (tmp_path / "nomani", tmp_path / "missing", plain):
        before = sorted(folder.iterdir()) if folder.exists() else None
        with pytest.raises(InvalidRequest, match="nothing was promoted to") as caught:
            rollback(folder)
        assert caught.value.reason == "NOTHING_EARLIER"
        assert AUDIT not in caught.value.message  # there is none to look into
        assert (sorted(folder.iterdir()) if folder.exists() else None) == before
