from __future__ import annotations

import hashlib
import os
import re
import subprocess
from pathlib import Path

import onnxruntime
import pytest
from google.protobuf import text_format
from models_elsewhere import READER
from needs import MLSERVER
from typer.testing import CliRunner

from lipiyana.cli.main import app
from lipiyana.inference.agreement import DIGEST
from lipiyana.inference.options import Accelerator
from lipiyana.inference.triton import config, export_repository
from lipiyana.inference.v2 import open_inference_pb2 as pb
from lipiyana.pipeline import LocalRecognizer
from lipiyana.runtime.manifest import ModelEntry, Task
from lipiyana.runtime.session import ModelHeader, Tensor
from lipiyana.runtime.store import ModelStore


def export(folder: Path, *options: str) -> tuple[int, str]:
    """Run the command; give its exit code and its errors."""
    result = CliRunner().invoke(app, ["models", "export-triton", str(folder), *options])
    return result.exit_code, f"{result.stderr}{result.exception or ''}"


@pytest.fixture(scope="module", params=list(Accelerator))
def exported(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Accelerator, Path]:
    folder = tmp_path_factory.mktemp("exported") / "new" / "models"
    code, _ = export(folder, "--accelerator", request.param, "--instances", "2")
    assert code == 0
    return request.param, folder


def test_a_repository_has_the_files_of_the_models(
    exported: tuple[Accelerator, Path], store: ModelStore
) -> None:
    accelerator, folder = exported
    names = {model.name for model in LocalRecognizer(store).models}
    assert READER in names
    if accelerator is not Accelerator.NONE:
        # of two twins the one with floats; the text detector has no twin
        known = {entry.name for entry in store.entries}
        floats = {name: name.replace("int8", "float") for name in names}
        names = {floats[name] if floats[name] in known else name for name in names}
        assert "reader-float" in names
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert files == {f"{n}/{file}" for n in names for file in ("config.pbtxt", "1/model.onnx")}
    for name in names:
        model = folder / name / "1" / "model.onnx"
        assert model.read_bytes() == store.entry(name).read_bytes()  # unpacked
        onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])


def test_the_settings_of_a_model(exported: tuple[Accelerator, Path], store: ModelStore) -> None:
    accelerator, folder = exported
    for path in folder.glob("*/config.pbtxt"):
        text = path.read_text("utf-8")
        read = text_format.Parse(text, pb.ModelConfig(), allow_unknown_field=True)
        entry = store.entry(path.parent.name)
        assert read.name == entry.name
        assert read.parameters[DIGEST].string_value == entry.sha256
        assert read.max_batch_size == (32 if entry.task is Task.LINE_READER else 8)
        assert "dynamic_batching { }" in text
        kind = "KIND_GPU" if accelerator is Accelerator.TENSORRT_FP16 else "KIND_CPU"
        assert f"instance_group {{ count: 2 kind: {kind} }}" in text
        assert re.findall(r'name: "(tensorrt|openvino)"', text) == (
            [] if accelerator is Accelerator.NONE else [accelerator.partition("-")[0]]
        )
        assert ('value: "FP16"' in text) == (accelerator is Accelerator.TENSORRT_FP16)
    reader = next(folder.glob("reader-*/config.pbtxt")).read_text("utf-8")
    assert 'input { name: "pixels" data_type: TYPE_FP32 dims: [3, 48, -1] }' in reader
    assert 'output { name: "probabilities" data_type: TYPE_FP32 dims: [-1, 1071] }' in reader


def test_triton_s_own_messages_take_the_settings(exported: tuple[Accelerator, Path]) -> None:
    python = os.environ.get("MLSERVER_PYTHON")
    if not python:
        pytest.skip(MLSERVER)  # which brings tritonclient
    _, folder = exported
    program = (
        "import sys; from google.protobuf import text_format\n"
        "from tritonclient.grpc import model_config_pb2 as m\n"
        "for path in sys.argv[1:]:\n"
        "    c = text_format.Parse(open(path).read(), m.ModelConfig())\n"
        "    assert c.HasField('dynamic_batching') and c.instance_group[0].count == 2\n"
    )
    paths = map(str, folder.glob("*/config.pbtxt"))
    # isolated: `make oldest` puts another protobuf on PYTHONPATH, for this process alone
    subprocess.run([python, "-I", "-c", program, *paths], check=True)


def test_a_fixed_first_axis_is_no_batch(tmp_path: Path) -> None:
    entry = ModelEntry("mine", Task.TEXT_DETECTOR, tmp_path, hashlib.sha256().hexdigest())
    header = ModelHeader(
        (Tensor("x", "tensor(float)", (1, 3, None, None)),),
        (Tensor("map", "tensor(float)", (1, 1, None, None)),),
    )
    text = config(entry, header, Accelerator.NONE, 1)
    assert text_format.Parse(text, pb.ModelConfig(), allow_unknown_field=True).max_batch_size == 0
    assert "dims: [1, 3, -1, -1]" in text
    assert "dynamic_batching" not in text


def test_a_folder_that_is_not_empty_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("kept")
    code, problem = export(tmp_path)
    assert code == 1
    assert "is not empty" in problem
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("kept")
    assert export(tmp_path / "mine")[0] == 2


def test_a_folder_that_cannot_be_made(tmp_path: Path, store: ModelStore) -> None:
    from lipiyana.errors import InvalidRequest

    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidRequest, match="cannot be written"):
        export_repository(store, store.entries[:1], tmp_path / "file" / "models")
