from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lipiyana.cli.main import app
from lipiyana.errors import ModelUnavailable
from lipiyana.runtime.releases import promote

ENTRY = """
[[model]]
name = "{name}"
task = "line_reader"
version = "7"
file = "{name}.onnx"
sha256 = "{sha256}"
licence = "Apache-2.0"
"""


@pytest.fixture
def models(tmp_path: Path) -> Path:
    (tmp_path / "broken.onnx").write_bytes(b"no model")
    entries = [
        ENTRY.format(name="absent", sha256="0" * 64),
        ENTRY.format(name="broken", sha256=hashlib.sha256(b"no model").hexdigest()),
        ENTRY.format(name="changed", sha256="0" * 64),
    ]
    (tmp_path / "changed.onnx").write_bytes(b"x" * 2_500_000)
    (tmp_path / "manifest.toml").write_text("".join(entries))
    return tmp_path


def test_list_shows_the_installed_models(models: Path) -> None:
    result = CliRunner().invoke(app, ["models", "list", "--models", str(models)])
    assert result.exit_code == 0
    lines = {line.split()[0]: line for line in result.stdout.splitlines()}
    assert lines["absent"].split() == ["absent", "line_reader", "7", "Apache-2.0", "no"]
    assert lines["changed"].split()[3:] == ["2.5", "MB", "Apache-2.0", "yes"]
    assert "yes" in lines["latin-reader"]


@pytest.mark.parametrize("how", ["pipe", "nested"])
def test_an_invalid_manifest(how: str, tmp_path: Path) -> None:
    if how == "pipe":
        os.mkfifo(tmp_path / "manifest.toml")
    else:
        (tmp_path / "manifest.toml").write_text("model = " + "[" * 100_000)
    result = CliRunner().invoke(app, ["models", "list", "--models", str(tmp_path)])
    assert isinstance(result.exception, ModelUnavailable)
    assert str(tmp_path / "manifest.toml") in result.exception.message


def test_a_pipe_instead_of_a_model(models: Path) -> None:
    (models / "broken.onnx").unlink()
    os.mkfifo(models / "broken.onnx")
    result = CliRunner().invoke(app, ["models", "verify", "--models", str(models)])
    assert any(
        line.startswith("wrong") and "broken" in line and "cannot be read" in line
        for line in result.stdout.splitlines()
    )


def test_verify_says_which_models_are_wrong(models: Path) -> None:
    result = CliRunner().invoke(app, ["models", "verify", "--models", str(models)])
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    wrong = [line for line in lines if line.startswith("wrong")]
    assert [line.split()[1] for line in wrong] == ["absent:", "broken:", "changed:"]
    assert "not installed" in wrong[0]
    assert "sha256" in wrong[2]
    assert any(line.split() == ["ok", "latin-reader"] for line in lines)


def test_a_rollback_says_what_it_mends(tmp_path: Path) -> None:
    challenger, live = tmp_path / "new", tmp_path / "live"
    challenger.mkdir()
    (challenger / "broken.onnx").write_bytes(b"no model")
    entry = ENTRY.format(name="broken", sha256=hashlib.sha256(b"no model").hexdigest())
    (challenger / "manifest.toml").write_text(entry)
    promote(live, challenger, {})
    manifest = (live / "manifest.toml").read_bytes()
    (live / "manifest.toml").write_bytes(b"[[model")
    with (live / "releases.jsonl").open("a", encoding="utf-8") as audit:
        audit.write("{}\n")
    result = CliRunner().invoke(app, ["models", "rollback", str(live)])
    assert result.exit_code == 0, result.output
    assert (live / "manifest.toml").read_bytes() == manifest
    assert "line 2 of" in result.output
    assert "it has no 'time'" in result.output
    assert "manifest.toml cannot be used, and is kept as manifest.broken.toml" in result.output
    assert "rolled back" in result.output


def test_the_models_of_the_package_are_intact() -> None:
    result = CliRunner().invoke(app, ["models", "verify"])
    assert result.exit_code == 0
    assert "wrong" not in result.stdout
