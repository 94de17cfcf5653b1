"""A new kind of output is one entry of a table."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cli_fake import FakeRecognizer
from typer.testing import CliRunner, Result

from lipiyana.cli import recognizers
from lipiyana.cli.main import app
from lipiyana.rows import output_kinds
from lipiyana.rows.output_kinds import KINDS, OutputKind, OutputRequest
from lipiyana.rows.text_output import StandardOutput


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.jpg").write_text("a")
    chosen = recognizers.Chosen(FakeRecognizer(), workers=1)
    monkeypatch.setattr(recognizers, "in_process", lambda *arguments, **named: chosen)
    return tmp_path


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["read", "a.jpg", *arguments])


def test_a_new_kind_is_one_entry(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    requests: list[OutputRequest] = []

    def open_arrow(request: OutputRequest) -> StandardOutput:
        requests.append(request)
        return StandardOutput()

    kind = OutputKind(open_arrow, without=frozenset({"--words"}), takes_bom=True)
    monkeypatch.setattr(output_kinds, "KINDS", {**KINDS, ".arrow": kind})
    result = invoke("-o", "out.ARROW", "--resume", "--words", "--no-bom")
    assert result.exit_code == 0, result.stderr
    assert "--words has no column in a .arrow file" in result.stderr
    (request,) = requests
    assert (request.path, request.resume, request.bom) == (Path("out.ARROW"), True, False)
    assert request.provenance().options["words"] == "set"


def test_every_kind_is_named_in_the_help_and_the_error() -> None:
    helped = CliRunner().invoke(app, ["read", "-h"], env={"COLUMNS": "200"}).stdout
    refused = invoke("-o", "out.txt").stderr
    assert len(KINDS) >= 3
    for suffix in KINDS:
        assert suffix in helped
        assert suffix in refused


@pytest.mark.parametrize("suffix", KINDS)
def test_a_kind_refuses_a_folder_that_is_not_there(suffix: str) -> None:
    result = invoke("-o", os.path.join("none", f"out{suffix}"))  # noqa: PTH118
    assert result.exit_code == 2
    assert "there is no folder none; create it" in result.stderr
