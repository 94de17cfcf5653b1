"""A server whose models run elsewhere."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from model_server import PATIENCE, ModelServer
from prometheus_client import generate_latest
from typer.testing import CliRunner

from lipiyana.cli.doctor.engines import inference
from lipiyana.cli.main import app
from lipiyana.client import Client
from lipiyana.errors import InvalidRequest, LipiyanaError, ModelUnavailable, Unavailable
from lipiyana.inference.models import RemoteModels
from lipiyana.pipeline import LocalRecognizer
from lipiyana.server import ServerSettings, running_server
from lipiyana.server.processes.local_recognizer import local_recognizer
from lipiyana.server.telemetry.metrics import Metrics

Encode = Callable[..., bytes]


def settings_of(server: ModelServer, **more: Any) -> ServerSettings:
    return ServerSettings.load(
        None, port=0, threads=1, inference=server.address, inference_retries=0, **more
    )


def status_of(port: int) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=PATIENCE) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def remote_of(recognizer: Any) -> RemoteModels:
    found = recognizer.store._source._inner
    assert isinstance(found, RemoteModels)
    return found


def test_a_server_of_models_behind_a_server(
    elsewhere: ModelServer, scene: Any, encode: Encode, recognizer: LocalRecognizer
) -> None:
    picture = encode(scene)
    expected = recognizer.recognize(picture)
    settings = settings_of(elsewhere, metrics_port=0)
    remote = local_recognizer(settings)
    assert isinstance(remote, LocalRecognizer)
    with running_server(remote, settings) as server, Client(server.target) as client:
        assert server.metrics_port is not None
        (plate,), (wanted,) = client.recognize(picture).plates, expected.plates
        assert plate.registration.canonical == wanted.registration.canonical == "KA01AB1234"
        assert status_of(server.metrics_port) == 200
        watch = remote_of(remote)._watch
        assert watch is not None
        elsewhere.names = set()
        watch.look()
        assert status_of(server.metrics_port) == 503
        elsewhere.names = None
        watch.look()
        assert status_of(server.metrics_port) == 200
        elsewhere.status = grpc.StatusCode.INTERNAL, "out of memory"
        with pytest.raises(LipiyanaError) as caught:
            client.recognize(encode(scene[::-1]))
        assert (caught.value.code, caught.value.reason) == (
            "UNAVAILABLE", "INFERENCE_UNAVAILABLE"
        )  # fmt: skip
        elsewhere.status = None
        assert client.recognize(encode(scene[:, ::-1])).image_width == scene.shape[1]
    remote.close()


def test_the_metrics_of_runs(elsewhere: ModelServer, scene: Any, encode: Encode) -> None:
    metrics = Metrics()
    recognizer = local_recognizer(settings_of(elsewhere, inference_fallback=True), metrics)
    plates = recognizer.recognize(encode(scene)).plates
    elsewhere.status = grpc.StatusCode.INTERNAL, "out of memory"
    recognizer.recognize(encode(scene))
    recognizer.close()
    text = generate_latest(metrics.registry).decode()
    for line in (
        r'lipiyana_inference_calls_total\{code="OK",model="vehicles-int8"\} [1-9]',
        r'lipiyana_inference_calls_total\{code="INTERNAL",model="vehicles-int8"\} 1\.0',
        r'lipiyana_inference_bytes_total\{direction="sent",model="vehicles-int8"\} [1-9]',
        r'lipiyana_inference_bytes_total\{direction="received",model="reader-int8"\} [1-9]',
        r'lipiyana_inference_seconds_count\{model="reader-int8"\} [1-9]',
        r'lipiyana_inference_fallbacks_total\{model="vehicles-int8"\} [1-9]',
        r"lipiyana_inference_ready 1\.0",
    ):
        assert re.search(line, text), line
    assert plates
    assert not [plate for plate in plates if plate.registration.canonical in text]


def test_a_server_does_not_start_with_another_model(elsewhere: ModelServer) -> None:
    def rename(answer: Any) -> None:
        answer.inputs[0].name = "x1"

    elsewhere.metadata = rename
    with pytest.raises(ModelUnavailable, match="another model"):
        local_recognizer(settings_of(elsewhere))
    elsewhere.names = set()
    with pytest.raises(ModelUnavailable, match="export-triton"):
        local_recognizer(settings_of(elsewhere))


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"inference": "localhost:8001"}, "write grpc://HOST:PORT"),
        ({"inference_ca": Path("ca.pem")}, "inference_ca needs inference"),
        ({"inference_fallback": True}, "inference_fallback needs inference"),
        ({"inference_kept": "reader-int8"}, "inference_kept needs inference"),
        ({"inference_shared_memory": "1MiB"}, "inference_shared_memory needs inference"),
        ({"inference": "grpc://a:1", "inference_shared_memory": "1MiB"}, "grpc://localhost:PORT"),
        ({"inference": "grpc://a:1", "inference_kept": "a b"}, "must be names of models"),
        ({"inference": "grpc://a:1", "inference_ca": Path("ca.pem")}, "write grpcs://"),
        ({"device": "gpu"}, "device is 'gpu'"),
    ],
)
def test_settings_that_do_not_go_together(settings: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidRequest, match=problem):
        ServerSettings.load(None, **settings)


def test_the_doctor_looks_at_the_server_of_models(elsewhere: ModelServer) -> None:
    settings = settings_of(elsewhere)
    (well,) = inference(settings)
    assert (well.level, well.subject) == ("ok", "inference")
    assert "has all models" in well.detail
    elsewhere.names = set()
    (lacking,) = inference(settings)
    assert lacking.level == "wrong"
    assert "export-triton" in lacking.detail


def test_read_with_models_elsewhere(
    elsewhere: ModelServer, scene: Any, encode: Encode, tmp_path: Path
) -> None:
    (tmp_path / "a.png").write_bytes(encode(scene))
    options = ["read", str(tmp_path), "--workers", "1"]
    here = CliRunner().invoke(app, options)
    there = CliRunner().invoke(app, [*options, "--inference", elsewhere.address])
    assert (here.exit_code, there.exit_code) == (0, 0)

    def without_timings(text: str) -> str:
        return re.sub(r'"timings": \{[^}]*\}', "", text)

    assert without_timings(there.stdout) == without_timings(here.stdout)
    assert elsewhere.runs


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--inference", "localhost"], "grpc://HOST:PORT"),
        (["--inference-fallback"], "needs --inference"),
        (["--inference", "grpc://a:1", "--server", "a:1"], "cannot be used with --server"),
        (["--device", "cpu", "--server", "a:1"], "cannot be used with --server"),
        (["--device", "gpu"], "gpu is not one of"),
    ],
)
@pytest.mark.parametrize("command", ["read", "annotate"])
def test_options_that_do_not_go_together(
    command: str, options: list[str], problem: str, tmp_path: Path
) -> None:
    if command == "annotate":
        options = [*options, "--output", str(tmp_path / "out")]
    (tmp_path / "a.png").write_bytes(b"")
    result = CliRunner(env={"COLUMNS": "200"}).invoke(app, [command, str(tmp_path), *options])
    assert result.exit_code == 2
    assert problem in " ".join(result.stderr.replace("│", " ").split())


def test_a_paddle_reader_runs_here(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    options = ["--inference", "grpc://a:1", "--reader", "paddle:x"]
    result = CliRunner().invoke(app, ["read", str(tmp_path), *options])
    assert result.exit_code == 2
    assert "cannot be used with" in result.stderr


def test_a_server_of_models_that_is_away_is_an_error_of_the_command(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    result = CliRunner().invoke(app, ["read", str(tmp_path), "--inference", "grpc://127.0.0.1:1"])
    assert isinstance(result.exception, Unavailable)
