from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
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


def commands(command: Any, *names: str) -> Iterator[tuple[str, ...]]:
    """The names of all commands and groups."""
    yield names
    for name, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, *names, name)


COMMANDS = [*commands(get_command(app))]


def test_all_commands_are_checked() -> None:
    assert {(), ("read",), ("models", "list"), ("finetune", "vehicles")} <= {*COMMANDS}


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_h_is_help(command: tuple[str, ...]) -> None:
    short = CliRunner().invoke(app, [*command, "-h"])
    assert short.exit_code == 0
    assert short.stdout == CliRunner().invoke(app, [*command, "--help"]).stdout


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_shows_no_types_of_python(command: tuple[str, ...]) -> None:
    text = CliRunner().invoke(app, [*command, "-h"]).stdout
    assert not re.findall(r"<[^>]*>|\b(?:bool|BOOLEAN|TEXT|INTEGER|PATH|FLOAT)\b", text)


def test_the_package_is_a_program() -> None:
    def run(*program: str) -> str:
        return subprocess.run(
            [*program, "read", "-h"], capture_output=True, text=True, check=True, timeout=60
        ).stdout

    script = Path(sys.executable).with_name("lipiyana")
    assert run(sys.executable, "-m", "lipiyana").replace(
        "python -m lipiyana", "lipiyana"
    ).split() == (run(str(script)).split())


@pytest.mark.parametrize(
    ("typed", "offered"),
    [("lipiyana re", "read\nreview"), ("lipiyana read --script", "--script-hints"),
     ("lipiyana models ver", "verify")],
)  # fmt: skip
def test_the_shell_completes(typed: str, offered: str) -> None:
    words = typed.split()
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lipiyana"))],
        env=os.environ
        | {
            "_LIPIYANA_COMPLETE": "complete_bash",
            "COMP_WORDS": typed,
            "COMP_CWORD": str(len(words) - 1),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.strip() == offered


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_completion_is_installed_for_bash(tmp_path: Path) -> None:
    script = Path(sys.executable).with_name("lipiyana")
    # the shell is the parent of the program: a last command would replace bash
    subprocess.run(
        ["bash", "-c", f"{shlex.quote(str(script))} --install-completion; exit $?"],
        env=os.environ | {"HOME": str(tmp_path)},
        capture_output=True,
        timeout=60,
        check=True,
    )
    (installed,) = tmp_path.rglob("lipiyana*")
    assert "_LIPIYANA_COMPLETE=complete_bash" in installed.read_text()
    assert str(installed) in (tmp_path / ".bashrc").read_text()


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
