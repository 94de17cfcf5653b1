from __future__ import annotations

import logging
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lipiyana.cli.main import app
from lipiyana.pipeline import LocalRecognizer
from lipiyana.runtime import timings
from lipiyana.runtime.manifest import ModelEntry, Task
from lipiyana.runtime.model_folder import NewModel, add_models
from lipiyana.runtime.store import ModelStore
from lipiyana.runtime.timings import (
    Preference,
    cache_folder,
    faster_first,
    read_timings,
    write_timings,
)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "lipiyana"


def entry(folder: Path, name: str, twin: str = "", task: Task = Task.LINE_READER) -> ModelEntry:
    file = folder / f"{name}.onnx"
    file.touch()
    return ModelEntry(name, task, file, f"sha-{name}", parameters={"twin": twin} if twin else {})


def names(found: tuple[tuple[ModelEntry, ...], tuple[Preference, ...]]) -> list[str]:
    return [e.name for e in found[0]]


def test_measured_times_are_read_again(cache: Path) -> None:
    assert cache_folder() == cache
    assert read_timings() == {}
    write_timings({"a": 1.5})
    write_timings({"b": 2})
    assert read_timings() == {"a": 1.5, "b": 2.0}


@pytest.mark.parametrize("content", ["", "[]", '{"cpu": 3}', "\x00"])
def test_a_broken_file_is_ignored(cache: Path, content: str) -> None:
    cache.mkdir(parents=True)
    (cache / "timings.json").write_text(content.replace("cpu", timings.cpu_model()))
    assert read_timings() == {}
    write_timings({"a": 1.0})
    assert read_timings() == {"a": 1.0}


def test_another_cpu_s_figures_are_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    write_timings({"a": 1.0})
    monkeypatch.setattr(timings, "cpu_model", lambda: "another")
    assert read_timings() == {}
    write_timings({"a": 9.0})
    monkeypatch.undo()


def test_only_a_faster_twin_comes_first(tmp_path: Path) -> None:
    int8, other, twin = (
        entry(tmp_path, "int8", "float"),
        entry(tmp_path, "other"),
        entry(tmp_path, "float", "int8"),
    )
    entries = (int8, other, twin)
    slow = {"sha-int8": 4.0, "sha-float": 3.0, "sha-other": 0.1}
    assert names(faster_first(entries, slow)) == ["float", "int8", "other"]
    assert names(faster_first(entries, slow | {"sha-float": 5.0})) == ["int8", "other", "float"]
    assert names(faster_first(entries, {"sha-float": 3.0})) == ["int8", "other", "float"]
    assert names(faster_first((twin, other, int8), slow)) == ["float", "other", "int8"]
    twin.file.unlink()
    assert names(faster_first(entries, slow)) == ["int8", "other", "float"]


def test_a_twin_of_another_task_is_no_twin(tmp_path: Path) -> None:
    one = entry(tmp_path, "one", "two")
    two = entry(tmp_path, "two", "one", Task.TEXT_DETECTOR)
    assert faster_first((one, two), {"sha-one": 2.0, "sha-two": 1.0})[0] == (one, two)


def twins(folder: Path, reader: Path) -> tuple[ModelEntry, ...]:
    models = []
    for name, twin in (("one", "two"), ("two", "one")):
        file = folder / f"{name}.onnx"
        shutil.copy(reader, file)
        with file.open("ab") as tail:  # protobuf: an unknown field, so that the files differ
            tail.write(b"\xfa\x7f\x03" + name.encode())
        models.append(
            NewModel(name, Task.LINE_READER, file, "1", "", "", "#", parameters={"twin": twin})
        )
    return tuple(add_models(folder / "models", models))


def test_the_list_and_the_log_say_which_twin_timings_put_first(
    tmp_path: Path, store: ModelStore, caplog: pytest.LogCaptureFixture
) -> None:
    one, two = twins(tmp_path, store.default_for_task(Task.LINE_READER).file)
    command = ["models", "list", "--models", str(tmp_path / "models")]
    with caplog.at_level(logging.INFO, "lipiyana.runtime.store"):
        assert "is used before" not in CliRunner().invoke(app, command).output
        assert "is used before" not in caplog.text
        file = write_timings({one.sha256: 5.0, two.sha256: 1.0})
        said = f"two is used before one: 1.00 ms against 5.00 ms on this machine, by {file}"
        assert said in CliRunner().invoke(app, command).output
    assert [record.levelname for record in caplog.records if said in record.message] == ["INFO"]


def test_the_digest_follows_the_choice(tmp_path: Path, store: ModelStore) -> None:
    one, two = twins(tmp_path, store.default_for_task(Task.LINE_READER).file)

    def digest() -> tuple[str, str]:
        recognizer = LocalRecognizer(models_dir=tmp_path / "models", threads=1)
        (reader,) = (model.name for model in recognizer.models if model.name in {"one", "two"})
        return reader, recognizer.plan_digest()

    before = digest()
    assert before == digest()
    write_timings({one.sha256: 5.0, two.sha256: 1.0})
    after = digest()
    assert (before[0], after[0]) == ("one", "two")
    assert before[1] != after[1]
