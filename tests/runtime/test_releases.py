"""Promotion and rollback of models."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lipiyana.errors import InvalidRequest, ModelUnavailable
from lipiyana.runtime import releases
from lipiyana.runtime.manifest import MANIFEST, Task, read_manifest
from lipiyana.runtime.model_folder import NewModel, add_models
from lipiyana.runtime.release_audit import AUDIT, read_audit
from lipiyana.runtime.releases import BROKEN, manifest_digest, promote, rollback


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
    promote(live, folder_with(tmp_path / "three", b"three"), {})
    for expected in ({"another": b"trained", "reader": b"two"}, {"reader": b"one"},
                     {"reader": b"own"}):  # fmt: skip
        rollback(live)
        assert served(live) == expected


def test_a_manifest_that_no_promotion_wrote_is_replaced_by_what_was_promoted(
    tmp_path: Path,
) -> None:
    live, said = folder_with(tmp_path / "live", b"own"), list[str]()
    promote(live, folder_with(tmp_path / "one", b"one"), {})
    folder_with(live, b"trained", "another")
    trained = (live / MANIFEST).read_bytes()
    rollback(live, said.append)
    assert served(live) == {"reader": b"one"}
    (told,) = said
    assert "was changed by no promotion" in told
    assert (live / BROKEN).read_bytes() == trained
    (live / MANIFEST).write_bytes(trained)
    assert served(live) == {"another": b"trained", "reader": b"one"}  # its files are still there
    (live / MANIFEST).unlink()
    rollback(live)
    rollback(live)
    assert served(live) == {"reader": b"own"}


def test_the_same_models_again_are_a_promotion_of_their_own(tmp_path: Path) -> None:
    live = tmp_path / "live"
    one, two = (folder_with(tmp_path / name, name.encode()) for name in ("one", "two"))
    for challenger in (one, two, one, two):
        promote(live, challenger, {})
    for expected in ({"reader": b"one"}, {"reader": b"two"}, {"reader": b"one"}, {}):
        rollback(live)
        assert served(live) == expected
    with pytest.raises(InvalidRequest, match="nothing to go back to"):
        rollback(live)


@pytest.mark.parametrize("empty", [False, True], ids=["none before", "empty before"])
def test_an_emptied_manifest_is_mended_also_if_the_folder_began_empty(
    tmp_path: Path, empty: bool
) -> None:
    live, said = tmp_path / "live", list[str]()
    if empty:
        live.mkdir()
        (live / MANIFEST).touch()
    promote(live, folder_with(tmp_path / "one", b"one"), {})
    (live / MANIFEST).write_bytes(b"")
    rollback(live, said.append)
    assert served(live) == {"reader": b"one"}
    assert "what was served last" in said[0]
    rollback(live)
    assert served(live) == {}


def test_a_damaged_release_is_named_and_passed_over(tmp_path: Path) -> None:
    live, said = tmp_path / "live", list[str]()
    for name in ("one", "two", "three"):
        promote(live, folder_with(tmp_path / name, name.encode()), {})
        if name == "two":
            (damaged,) = read_manifest(live)
    damaged.file.write_bytes(b"other")
    rollback(live, said.append)
    assert served(live) == {"reader": b"one"}
    (told,) = said
    assert "passed over" in told
    assert str(damaged.file) in told
    rollback(live)
    assert served(live) == {}


def test_a_comment_changes_no_release(tmp_path: Path) -> None:
    live, said = tmp_path / "live", list[str]()
    promote(live, folder_with(tmp_path / "one", b"one"), {})
    promote(live, folder_with(tmp_path / "two", b"two"), {})
    with (live / MANIFEST).open("a", encoding="utf-8") as manifest:
        manifest.write("# checked by Asha\n")
    rollback(live, said.append)
    assert said == []
    assert served(live) == {"reader": b"one"}


@pytest.mark.parametrize("lost", [1, 40], ids=["its end", "its half"])
def test_the_last_line_may_be_lost(tmp_path: Path, lost: int) -> None:
    """What was served last by the lines that are left is served again."""
    live, said = tmp_path / "live", list[str]()
    promote(live, folder_with(tmp_path / "one", b"one"), {})
    promote(live, folder_with(tmp_path / "two", b"two"), {})
    audit = live / AUDIT
    audit.write_bytes(audit.read_bytes()[:-lost])
    rollback(live, said.append)
    assert served(live) == {"reader": b"one"}
    assert "was changed by no promotion" in said[0]
    rollback(live)
    assert served(live) == {}


def test_a_rollback_whose_line_is_lost_goes_on_from_there(tmp_path: Path) -> None:
    live = tmp_path / "live"
    promote(live, folder_with(tmp_path / "one", b"one"), {})
    promote(live, folder_with(tmp_path / "two", b"two"), {})
    before = (live / AUDIT).read_bytes()
    rollback(live)
    (live / AUDIT).write_bytes(before)
    rollback(live)
    assert served(live) == {}


@st.composite
def acts(draw: st.DrawFn) -> list[str]:
    return draw(st.lists(st.sampled_from(["one", "two", "three", "back"]), max_size=8))


@settings(max_examples=30, deadline=None)
@given(acts())
def test_each_rollback_goes_one_promotion_further_back(done: list[str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        live, stack = Path(name, "live"), [b""]
        folders = {
            content: folder_with(Path(name, content), content.encode())
            for content in ("one", "two", "three")
        }
        for act in [*done, *["back"] * (len(done) + 1)]:
            if act == "back":
                if len(stack) == 1:
                    with pytest.raises(InvalidRequest, match="nothing to go back to"):
                        rollback(live)
                    continue
                rollback(live)
                stack.pop()
            elif act.encode() != stack[-1]:
                promote(live, folders[act], {})
                stack.append(act.encode())
            assert served(live).get("reader", b"") == stack[-1]


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
    shutil.rmtree(live / "releases")
    with pytest.raises(ModelUnavailable):
        rollback(live)
    assert (live / MANIFEST).read_bytes() == after != manifest
    assert len(read_audit(live).switches) == 2


def test_the_same_models_are_not_promoted_twice(tmp_path: Path) -> None:
    live, first = tmp_path / "live", folder_with(tmp_path / "one", b"one")
    promote(live, first, {})
    with pytest.raises(InvalidRequest) as caught:
        promote(live, first, {})
    assert caught.value.reason == "NOTHING_NEW"
    assert len(read_audit(live).switches) == 1


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
    promote(live, second, {})  # once more
    rollback(live)
    assert served(live) == {"reader": b"one"}
    with monkeypatch.context() as patch:
        patch.setattr(releases, "write_manifest", fail)
        with pytest.raises(InvalidRequest, match="cannot be written"):
            promote(live, second, {})
    rollback(live)
    assert served(live) == {}
    rows = [switch.act for switch in read_audit(live).switches]
    assert rows == ["promote", "promote", "promote", "rollback", "promote", "rollback"]


def add_line(folder: Path, line: str) -> None:
    with (folder / AUDIT).open("a", encoding="utf-8") as audit:
        audit.write(line + "\n")


def test_a_line_of_a_later_version_is_read_without_its_new_fields(tmp_path: Path) -> None:
    live = tmp_path / "live"
    promote(live, folder_with(tmp_path / "one", b"one"), {})
    made = promote(live, folder_with(tmp_path / "two", b"two"), {})
    lines = (live / AUDIT).read_text("utf-8").splitlines()
    later = json.loads(lines[1]) | {"region": "south"}
    (live / AUDIT).write_text(f"{lines[0]}\n{json.dumps(later)}\n", "utf-8")
    audit = read_audit(live)
    assert audit.faults == ()
    assert audit.switches[1] == made
    rollback(live)
    assert served(live) == {"reader": b"one"}


LINE = {
    "time": "2026-03-01T09:12:44+00:00", "who": "asha@gate", "act": "promote",
    "before": "a" * 64, "after": "b" * 64,
}  # fmt: skip


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('{"act": "promote"}', "it has no 'time'"),
        ("[1]", r"\[1\] is no switch"),
        ("{", "it is not JSON"),
        ("\0" * 512, "it is not JSON"),
        (json.dumps(LINE | {"time": 5}), "'time' is 5"),
        (json.dumps(LINE | {"act": "delete"}), "'act' is 'delete'"),
        (json.dumps(LINE | {"after": "../../etc/passwd"}), "'after' is '../../etc"),
        (json.dumps(LINE | {"models": "reader"}), "'models' is 'reader'"),
        (json.dumps(LINE | {"scores": {"cer": "low"}}), "'scores' is"),
        (json.dumps(LINE | {"forced": "no"}), "'forced' is 'no'"),
    ],
)
def test_a_line_that_is_no_switch_is_passed_over_and_named(
    tmp_path: Path, line: str, why: str
) -> None:
    live, said = tmp_path / "live", list[str]()
    promote(live, folder_with(tmp_path / "one", b"one"), {})
    add_line(live, line)
    promote(live, folder_with(tmp_path / "two", b"two"), {})
    rollback(live, said.append)
    assert served(live) == {"reader": b"one"}
    (told,) = said
    assert re.search(rf"line 2 of .*{AUDIT} is passed over: {why}", told)
    assert "__init__" not in told


def test_companions_are_checked_before_models_are_brought_back(tmp_path: Path) -> None:
    live = folder_with(tmp_path / "live", b"own", "another")
    promote(live, folder_with(tmp_path / "one", b"one"), {})
    old = read_manifest(live)[0]
    assert old.words is not None
    promote(live, folder_with(tmp_path / "two", b"two"), {})
    manifest, audit = (live / MANIFEST).read_bytes(), (live / AUDIT).read_bytes()
    for damage in (lambda path: path.write_bytes(b"other"), Path.unlink):
        said: list[str] = []
        damage(old.words)
        rollback(live, said.append)
        assert served(live) == {"another": b"own"}
        assert old.words.name in said[0]
        (live / MANIFEST).write_bytes(manifest)
        (live / AUDIT).write_bytes(audit)
    old.words.write_bytes(b"one")
    rollback(live)
    assert served(live)["reader"] == b"one"


def test_a_damaged_companion_is_not_promoted(tmp_path: Path) -> None:
    live, first = tmp_path / "live", folder_with(tmp_path / "one", b"one")
    (entry,) = read_manifest(first)
    assert entry.words is not None
    entry.words.write_bytes(b"other")
    with pytest.raises(ModelUnavailable, match=entry.words.name) as caught:
        promote(live, first, {})
    assert caught.value.reason == "MODEL_CORRUPT"
    assert not live.exists()


def test_what_is_copied_is_what_was_checked(tmp_path: Path) -> None:
    """A file that changes between the check and the copy is refused, too."""
    file = tmp_path / "reader.onnx"
    file.write_bytes(b"changed")
    digests = {file: hashlib.sha256(b"checked").hexdigest()}
    model = NewModel("reader", Task.LINE_READER, file, "1", "", "", "", digests=digests)
    with pytest.raises(ModelUnavailable, match=r"reader\.onnx is not the file"):
        add_models(tmp_path / "live", [model])
    assert not (tmp_path / "live" / MANIFEST).exists()


@pytest.mark.parametrize("broken", [None, b"", b"[[model]]\nname = 3", b"\xff\xfe", b"model = ["])
def test_a_folder_whose_manifest_is_broken_serves_again_what_it_served(
    tmp_path: Path, broken: bytes | None
) -> None:
    live, said = tmp_path / "live", list[str]()
    promote(live, folder_with(tmp_path / "one", b"one"), {})
    promote(live, folder_with(tmp_path / "two", b"two"), {})
    if broken is None:
        (live / MANIFEST).unlink()
    else:
        (live / MANIFEST).write_bytes(broken)
    made = rollback(live, said.append)
    assert served(live) == {"reader": b"two"}
    assert made.before == hashlib.sha256(broken or b"").hexdigest()
    (told,) = said
    assert MANIFEST in told
    assert "what was served last" in told
    assert (live / BROKEN).exists() == (broken is not None)
    if broken is not None:
        assert (live / BROKEN).read_bytes() == broken
    rollback(live)
    assert served(live) == {"reader": b"one"}


def test_a_broken_folder_goes_further_back_if_what_it_served_is_not_whole(tmp_path: Path) -> None:
    live, said = tmp_path / "live", list[str]()
    promote(live, folder_with(tmp_path / "one", b"one"), {})
    promote(live, folder_with(tmp_path / "two", b"two"), {})
    (entry,) = read_manifest(live)
    entry.file.unlink()
    (live / MANIFEST).unlink()
    rollback(live, said.append)
    assert served(live) == {"reader": b"one"}
    assert entry.file.name in said[0]
    assert "what came before that" in said[1]


def test_a_folder_that_began_empty_is_not_taken_for_a_broken_one(tmp_path: Path) -> None:
    live = tmp_path / "live"
    live.mkdir()
    (live / MANIFEST).touch()
    promote(live, folder_with(tmp_path / "one", b"one"), {})
    rollback(live)
    assert (live / MANIFEST).read_bytes() == b""
    with pytest.raises(InvalidRequest, match="nothing to go back to"):
        rollback(live)


@pytest.mark.parametrize("damage", ["removed", "changed", "no text"])
def test_a_kept_manifest_that_is_not_as_it_was_is_named(tmp_path: Path, damage: str) -> None:
    live = tmp_path / "live"
    made = promote(live, folder_with(tmp_path / "one", b"one"), {})
    promote(live, folder_with(tmp_path / "two", b"two"), {})
    kept = live / "releases" / f"{made.after[:16]}.toml"
    if damage == "removed":
        shutil.rmtree(kept.parent)
    else:
        kept.write_bytes(b"[[" if damage == "changed" else b"\xff")
        said: list[str] = []
        models = sorted(live.glob("*.onnx"))
        rollback(live, said.append)
        assert served(live) == {}
        assert str(kept) in said[0]
        assert sorted(live.glob("*.onnx")) == models  # nobody knows which it needs
        return
    with pytest.raises(ModelUnavailable, match="promote the models again") as caught:
        rollback(live)
    assert str(kept) in caught.value.message
    assert served(live) == {"reader": b"two"}


def test_nothing_is_promoted_if_others_were_compared(tmp_path: Path) -> None:
    live, first = tmp_path / "live", folder_with(tmp_path / "one", b"one")
    second = folder_with(tmp_path / "two", b"two")
    compared = {path: manifest_digest(path) for path in (live, second)}
    promote(live, first, {})  # somebody else, while the comparison runs
    with pytest.raises(InvalidRequest, match="Run the command again") as caught:
        promote(live, second, {}, compared=compared)
    assert caught.value.reason == "OTHER_MODELS"
    assert served(live) == {"reader": b"one"}
    compared = {path: manifest_digest(path) for path in (live, second)}
    folder_with(second, b"three", "another")
    with pytest.raises(InvalidRequest, match="two has other models"):
        promote(live, second, {}, compared=compared)
    compared = {path: manifest_digest(path) for path in (live, second)}
    promote(live, second, {}, compared=compared)
    assert served(live) == {"reader": b"two", "another": b"three"}


@pytest.mark.parametrize("torn", ['{"time": "2026-03-01T09:12:44+00:00", "wh', "{", '{"time": "2"'])
def test_a_line_that_a_power_cut_tore_is_dropped(tmp_path: Path, torn: str) -> None:
    live = tmp_path / "live"
    promote(live, folder_with(tmp_path / "one", b"one"), {})
    promote(live, folder_with(tmp_path / "two", b"two"), {})
    with (live / AUDIT).open("a", encoding="utf-8") as audit:
        audit.write(torn)
    assert [switch.act for switch in read_audit(live).switches] == ["promote", "promote"]
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
