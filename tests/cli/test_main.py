from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version

import pytest
from typer.testing import CliRunner

from lipiyana.cli.main import app

HEAVY = ("cv2", "google.protobuf", "grpc", "numpy", "onnxruntime", "PIL", "rapidocr")
SHOW_HEAVY = f"""
import sys
from lipiyana.cli.main import main
try:
    main()
except SystemExit as leaving:
    assert leaving.code == 0, leaving.code
loaded = [name for name in {HEAVY} if name in sys.modules]
assert not loaded, loaded
"""


@pytest.mark.parametrize(
    "command", ["", "read", "serve", "annotate", "models", "models list", "models verify", "doctor"]
)
def test_help_imports_nothing_heavy(command: str) -> None:
    subprocess.run(
        [sys.executable, "-c", SHOW_HEAVY, *command.split(), "--help"],
        check=True,
        capture_output=True,
        timeout=60,
    )


def test_version() -> None:
    result = CliRunner().invoke(app, ["--version"])
    assert result.exit_code == 0
    assert result.stdout == f"lipiyana {version('lipiyana')}\n"


def test_the_commands_are_those_of_the_documentation() -> None:
    text = CliRunner().invoke(app, ["--help"]).stdout
    for command in ("read", "serve", "annotate", "models", "doctor"):
        assert f" {command} " in text


@pytest.mark.parametrize("command", ["", "read", "models list", "finetune reader"])
def test_h_is_help(command: str) -> None:
    short = CliRunner().invoke(app, [*command.split(), "-h"])
    assert short.exit_code == 0
    assert short.stdout == CliRunner().invoke(app, [*command.split(), "--help"]).stdout


def test_unknown_features_are_reported_with_their_option() -> None:
    result = CliRunner().invoke(app, ["read", "x", "--features", "vehicle"])
    assert result.exit_code == 2
    message = " ".join(result.output.replace("│", " ").split())
    assert "Invalid value for --features: 'vehicle' is not one of" in message
    assert "Did you mean 'vehicles'?" in message


@pytest.mark.parametrize("command", ["reader", "plates", "vehicles"])
def test_missing_data_is_reported_before_torch_is_loaded(command: str) -> None:
    code = SHOW_HEAVY.replace("code == 0", "code == 2").replace(str(HEAVY), "('torch', 'numpy')")
    done = subprocess.run(
        [sys.executable, "-c", code, "finetune", command, "nosuch", "--out", "mine"],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "there is no file or folder nosuch" in done.stderr


def test_an_error_of_the_project_is_one_line_and_exit_code_1(tmp_path: object) -> None:
    done = subprocess.run(
        [
            sys.executable, "-c", "from lipiyana.cli.main import main; main()",
            "models", "list", "--models", str(tmp_path),
        ],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "manifest.toml" in done.stderr
    assert done.stderr.count("\n") == 1
