"""The file that a fine-tuning starts from: a float twin, plain or packed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from needs import TORCH

torch = pytest.importorskip("torch", reason=TORCH)

from lipiyana.errors import ModelUnavailable
from lipiyana.learning.distill.pruned_reader import PruneJob, prune_reader
from lipiyana.learning.finetune.reader.base import choose_base, words_for_rendering
from lipiyana.learning.trainer.stored_weights import load_weights
from lipiyana.ocr.training.export_reader import export_float, quantize
from lipiyana.ocr.training.network import LineReaderNet, ReaderShape
from lipiyana.runtime.manifest import Task
from lipiyana.runtime.model_folder import NewModel, add_models
from lipiyana.runtime.packed import pack
from lipiyana.runtime.releases import promote
from lipiyana.runtime.store import ModelStore
from lipiyana.runtime.timings import TWIN


def model(name: str, file: Path, digest: str, twin: str) -> NewModel:
    return NewModel(
        name, Task.LINE_READER, file, "1", "Apache-2.0", "nothing", "# Tiny\n", digest,
        parameters={TWIN: twin},
    )  # fmt: skip


@pytest.mark.parametrize("rounded", [False, True])
def test_the_float_twin_of_an_int8_reader_is_used(
    tiny_models: Path, rounded: bool, tmp_path: Path
) -> None:
    known = choose_base(ModelStore(tiny_models, threads=1), None)
    net = LineReaderNet(ReaderShape.of_weights(known.reader.weights))
    net.load_state_dict(known.reader.weights)
    twin, int8 = tmp_path / "twin.onnx", tmp_path / "int8.onnx"
    export_float(net, known.reader.charset, twin, rounded=rounded)
    quantize(twin, int8, iter([np.zeros((1, 3, 48, 64), np.float32)]))
    digest = known.reader.charset.sha256
    models = [model("small", int8, digest, "whole"), model("whole", twin, digest, "small")]
    add_models(tmp_path / "models", models)

    base = choose_base(ModelStore(tmp_path / "models", threads=1), None)
    assert base.entry.name == "whole"
    assert base.reader.charset.sha256 == digest
    wanted = load_weights(twin)
    assert base.reader.weights.keys() == wanted.keys()
    assert all(torch.equal(base.reader.weights[name], wanted[name]) for name in wanted)


def test_a_packed_file_can_be_a_base(tiny_models: Path, tmp_path: Path) -> None:
    store = ModelStore(tiny_models, threads=1)
    plain = tmp_path / "net.onnx"
    plain.write_bytes(store.entries[0].read_bytes())
    bases = [choose_base(store, str(plain)), choose_base(store, str(pack(plain)))]
    assert [base.entry.name for base in bases] == ["net", "net"]
    before, after = (base.reader for base in bases)
    assert after.charset.sha256 == before.charset.sha256
    assert after.weights.keys() == before.weights.keys()
    assert all(torch.equal(after.weights[name], value) for name, value in before.weights.items())


def test_a_truncated_packed_file_is_refused(tmp_path: Path) -> None:
    store = ModelStore(threads=1)
    data = store.entry("reader-float").file.read_bytes()
    (tmp_path / "net.onnx.xz").write_bytes(data[: len(data) // 2])
    with pytest.raises(ModelUnavailable, match="end is missing") as caught:
        choose_base(store, str(tmp_path / "net.onnx.xz"))
    assert caught.value.reason == "MODEL_CORRUPT"


def prune(store: ModelStore, out: Path) -> None:
    prune_reader(PruneJob(out=out, blocks=1), store)


def choose(store: ModelStore, out: Path) -> None:
    choose_base(store, None)


@pytest.mark.parametrize("begin", [choose, prune], ids=["finetune", "prune"])
@pytest.mark.parametrize("damage", ["changed", "removed"])
def test_a_base_whose_language_model_is_damaged_is_refused_as_promote_does(
    tiny_models: Path, tmp_path: Path, damage: str, begin: Callable[[ModelStore, Path], None]
) -> None:
    (entry,) = ModelStore(tiny_models, threads=1).entries[:1]
    words = tmp_path / "letters.npz"
    words.write_bytes(b"words")
    new = NewModel(
        "whole", Task.LINE_READER, entry.file, "1", "Apache-2.0", "nothing", "# Tiny\n",
        entry.charset_sha256, companions={"words": words},
    )  # fmt: skip
    (added,) = add_models(tmp_path / "models", [new])
    assert added.words is not None
    if damage == "changed":
        added.words.write_bytes(b"other")
    else:
        added.words.unlink()
    store = ModelStore(tmp_path / "models", threads=1)
    with pytest.raises(ModelUnavailable) as promoted:
        promote(tmp_path / "live", tmp_path / "models", {})
    with pytest.raises(ModelUnavailable) as caught:
        begin(store, tmp_path / "out")
    assert caught.value.message == promoted.value.message
    assert added.words.name in caught.value.message


def test_the_reader_that_ships_can_be_a_base() -> None:
    base = choose_base(ModelStore(threads=1), None)
    assert len(base.reader.charset) > 1000
    assert base.words is not None


def test_a_base_file_uses_the_language_model_of_the_installed_reader() -> None:
    store = ModelStore(threads=1)
    installed = choose_base(store, None)
    bare = choose_base(store, str(installed.entry.file))
    assert bare.words is None
    assert (
        words_for_rendering(store, bare) == words_for_rendering(store, installed) == installed.words
    )


def test_a_base_file_with_another_charset_has_no_language_model(tiny_models: Path) -> None:
    tiny = choose_base(ModelStore(tiny_models, threads=1), None)
    assert words_for_rendering(ModelStore(threads=1), tiny) is None
