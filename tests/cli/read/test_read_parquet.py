"""`lipiyana read --output FILE.parquet` from the user's view."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cli_fake import FakeRecognizer
from typer.testing import CliRunner, Result

from lipiyana.cli import recognizers
from lipiyana.cli.main import app
from lipiyana.rows.columns import recognition_of

SAMPLES = Path(__file__).parents[3] / "samples"


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


def test_parquet_has_what_json_lines_have(here: Path, fake: FakeRecognizer) -> None:
    for name, text in (("a", "a"), ("b", "bad"), ("c", "bug"), ("d", "দ")):
        (here / f"{name}.jpg").write_text(text)
    inputs = (".", "missing.jpg", os.fsdecode(b"gone\xff.jpg"))
    for output in ("out.jsonl", "out.PARQUET"):
        result = invoke(*inputs, "-o", output)
        assert result.exit_code == 1
        assert "2 read, 4 failed" in result.stderr
    lines = [json.loads(line) for line in (here / "out.jsonl").read_text().splitlines()]
    for line, row in zip(lines, pq.read_table("out.PARQUET").to_pylist(), strict=True):
        assert row["path"] == line["path"]
        found = recognition_of(row)
        assert (found and found.to_dict()) == line.get("recognition")
        error = {"code": row["error_code"], "message": row["error_message"]}
        assert (error if found is None else None) == line.get("error")
    assert lines[-1]["path"] == "gone%FF.jpg"
    assert sorted(path.name for path in here.iterdir() if path.suffix != ".jpg") == [
        ".out.jsonl.options",
        "out.PARQUET",
        "out.jsonl",
    ]


def test_a_run_is_continued_only_as_it_began(here: Path, fake: FakeRecognizer) -> None:
    (here / "a.jpg").write_text("a")
    (here / "b.jpg").write_text("b")
    run = (".", "-o", "out.parquet")
    assert invoke("a.jpg", "-o", "out.parquet").exit_code == 0
    before = (here / "out.parquet").read_bytes()
    again = invoke(*run)
    assert again.exit_code == 2
    assert "out.parquet has rows already: continue it with --resume" in again.stderr
    for option, value in (
        ("--layout", "plate"),
        ("--features", "text"),
        ("--min-confidence", "0.5"),
        ("--script-hints", "Deva"),
        ("--romanize", ""),
        ("--words", ""),
    ):
        other = invoke(*run, "--resume", option, *filter(None, [value]))
        assert other.exit_code == 2
        assert f"the rows of out.parquet were written with {option} " in other.stderr
    assert (here / "out.parquet").read_bytes() == before
    resumed = invoke("a.jpg", "b.jpg", "-o", "out.parquet", "--resume")
    assert resumed.exit_code == 0
    assert "1 read, 0 failed, 1 skipped, already in out.parquet" in resumed.stderr
    assert fake.seen == ["a", "b"]
    assert pq.read_table("out.parquet")["path"].to_pylist() == ["a.jpg", "b.jpg"]


def test_a_file_that_is_not_of_rows_is_refused(here: Path, fake: FakeRecognizer) -> None:
    (here / "a.jpg").write_text("a")
    pq.write_table(pa.table({"path": ["a"]}), here / "out.parquet")
    (here / "text.parquet").write_text("notes")
    for name, says in (("out.parquet", "its metadata is not"), ("text.parquet", "no Parquet")):
        result = invoke("a.jpg", "-o", name, "--resume")
        assert result.exit_code == 2
        assert f"cannot continue {name}: it" in result.stderr
        assert says in result.stderr
    assert fake.seen == []


def test_the_models_and_versions_are_in_the_file(here: Path) -> None:
    shutil.copy(SAMPLES / "plates" / "01_standard_1row.jpg", here / "a.jpg")
    (here / "b.jpg").write_text("no picture")
    run = ("a.jpg", "b.jpg", "--layout", "plate", "-o", "out.parquet")
    assert invoke(*run).exit_code == 1
    metadata = pq.read_schema("out.parquet").metadata
    models = json.loads(metadata[b"lipiyana.models"])
    first, second = pq.read_table("out.parquet").to_pylist()
    used = {model["name"]: model["sha256"] for model in first["models"]}
    assert used.items() <= models.items()
    assert first["plates"][0]["registration"]["valid"]
    assert second["error_reason"] == "NOT_AN_IMAGE"
    assert metadata[b"lipiyana.version"].decode() == version("lipiyana")
    other = pq.read_table("out.parquet")
    changed = {**metadata, b"lipiyana.models": json.dumps({**models, next(iter(models)): "0" * 64})}
    pq.write_table(other.replace_schema_metadata(changed), "out.parquet")
    refused = invoke(*run, "--resume")
    assert refused.exit_code == 2
    assert "the rows of out.parquet were written by other models" in refused.stderr


def test_a_server_fills_a_parquet_file_too(here: Path) -> None:
    from lipiyana.pipeline import LocalRecognizer
    from lipiyana.server import running_server

    shutil.copy(SAMPLES / "plates" / "01_standard_1row.jpg", here / "a.jpg")
    run = ("a.jpg", "--layout", "plate", "--resume", "-o")
    with running_server(LocalRecognizer(threads=1)) as server:
        remote = invoke(*run, "there.parquet", "--server", server.target)
    assert remote.exit_code == 0
    assert invoke(*run, "here.parquet").exit_code == 0
    there, own = (pq.read_table(name).to_pylist()[0] for name in ("there.parquet", "here.parquet"))
    assert there["plates"] == own["plates"]
    assert there["sha256"] == own["sha256"]
    mixed = invoke(*run, "there.parquet")
    assert mixed.exit_code == 2
    assert "with --server set, not with --server unset" in mixed.stderr


def test_without_pyarrow_the_error_names_the_extra(here: Path) -> None:
    (here / "a.jpg").write_text("a")
    program = (
        "import sys; sys.modules['pyarrow'] = None\nfrom lipiyana.cli.main import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "read", "a.jpg", "-o", "out.parquet"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "needs the extra 'parquet'" in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in here.iterdir()) == ["a.jpg"]


def test_pyarrow_is_loaded_only_for_parquet(here: Path) -> None:
    (here / "a.jpg").write_text("a")
    program = (
        "import sys\n"
        "import lipiyana.rows\n"
        "from lipiyana.cli.main import app\n"
        "app(['read', 'a.jpg', '-o', 'out.jsonl'], standalone_mode=False)\n"
        "sys.exit('pyarrow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
