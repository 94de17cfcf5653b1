"""Exit codes of docs/guides/command-line.md; those of `read` and Ctrl-C are tested elsewhere."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lipiyana.cli.main import app


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("models verify", 0),
        ("models verify --models broken", 1),
        ("review list empty", 1),
        ("review export empty -o out", 1),
        ("review import notes.json -o out", 1),
        ("read empty", 2),
        ("read notes.json --output rows.jsonl", 2),
        ("read notes.json --output rows.txt", 2),
        ("annotate empty -o out", 2),
        ("serve --config settings.toml", 2),
        ("serve --config missing.toml", 2),
    ],
)
def test_exit_codes_of_commands(
    command: str, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    Path("broken").mkdir()
    Path("broken/manifest.toml").write_text(
        '[[model]]\nname = "mine"\ntask = "line_reader"\nfile = "a.onnx"\nsha256 = "0"\n'
    )
    Path("notes.json").write_text("{}")
    Path("settings.toml").write_text("prot = 1")
    Path("rows.jsonl").write_text('{"path": "a.jpg", "error": {"code": "INTERNAL"}}\n')
    result = CliRunner().invoke(app, shlex.split(command))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        # `main` converts these errors to an exit code
        assert type(result.exception).__module__ == "lipiyana.errors", result.exception
        assert code == 1
    else:
        assert result.exit_code == code
