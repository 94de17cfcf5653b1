from __future__ import annotations

import gzip
import hashlib
import lzma
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from needs import TORCH

from lipiyana.errors import ModelUnavailable
from lipiyana.runtime import packed
from lipiyana.runtime.manifest import Task, read_manifest
from lipiyana.runtime.model_folder import NewModel, add_models
from lipiyana.runtime.packed import GZIP, PACKED, XZ, model_suffix, pack, read_unpacked
from lipiyana.runtime.store import ModelStore

MODELS = Path(__file__).parents[2] / "models"
TWIN = MODELS / "vehicles.float.onnx.xz"
CONTENT = b"weights " * 1000


def detector(name: str, file: Path) -> NewModel:
    return NewModel(name, Task.VEHICLE_DETECTOR, file, "1", "MIT", "nothing", "# Mine\n")


def folder_of(folder: Path, data: bytes, kind: str = XZ) -> ModelStore:
    """A store whose model `mine` has these bytes in a packed file, and their sha256."""
    (folder / f"mine.onnx{kind}").write_bytes(data)
    (folder / "manifest.toml").write_text(
        f'[[model]]\nname = "mine"\ntask = "line_reader"\nfile = "mine.onnx{kind}"\n'
        f'sha256 = "{hashlib.sha256(data).hexdigest()}"\n'
    )
    return ModelStore(folder, threads=1)


def test_a_packed_model_answers_as_the_plain_one(tmp_path: Path) -> None:
    plain = tmp_path / "plain.onnx"
    plain.write_bytes(lzma.decompress(TWIN.read_bytes()))
    add_models(tmp_path / "mine", [detector("packed", TWIN), detector("plain", plain)])
    store = ModelStore(tmp_path / "mine", threads=1)
    assert [store.entry(name).file.name.partition(".")[2] for name in ("packed", "plain")] == [
        "onnx.xz", "onnx",
    ]  # fmt: skip
    pixels = np.random.default_rng(0).uniform(0, 255, (1, 3, 64, 96)).astype(np.float32)
    answers = [store.session(name).run(pixels) for name in ("packed", "plain")]
    assert all(np.array_equal(a, b) for a, b in zip(*answers, strict=True))
    assert store.session("packed").metadata == store.session("plain").metadata


def test_a_replaced_packed_model_is_removed(tmp_path: Path) -> None:
    file = tmp_path / "model.onnx.xz"
    for content in (b"old", b"new"):
        file.write_bytes(lzma.compress(content))
        (entry,) = add_models(tmp_path / "out", [detector("mine", file)])
        assert list((tmp_path / "out").glob("*.xz")) == [entry.file]
        assert entry.read_bytes() == content


def test_the_models_that_ship_are_small() -> None:
    files = {entry.file for entry in read_manifest(MODELS) if not entry.extra}
    words = {entry.words for entry in read_manifest(MODELS) if entry.words is not None}
    assert sum(file.stat().st_size for file in files | words) < 18e6


@pytest.mark.parametrize("kind", PACKED)
def test_packing_gives_the_content_back(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "model.onnx"
    file.write_bytes(CONTENT)
    assert read_unpacked(file) == CONTENT
    out = pack(file, kind)
    assert (out.name, file.exists()) == (f"model.onnx{kind}", False)
    assert out.stat().st_size < len(CONTENT) / 10
    assert read_unpacked(out) == CONTENT
    again = out.read_bytes()
    file.write_bytes(CONTENT)
    assert pack(file, kind).read_bytes() == again
    with pytest.raises(ValueError, match="packed already"):
        pack(out, kind)


@pytest.mark.parametrize(("options", "kind"), [([], XZ), (["--gzip"], GZIP)])
def test_the_command_packs_and_prints_the_sha256(
    tmp_path: Path, options: list[str], kind: str
) -> None:
    (tmp_path / "a.onnx").write_bytes(CONTENT)
    command = [
        sys.executable,
        "-W",
        "error",
        "-m",
        "lipiyana.runtime.packed",
        *options,
        str(tmp_path / "a.onnx"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    out = tmp_path / f"a.onnx{kind}"
    data = out.read_bytes()
    assert done.stdout.split() == [str(out), hashlib.sha256(data).hexdigest()]


@pytest.mark.parametrize(
    ("name", "suffix"),
    [
        ("a.onnx", ".onnx"),
        ("a.b.onnx.xz", ".onnx"),
        ("a.onnx.gz", ".onnx"),
        ("a.npz", ".npz"),
        ("a.xz", ""),
        ("a", ""),
    ],
)
def test_the_suffix_says_what_is_inside(name: str, suffix: str) -> None:
    assert model_suffix(Path("models.onnx") / name) == suffix


PACKED_CONTENT = lzma.compress(CONTENT)
GZIPPED = gzip.compress(CONTENT, mtime=0)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"no xz at all", "format not supported"),
        (b"", "its end is missing"),
        (PACKED_CONTENT[:-1], "its end is missing"),
        (PACKED_CONTENT[: len(PACKED_CONTENT) // 2], "its end is missing"),
        (PACKED_CONTENT[:40] + b"\xff" + PACKED_CONTENT[41:], "[Cc]orrupt"),
        (PACKED_CONTENT + b"more", "something follows"),
        (lzma.compress(CONTENT, lzma.FORMAT_ALONE), "format not supported"),
    ],
)
def test_files_that_cannot_be_unpacked_are_corrupt(tmp_path: Path, data: bytes, why: str) -> None:
    store = folder_of(tmp_path, data)
    with pytest.raises(ModelUnavailable, match=why) as caught:
        store.session("mine")
    assert caught.value.reason == "MODEL_CORRUPT"
    assert "mine.onnx.xz" in caught.value.message
    assert [check.entry.name for check in store.verify() if not check.ok] == ["mine"]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"no gzip at all", "incorrect header"),
        (b"", "its end is missing"),
        (GZIPPED[:-1], "its end is missing"),
        (GZIPPED[: len(GZIPPED) // 2], "its end is missing"),
        (GZIPPED[:-8] + bytes(8), "incorrect data check"),
        (GZIPPED + b"more", "something follows"),
        (PACKED_CONTENT, "incorrect header"),
    ],
)
def test_gzip_files_that_cannot_be_unpacked_are_corrupt(
    tmp_path: Path, data: bytes, why: str
) -> None:
    with pytest.raises(ModelUnavailable, match=why) as caught:
        folder_of(tmp_path, data, GZIP).session("mine")
    assert caught.value.reason == "MODEL_CORRUPT"


def test_a_packed_file_that_the_manifest_does_not_name_is_not_unpacked(tmp_path: Path) -> None:
    folder_of(tmp_path, PACKED_CONTENT)
    (tmp_path / "mine.onnx.xz").write_bytes(lzma.compress(b"other"))
    with pytest.raises(ModelUnavailable, match="sha256") as caught:
        ModelStore(tmp_path, threads=1).session("mine")
    assert caught.value.reason == "MODEL_CORRUPT"


@pytest.mark.parametrize(("data", "kind"), [(PACKED_CONTENT, XZ), (GZIPPED, GZIP)])
def test_a_bomb_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes, kind: str
) -> None:
    (entry,) = folder_of(tmp_path, data, kind).entries[:1]
    monkeypatch.setattr(packed, "MOST_BYTES", len(CONTENT))
    assert entry.read_bytes() == CONTENT
    monkeypatch.setattr(packed, "MOST_BYTES", len(CONTENT) - 1)
    with pytest.raises(ModelUnavailable, match="more than 7999 bytes") as caught:
        entry.read_bytes()
    assert caught.value.reason == "MODEL_CORRUPT"


def test_a_file_that_wants_too_much_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packed, "_MOST_MEMORY", 2**20)
    with pytest.raises(ModelUnavailable, match=r"[Mm]emory") as caught:
        folder_of(tmp_path, PACKED_CONTENT).session("mine")
    assert caught.value.reason == "MODEL_CORRUPT"


def test_a_file_that_is_too_large_is_not_packed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "model.onnx"
    file.write_bytes(CONTENT)
    monkeypatch.setattr(packed, "MOST_BYTES", 100)
    with pytest.raises(ModelUnavailable):
        pack(file)
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]


def test_a_python_without_lzma_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "lzma", None)
    with pytest.raises(ModelUnavailable, match="unxz") as caught:
        folder_of(tmp_path, PACKED_CONTENT).session("mine")
    assert caught.value.reason == "MODEL_NOT_INSTALLED"


def test_the_detector_that_ships_packed_can_be_trained_from() -> None:
    pytest.importorskip("torch", reason=TORCH)
    from lipiyana.learning.finetune.detector.base import choose_detector
    from lipiyana.vehicles.training.evaluation import predict_with_onnx, predict_with_torch
    from lipiyana.vehicles.training.starting_weights import is_coco

    assert not is_coco(TWIN)
    store = ModelStore(threads=1)
    for base in (choose_detector(store, None), choose_detector(store, str(TWIN))):
        pixels = np.random.default_rng(0).uniform(0, 255, (1, 3, 64, 96)).astype(np.float32)
        trained, exported = predict_with_torch(base.net())(pixels), predict_with_onnx(TWIN)(pixels)
        for a, b in zip(trained, exported, strict=True):
            np.testing.assert_allclose(a, b, atol=2e-2)
