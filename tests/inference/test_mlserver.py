"""MLServer, a server of the protocol by others, serves the files of an exported repository."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from model_server import told
from models_elsewhere import PICTURES, READER, plain
from needs import MLSERVER

from lipiyana.errors import LipiyanaError, ModelUnavailable
from lipiyana.inference.connection import Connection
from lipiyana.inference.models import RemoteModels
from lipiyana.inference.options import InferenceOptions
from lipiyana.inference.triton import export_repository
from lipiyana.pipeline import LocalRecognizer
from lipiyana.runtime.session import read_header
from lipiyana.runtime.store import ModelStore
from lipiyana.types import Layout, RecognitionConfig

START = 120.0
"""Seconds that MLServer may take to load four models on a busy machine."""

SUPPORT = Path(__file__).parents[1] / "support"


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def write_settings(folder: Path, store: ModelStore, names: list[str]) -> int:
    """Write MLServer's settings beside the exported files; give the port of gRPC."""
    http, grpc, metrics = free_ports(3)
    settings = {
        "host": "127.0.0.1", "http_port": http, "grpc_port": grpc, "metrics_port": metrics,
        "parallel_workers": 0, "grpc_max_message_length": 2**28, "use_structured_logging": False,
    }  # fmt: skip
    (folder / "settings.json").write_text(json.dumps(settings))
    for name in names:
        file = folder / name / "1" / "model.onnx"
        header = read_header(store.entry(name), file.read_bytes())
        model = {
            "name": name,
            "implementation": "mlserver_onnx.OnnxModel",
            "parameters": {"uri": str(file), "version": "1"},
            "inputs": [fields(tensor) for tensor in map(told, header.inputs)],
            "outputs": [fields(tensor) for tensor in map(told, header.outputs)],
        }
        (folder / name / "model-settings.json").write_text(json.dumps(model))
    return grpc


def fields(tensor: object) -> dict[str, object]:
    names = ("name", "datatype", "shape")
    made = {name: getattr(tensor, name) for name in names}
    return made | {"shape": list(made["shape"])}


@pytest.fixture(scope="module")
def mlserver(store: ModelStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    python = os.environ.get("MLSERVER_PYTHON")
    if not python:
        pytest.skip(MLSERVER)
    folder = tmp_path_factory.mktemp("repository")
    used = [store.entry(model.name) for model in LocalRecognizer(store).models]
    names = export_repository(store, used, folder / "models")
    port = write_settings(folder / "models", store, names)
    environment = {**os.environ, "PYTHONPATH": str(SUPPORT)}
    command = [str(Path(python).parent / "mlserver"), "start", str(folder / "models")]
    address = f"grpc://127.0.0.1:{port}"
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log, env=environment) as server,
    ):
        try:
            wait_until_ready(address, names, server)
            yield address
        finally:
            server.kill()


def wait_until_ready(address: str, names: list[str], server: subprocess.Popen[bytes]) -> None:
    connection = Connection(InferenceOptions(address, retries=1000))
    until = time.monotonic() + START
    for name in names:
        while True:
            assert server.poll() is None, "MLServer has ended"
            left = until - time.monotonic()
            assert left > 0, f"{name} is not ready"
            try:
                if connection.ready(name, left):  # tries again while nobody listens
                    break
            except LipiyanaError:
                continue
    connection.close()


def test_answers_are_equal(mlserver: str, recognizer: LocalRecognizer) -> None:
    models = RemoteModels(InferenceOptions(mlserver, timeout=60.0))
    remote = LocalRecognizer(ModelStore(threads=1, source=models))
    for picture in PICTURES:
        layout = Layout.SCENE if picture.parent.name == "scenes" else Layout.PLATE
        config = RecognitionConfig(layout=layout)
        expected = plain(recognizer.recognize(picture, config))
        assert plain(remote.recognize(picture, config)) == expected, picture.name
    remote.close()


def test_a_model_that_it_lacks(mlserver: str, store: ModelStore) -> None:
    models = RemoteModels(InferenceOptions(mlserver, timeout=60.0))
    with pytest.raises(ModelUnavailable, match="reader-float that is ready"):
        models.open(store.entry("reader-float"), 1, store.compute)
    assert models.missing([READER, "reader-float"]) == ["reader-float"]
    models.close()
