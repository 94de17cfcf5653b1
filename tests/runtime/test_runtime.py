from __future__ import annotations

import hashlib
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from lipiyana.errors import ModelUnavailable
from lipiyana.runtime.container import available_threads, cgroup_quota
from lipiyana.runtime.manifest import Task, charset_digest
from lipiyana.runtime.store import ModelStore, model_info
from lipiyana.types import Feature


def write_manifest(folder: Path, file: str, **fields: str) -> Path:
    lines = {"name": "mine", "task": "line_reader", "file": file} | fields
    body = "\n".join(f'{key} = "{value}"' for key, value in lines.items())
    (folder / "manifest.toml").write_text(f"[[model]]\n{body}\n", "utf-8")
    return folder


@pytest.fixture
def own_folder(tmp_path: Path, store: ModelStore) -> Path:
    """A folder with a copy of the detector, the smaller of the two."""
    entry = store.default_for_task(Task.TEXT_DETECTOR)
    (tmp_path / "copy.onnx").write_bytes(entry.read_bytes())
    digest = hashlib.sha256(entry.read_bytes()).hexdigest()
    return write_manifest(tmp_path, "copy.onnx", task="text_detector", sha256=digest)


def test_built_in_models_have_every_feature(store: ModelStore) -> None:
    assert store.installed_features() == set(Feature)
    assert all(entry.licence for entry in store.entries)
    assert all(entry.installed for entry in store.entries if not entry.extra)
    info = model_info(store.default_for_task(Task.LINE_READER))
    assert len(info.sha256) == 64


def test_cards_exist(store: ModelStore) -> None:
    from lipiyana import models

    for entry in store.entries:
        assert (Path(models.__path__[0]) / entry.card).is_file()


def test_built_in_models_are_intact(store: ModelStore) -> None:
    checks = list(store.verify())
    assert {check.entry.name for check in checks} >= {e.name for e in store.entries if not e.extra}
    assert [(check.ok, check.problem) for check in checks] == [(True, "")] * len(checks)


def test_the_charset_fits_the_classes(store: ModelStore) -> None:
    session = store.session(store.default_for_task(Task.LINE_READER).name)
    probabilities, _ = session.run(np.zeros((1, 3, 48, 32), np.float32))
    assert probabilities.shape[2] == len(session.charset) + 1
    assert charset_digest(session.charset) == session.entry.charset_sha256
    assert session.input_shape[1:3] == (3, 48)


def test_one_session_for_all_threads(store: ModelStore) -> None:
    fresh = ModelStore(threads=1)
    name = fresh.default_for_task(Task.TEXT_DETECTOR).name
    barrier = threading.Barrier(4)
    sessions = []

    def load() -> None:
        barrier.wait()
        sessions.append(fresh.session(name))

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(session) for session in sessions}) == 1


def test_own_models_come_first(own_folder: Path) -> None:
    store = ModelStore(own_folder, threads=1)
    assert store.default_for_task(Task.TEXT_DETECTOR).name == "mine"
    assert store.default_for_task(Task.LINE_READER).name != "mine"
    assert store.session("mine").run(np.zeros((1, 3, 32, 32), np.float32))[0].shape[2:] == (32, 32)


def test_the_environment_names_a_folder(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIPIYANA_MODELS", str(own_folder))
    assert ModelStore().default_for_task(Task.TEXT_DETECTOR).name == "mine"


def test_a_changed_file_is_corrupt(own_folder: Path) -> None:
    with (own_folder / "copy.onnx").open("ab") as file:
        file.write(b"\0")
    store = ModelStore(own_folder, threads=1)
    with pytest.raises(ModelUnavailable, match=r"copy\.onnx") as caught:
        store.session("mine")
    assert caught.value.reason == "MODEL_CORRUPT"
    assert [check.ok for check in store.verify()].count(False) == 1


def test_a_file_that_is_no_model_is_corrupt(tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_bytes(b"not a model")
    digest = hashlib.sha256(b"not a model").hexdigest()
    store = ModelStore(write_manifest(tmp_path, "text.onnx", sha256=digest))
    with pytest.raises(ModelUnavailable) as caught:
        store.session("mine")
    assert caught.value.reason == "MODEL_CORRUPT"


def test_a_model_of_an_extra_may_be_missing(tmp_path: Path) -> None:
    write_manifest(tmp_path, "package:no_such_package/model.onnx", sha256="0" * 64)
    with (tmp_path / "manifest.toml").open("a") as manifest:
        manifest.write('\n[model.parameters]\nextra = "ppocr"\n')
    store = ModelStore(tmp_path, threads=1)
    assert "mine" not in {check.entry.name for check in store.verify()}
    with pytest.raises(ModelUnavailable, match=r"pip install 'lipiyana\[ppocr\]'") as caught:
        store.session("mine")
    assert caught.value.reason == "MODEL_NOT_INSTALLED"


def test_another_charset_is_corrupt(own_folder: Path) -> None:
    sha256 = ModelStore(own_folder, threads=1).entry("mine").sha256
    write_manifest(own_folder, "copy.onnx", sha256=sha256, charset_sha256="0" * 64)
    with pytest.raises(ModelUnavailable, match="characters") as caught:
        ModelStore(own_folder, threads=1).session("mine")
    assert caught.value.reason == "MODEL_CORRUPT"


@pytest.mark.parametrize("file", ["missing.onnx", "package:no_such_package/model.onnx"])
def test_a_missing_file_is_not_installed(tmp_path: Path, file: str) -> None:
    folder = write_manifest(tmp_path, file, task="plate_detector", sha256="0" * 64)
    store = ModelStore(folder)
    assert store.installed(Task.PLATE_DETECTOR) is None
    for ask in (
        lambda: store.session("mine"),
        lambda: store.default_for_task(Task.PLATE_DETECTOR),
    ):
        with pytest.raises(ModelUnavailable) as caught:
            ask()
        assert caught.value.reason == "MODEL_NOT_INSTALLED"


@pytest.mark.parametrize(
    "wrong",
    [
        "name = 5", "sha256 = [1]", "licence = {a = 1}", "parameters = 3", "scores = [1]",
        'scores = {cer = "low"}', "parameters = {twin = 3}", 'parameters = {words = "w.npz"}',
        "parameters = {thresholds = 1}", 'file = "package:no_such_package.inner/x.onnx"',
        'file = "package:os.path/x.onnx"', 'file = "package:/x.onnx"', "colour = 1",
    ],
)  # fmt: skip
def test_a_field_of_a_manifest_that_makes_no_sense(tmp_path: Path, wrong: str) -> None:
    fields = {"name": '"x"', "task": '"line_reader"', "file": '"x.onnx"', "sha256": '"00"'}
    key, _, value = wrong.partition(" = ")
    fields[key] = value
    lines = "\n".join(f"{key} = {value}" for key, value in fields.items())
    (tmp_path / "manifest.toml").write_text(f"[[model]]\n{lines}\n")
    with pytest.raises(ModelUnavailable) as caught:
        ModelStore(tmp_path)
    assert caught.value.reason == "MODEL_CORRUPT"


def test_an_unknown_name(store: ModelStore) -> None:
    with pytest.raises(ModelUnavailable, match="no-such-model"):
        store.session("no-such-model")


def test_a_folder_without_a_manifest(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match=r"manifest\.toml"):
        ModelStore(tmp_path)


@pytest.mark.parametrize(
    "text",
    ["[[model]", '[[model]]\nname = "x"', '[[model]]\nname = "x"\ntask = "cooking"', "model = 3"],
)
def test_a_manifest_that_makes_no_sense(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.toml").write_text(text)
    with pytest.raises(ModelUnavailable) as caught:
        ModelStore(tmp_path)
    assert caught.value.reason == "MODEL_CORRUPT"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"cpu.max": "max 100000\n"}, None),
        ({"cpu.max": "150000 100000\n"}, 1.5),
        ({"cpu/cpu.cfs_quota_us": "200000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 2.0),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ({"cpu.max": "nonsense\n"}, None),
        ({}, None),
    ],
)
def test_the_cgroup_s_quota(tmp_path: Path, files: dict[str, str], expected: float | None) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert cgroup_quota(tmp_path) == expected


def test_at_least_one_thread() -> None:
    assert available_threads() >= 1


def test_listing_models_does_not_load_the_runtime() -> None:
    code = (
        "import sys; from lipiyana.runtime.store import ModelStore; "
        "ModelStore().installed_features(); "
        "sys.exit('onnxruntime' in sys.modules or 'rapidocr' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
