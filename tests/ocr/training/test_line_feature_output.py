"""The output `line_feature` is added to a graph without changing the others."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import onnx
import pytest
from needs import TORCH

torch = pytest.importorskip("torch", reason=TORCH)

from lipiyana.learning.trainer.stored_weights import load_weights
from lipiyana.ocr.recognition.charset import Charset
from lipiyana.ocr.recognition.line_feature import LINE_FEATURE, projection
from lipiyana.ocr.training.export_reader import export_float, quantize
from lipiyana.ocr.training.line_feature_output import (
    add_line_feature,
    main,
    remove_line_feature,
)
from lipiyana.ocr.training.network import Block, LineReaderNet, ReaderShape
from lipiyana.runtime.packed import pack, read_unpacked
from lipiyana.runtime.session import open_session

CHARSET = Charset(tuple("0123456789"))
PIXELS = np.random.default_rng(0).uniform(-1, 1, (3, 3, 48, 96)).astype(np.float32)


@pytest.fixture(scope="module")
def net() -> LineReaderNet:
    torch.manual_seed(0)
    shape = ReaderShape(
        CHARSET.classes,
        stem=8,
        width=8,
        blocks=(Block(8), Block(16, stride=2), Block(16, stride=2)),
        neck=24,
        neck_layers=1,
        heads=2,
    )
    made = LineReaderNet(shape)
    with torch.no_grad():
        for value in made.parameters():  # equal weights would be merged
            value.add_(torch.randn_like(value) * 0.01)
    return made.eval()


def _outputs(model: bytes) -> dict[str, np.ndarray]:
    session = open_session(model, 1)
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, {"pixels": PIXELS}), strict=True))


def _plain(path: Path) -> bytes:
    model = onnx.load(str(path))
    remove_line_feature(model)
    return bytes(model.SerializeToString())


def test_exported_readers_have_the_output(net: LineReaderNet, tmp_path: Path) -> None:
    twin, small = tmp_path / "float.onnx", tmp_path / "int8.onnx"
    export_float(net, CHARSET, twin, rounded=True)
    quantize(twin, small, iter([PIXELS]))
    stored = LineReaderNet(net.shape).eval()
    stored.load_state_dict(load_weights(twin))  # the matrix is none of the weights
    with torch.inference_mode():
        neck = stored.neck(stored.blocks(stored.stem(torch.from_numpy(PIXELS)))).numpy()
    wanted = neck.mean(axis=1) @ projection(neck.shape[2])
    for path, error in ((twin, 1e-4), (small, 0.2)):
        found = _outputs(path.read_bytes())
        assert list(found) == ["probabilities", LINE_FEATURE]
        np.testing.assert_allclose(found[LINE_FEATURE], wanted, atol=error)
        alone = _outputs(_plain(path))
        assert list(alone) == ["probabilities"]
        assert alone["probabilities"].tobytes() == found["probabilities"].tobytes()


def test_a_float_twin_without_the_output_gives_the_same_int8_reader(
    net: LineReaderNet, tmp_path: Path
) -> None:
    twin, older = tmp_path / "float.onnx", tmp_path / "older.onnx"
    export_float(net, CHARSET, twin)
    older.write_bytes(_plain(twin))
    quantize(twin, tmp_path / "1.onnx", iter([PIXELS]))
    quantize(older, tmp_path / "2.onnx", iter([PIXELS]))
    assert (tmp_path / "1.onnx").read_bytes() == (tmp_path / "2.onnx").read_bytes()


def test_a_file_is_changed_in_its_place(
    net: LineReaderNet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = tmp_path / "reader.onnx"
    export_float(net, CHARSET, plain)
    plain.write_bytes(_plain(plain))
    path = pack(plain, ".gz")
    before = _outputs(read_unpacked(path))
    manifest = tmp_path / "manifest.toml"
    manifest.write_text(f'sha256 = "{hashlib.sha256(path.read_bytes()).hexdigest()}"\n', "utf-8")
    monkeypatch.setattr("sys.argv", ["line_feature_output", str(path)])
    main()
    after = _outputs(read_unpacked(path))
    assert after["probabilities"].tobytes() == before["probabilities"].tobytes()
    assert LINE_FEATURE in after
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert manifest.read_text("utf-8") == f'sha256 = "{digest}"\n'
    main()  # it has it already
    assert hashlib.sha256(path.read_bytes()).hexdigest() == digest


def test_another_network_is_refused() -> None:
    model = onnx.helper.make_model(onnx.helper.make_graph([], "empty", [], []))
    with pytest.raises(ValueError, match="not a line reader of this project"):
        add_line_feature(model)
