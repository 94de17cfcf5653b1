from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lipiyana.cli.main import app
from lipiyana.client import Client
from lipiyana.types import PixelFormat, RawImage

GREY = RawImage(bytes(64 * 64), 64, 64, PixelFormat.GRAY8)


def test_it_serves_until_a_signal() -> None:
    command = [sys.executable, "-c", "from lipiyana.cli.main import main; main()", "serve"]
    with subprocess.Popen([*command, "--port", "0"], stderr=-1, text=True) as process:
        assert process.stderr is not None
        try:
            said = process.stderr.readline()
            address = said.rpartition("serving at ")[2].strip()
            assert address.startswith("127.0.0.1:"), said
            with Client(address) as client:
                assert client.recognize(GREY).image_width == 64
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
        finally:
            process.kill()  # else the end of the block waits for it


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_taken_port_is_reported(log_format: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-c", "from lipiyana.cli.main import main; main()",
             "serve", "--port", str(port), "--log-format", log_format],
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
    assert done.returncode == 1
    assert "is taken" in done.stderr
    assert len(done.stderr.splitlines()) == 1  # gRPC's own line is not shown
    if log_format == "json":
        lines = [json.loads(line) for line in done.stderr.splitlines()]
        assert lines[-1]["reason"] == "PORT_IN_USE"


@pytest.mark.parametrize(
    ("content", "says"),
    [("port = 99999", "port"), ("prot = 1", "prot"), ("port =", "settings.toml")],
)
def test_invalid_settings_are_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("settings.toml").write_text(content)
    result = CliRunner().invoke(app, ["serve", "--config", "settings.toml"])
    assert result.exit_code == 2
    assert says in result.stderr


def test_insecure_settings_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIPIYANA_MAX_QEUE", "7")
    command = [sys.executable, "-c", "from lipiyana.cli.main import main; main()", "serve"]
    with subprocess.Popen(
        [*command, "--port", "0", "--host", "0.0.0.0"], stderr=-1, text=True
    ) as process:
        assert process.stderr is not None
        try:
            said = ""
            while "anyone who reaches 0.0.0.0 may call" not in said:
                line = process.stderr.readline()
                assert line, said
                said += line
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
        finally:
            process.kill()
    assert "nothing reads the variable LIPIYANA_MAX_QEUE; did you mean LIPIYANA_MAX_QUEUE?" in said


def test_a_misspelt_tokens_variable_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIPIYANA_TOKNES", "tokens.toml")
    result = CliRunner().invoke(app, ["serve", "--host", "0.0.0.0"])
    assert result.exit_code == 2
    assert "did you mean LIPIYANA_TOKENS?" in result.stderr
