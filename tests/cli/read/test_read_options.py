"""Options of `lipiyana read` that change what rows contain; the recognizer is a fake."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from cli_fake import FakeRecognizer
from typer.testing import CliRunner, Result

from lipiyana.cli import recognizers
from lipiyana.cli.main import app
from lipiyana.types import RecognitionConfig


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeRecognizer:
    recognizer = FakeRecognizer()
    chosen = recognizers.Chosen(recognizer, workers=3)
    monkeypatch.setattr(recognizers, "in_process", lambda *arguments, **named: chosen)
    return recognizer


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["read", *arguments])


def test_what_is_asked_reaches_the_recognizer(here: Path, fake: FakeRecognizer) -> None:
    (here / "a.jpg").write_text("a")
    options = ("--script-hints", "deva, Latn", "--romanize", "--words")
    assert invoke("a.jpg", "-o", "out.jsonl", *options).exit_code == 0
    assert fake.configs == [
        RecognitionConfig(script_hints=["Deva", "Latn"], romanize=True, words=True)
    ]


@pytest.mark.parametrize(
    ("hints", "says"),
    [("Dева", "is not one of Deva"), ("Devanagari", "Did you mean 'Deva'"), (",", "name one")],
)
def test_unknown_scripts_are_refused(
    here: Path, fake: FakeRecognizer, hints: str, says: str
) -> None:
    (here / "a.jpg").write_text("a")
    result = invoke("a.jpg", "--script-hints", hints)
    assert result.exit_code == 2
    message = " ".join(result.stderr.replace("│", " ").split())
    assert "Invalid value for --script-hints" in message
    assert says in message
    assert fake.seen == []


@pytest.mark.parametrize("option", [["--romanize"], ["--words"], ["--script-hints", "Deva"]])
def test_rows_with_and_without_an_option_are_not_mixed(
    here: Path, fake: FakeRecognizer, option: list[str]
) -> None:
    (here / "a.jpg").write_text("a")
    assert invoke("a.jpg", "-o", "out.jsonl").exit_code == 0
    stored = here / ".out.jsonl.options"
    # as a version without these options wrote it
    old = {k: v for k, v in json.loads(stored.read_text()).items() if k != option[0]}
    for content in (stored.read_text(), json.dumps(old)):
        stored.write_text(content)
        result = invoke("a.jpg", "-o", "out.jsonl", "--resume", *option)
        assert result.exit_code == 2
        assert f"were written with {option[0]} unset" in result.stderr


BOM = b"\xef\xbb\xbf"


def test_csv_begins_as_excel_needs_it(here: Path, fake: FakeRecognizer) -> None:
    for name in ("é.jpg", "b.jpg"):
        (here / name).write_text(name)
    assert invoke("é.jpg", "-o", "with.csv").exit_code == 0
    assert invoke("é.jpg", "-o", "without.csv", "--no-bom").exit_code == 0
    rows = (here / "without.csv").read_bytes()
    assert rows.startswith(b"path,")
    assert (here / "with.csv").read_bytes() == BOM + rows
    # a file is continued as it was begun
    for name, option in (("with.csv", ["--no-bom"]), ("without.csv", [])):
        begun = (here / name).read_bytes()
        resumed = invoke("é.jpg", "b.jpg", "-o", name, "--resume", *option)
        assert resumed.exit_code == 0, resumed.stderr
        assert "1 skipped" in resumed.stderr
        assert (here / name).read_bytes().startswith(begun)
        assert (here / name).read_bytes().count(BOM) == begun.count(BOM)
        assert invoke("é.jpg", "-o", name).exit_code == 2  # it has rows
    with (here / "with.csv").open(encoding="utf-8-sig", newline="") as file:
        assert [row["path"] for row in csv.DictReader(file)] == ["é.jpg", "b.jpg"]


@pytest.mark.parametrize("output", [[], ["-o", "out.jsonl"]])
def test_no_bom_is_for_csv(here: Path, fake: FakeRecognizer, output: list[str]) -> None:
    (here / "a.jpg").write_text("a")
    result = invoke("a.jpg", "--no-bom", *output)
    assert result.exit_code == 2
    assert "--no-bom" in result.stderr


@pytest.mark.parametrize("option", ["--romanize", "--words"])
def test_an_option_without_a_column_is_warned_of(
    here: Path, fake: FakeRecognizer, option: str
) -> None:
    (here / "a.jpg").write_text("a")
    with_column = invoke("a.jpg", "-o", "out.jsonl", option)
    without = invoke("a.jpg", "-o", "out.CSV", option)
    assert with_column.exit_code == without.exit_code == 0
    assert f"warning: {option} has no column in a .csv file" in without.stderr
    assert "warning" not in with_column.stderr
    assert "warning" not in invoke("a.jpg", "-o", "plain.csv").stderr
