"""`lipiyana read` from the user's view; the recognizer is a fake except in the last tests."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from cli_fake import FakeRecognizer
from PIL import Image, ImageDraw, ImageFont
from typer.testing import CliRunner, Result

from lipiyana import files
from lipiyana.cli import recognizers
from lipiyana.cli.main import app
from lipiyana.types import Feature, Layout


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


def rows(result: Result) -> list[dict[str, object]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def picture(path: Path, text: str = "KA 01 AB 1234") -> None:
    canvas = Image.new("RGB", (480, 240), "white")
    font = ImageFont.load_default(48)
    ImageDraw.Draw(canvas).text((240, 120), text, font=font, fill="black", anchor="mm")
    canvas.save(path)


def test_rows_go_to_stdout_and_all_else_to_stderr(here: Path, fake: FakeRecognizer) -> None:
    for name in ("b.jpg", "a.jpg"):
        (here / name).write_text(name)
    result = invoke("b.jpg", ".")
    assert result.exit_code == 0
    assert [row["path"] for row in rows(result)] == ["b.jpg", "./a.jpg", "./b.jpg"]
    assert "3 read, 0 failed" in result.stderr
    assert fake.closed


def test_options_reach_the_recognizer(here: Path, fake: FakeRecognizer) -> None:
    (here / "a.jpg").write_text("a")
    invoke("a.jpg", "--layout", "PLATE", "--features", "text, plates", "--min-confidence", "0.01")
    (config,) = fake.configs
    assert config is not None
    assert config.layout is Layout.PLATE
    assert config.features == {Feature.TEXT, Feature.PLATES}
    assert config.min_confidence == 0.01


def test_finding_nothing_at_all_is_reported(here: Path, fake: FakeRecognizer) -> None:
    for name in ("a.jpg", "b.jpg"):
        (here / name).write_text(name)
    assert "nothing was found" not in invoke("a.jpg", "b.jpg", "--models", ".").stderr
    fake.finds_nothing = True
    outcome = invoke("a.jpg", "b.jpg", "--models", ".")
    assert outcome.exit_code == 0
    assert "nothing was found in any of 2 pictures" in outcome.stderr
    assert len(rows(outcome)) == 2


def test_a_bad_picture_is_a_row_and_exit_code_1(here: Path, fake: FakeRecognizer) -> None:
    (here / "a.jpg").write_text("bad")
    (here / "b.jpg").write_text("good")
    (here / "d.jpg").mkdir()
    (here / "loop.jpg").symlink_to("loop.jpg")
    os.mkfifo(here / "pipe.jpg")
    result = invoke("a.jpg", "b.jpg", "missing.jpg", "loop.jpg", "pipe.jpg")
    assert result.exit_code == 1
    errors = [row.get("error") for row in rows(result)]
    codes = [error["code"] if isinstance(error, dict) else None for error in errors]
    assert codes == [
        "INVALID_ARGUMENT", None, "NOT_FOUND", "INVALID_ARGUMENT", "INVALID_ARGUMENT",
    ]  # fmt: skip


def test_a_file_without_read_permission(
    here: Path, fake: FakeRecognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "a.jpg").write_text("a")

    def refuse(path: Path, **options: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched:  # root may read all files
        patched.setattr(files, "open_regular", refuse)
        result = invoke("a.jpg")
    assert [row["error"]["code"] for row in rows(result)] == ["PERMISSION_DENIED"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "INPUT"),
        ([""], "empty name"),
        (["a.jpg", "--layout", "page"], "page is not one of scene, line, plate"),
        (["a.jpg", "--features", "text,faces"], "faces"),
        (["a.jpg", "--features", ""], "vehicles"),
        (["a.jpg", "--min-confidence", "1.5"], "1.5 is not between 0 and 1"),
        (["a.jpg", "--min-confidence", "nan"], "nan is not a number"),
        (["a.jpg", "--workers", "0"], "0 is not between 1 and 1024"),
        (["a.jpg", "--workers", "two"], "two is not a whole number"),
        (["a.jpg", "--output", "rows.txt"], ".jsonl"),
        (["a.jpg", "--resume"], "--output"),
        (["a.jpg", "--server", "localhost"], "localhost:50051"),
        (["a.jpg", "--server", "localhost:1", "--models", "."], "server"),
        (["a.jpg", "--models", "missing"], "there is no folder missing"),
        (["a.jpg", "--bogus"], "--bogus"),
    ],
)
def test_invalid_arguments_are_exit_code_2(
    here: Path, fake: FakeRecognizer, arguments: Sequence[str], says: str
) -> None:
    (here / "a.jpg").write_text("a")
    result = invoke(*arguments)
    assert result.exit_code == 2
    assert says in result.stderr
    assert result.stdout == ""
    assert fake.seen == []


@pytest.mark.parametrize("arguments", [["empty"], ["*.png"], ["empty", "empty/*.jpg"]])
def test_no_picture_is_exit_code_2(here: Path, fake: FakeRecognizer, arguments: list[str]) -> None:
    (here / "empty").mkdir()
    (here / "empty" / "notes.txt").write_text("no picture")
    result = invoke(*arguments, "--output", "out.csv")
    assert result.exit_code == 2
    assert f"no picture found in {arguments[0]}" in result.stderr
    assert ".jpg" in result.stderr
    assert ("skipped 1 .txt" in result.stderr) == ("empty" in arguments)
    assert not (here / "out.csv").exists()


def test_a_path_that_is_not_utf8_is_read(here: Path, fake: FakeRecognizer) -> None:
    name = os.fsdecode(b"caf\xe9.jpg")
    try:
        (here / name).write_text("text")
    except OSError:
        pytest.skip("this file system wants UTF-8")
    result = invoke(name, os.fsdecode(b"missing\xff.jpg"))
    good, missing = rows(result)
    assert good["path"] == "caf%E9.jpg"
    assert "recognition" in good
    assert missing["path"] == "missing%FF.jpg"


def test_csv(here: Path, fake: FakeRecognizer) -> None:
    (here / "a,b.jpg").write_text("one")
    (here / "bad.jpg").write_text("bad")
    assert invoke(".", "--output", "out.csv").exit_code == 1
    with (here / "out.csv").open(newline="", encoding="utf-8-sig") as file:
        found = list(csv.DictReader(file))
    assert [row["path"] for row in found] == ["./a,b.jpg", "./bad.jpg"]
    assert found[0]["text"] == "one | one"
    assert found[1]["error_code"] == "INVALID_ARGUMENT"


def test_rows_are_not_overwritten(here: Path, fake: FakeRecognizer) -> None:
    (here / "a.jpg").write_text("a")
    assert invoke("a.jpg", "--output", "out.jsonl").exit_code == 0
    before = (here / "out.jsonl").read_bytes()
    again = invoke("a.jpg", "--output", "out.jsonl")
    assert again.exit_code == 2
    assert "--resume" in again.stderr
    resumed = invoke("a.jpg", "--output", "out.jsonl", "--resume")
    assert resumed.exit_code == 0
    assert "0 read, 0 failed, 1 skipped, already in out.jsonl" in resumed.stderr
    assert (here / "out.jsonl").read_bytes() == before
    assert fake.seen == ["a"]


def test_earlier_failures_count_in_a_resumed_run(here: Path, fake: FakeRecognizer) -> None:
    (here / "a.jpg").write_text("bad")
    (here / "b.jpg").write_text("b")
    assert invoke("a.jpg", "--output", "out.jsonl", "--resume").exit_code == 1
    resumed = invoke("a.jpg", "b.jpg", "--output", "out.jsonl", "--resume")
    assert resumed.exit_code == 1
    assert "1 read, 0 failed, 1 skipped, already in out.jsonl (1 of them failed)" in resumed.stderr


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--layout", "plate"),
        ("--features", "text"),
        ("--min-confidence", "0.5"),
        ("--models", "."),
    ],
)
def test_a_run_is_resumed_only_with_its_original_options(
    here: Path, fake: FakeRecognizer, option: str, value: str
) -> None:
    (here / "a.jpg").write_text("a")
    assert invoke("a.jpg", "--output", "out.jsonl").exit_code == 0
    before = (here / "out.jsonl").read_bytes()
    other = invoke("a.jpg", "--output", "out.jsonl", "--resume", option, value)
    assert other.exit_code == 2
    assert f"the rows of out.jsonl were written with {option} " in other.stderr
    assert (here / "out.jsonl").read_bytes() == before
    assert invoke("a.jpg", "--output", "out.jsonl", "--resume").exit_code == 0
    (here / "out.jsonl").unlink()  # no old rows are left to mix with
    assert invoke("a.jpg", "--output", "out.jsonl", "--resume", option, value).exit_code == 0


def test_a_run_with_unknown_options_can_be_resumed(here: Path, fake: FakeRecognizer) -> None:
    (here / "a.jpg").write_text("a")
    assert invoke("a.jpg", "--output", "out.jsonl").exit_code == 0
    for content in ("{", "[]", None):
        options = here / ".out.jsonl.options"
        options.unlink() if content is None else options.write_text(content)
        resumed = invoke("a.jpg", "--output", "out.jsonl", "--resume", "--layout", "line")
        assert resumed.exit_code == 0


def test_skipped_files_are_reported_at_the_end(here: Path, fake: FakeRecognizer) -> None:
    (here / "in").mkdir()
    for name in ("a.jpg", "b.heic", "c.HEIF", "d.pdf", "e.txt", "f.txt", "g.txt", "h.MP4", "i.mov",
                 "j.gif", "k.svg", "l.avif"):  # fmt: skip
        (here / "in" / name).write_text("a")
    messages = invoke("in").stderr.splitlines()
    assert messages[-1] == (
        "skipped 11 files of other kinds: 2 HEIC, 2 videos, 1 AVIF, 1 GIF, 1 PDF, 1 SVG, 3 others; "
        "convert pictures to JPEG or PNG; `lipiyana watch` takes videos"
    )


def test_notes_beside_pictures_need_no_advice(here: Path, fake: FakeRecognizer) -> None:
    (here / "in").mkdir()
    for name in ("a.jpg", "e.txt", "f"):
        (here / "in" / name).write_text("a")
    last = invoke("in").stderr.splitlines()[-1]
    assert last == "skipped 2 files of other kinds: 1 .txt, 1 without a suffix"


def test_the_rows_of_a_run_are_not_among_the_skipped_files(
    here: Path, fake: FakeRecognizer
) -> None:
    (here / "in").mkdir()
    for name in ("a.jpg", "b.txt"):
        (here / "in" / name).write_text("a")
    for inputs in (["in"], ["in", "--resume"], ["in/a.jpg", "in/rows.csv", "--resume"]):
        result = invoke(*inputs, "--output", "in/rows.csv")
        assert result.exit_code == 0, result.stderr
        skipped = [line for line in result.stderr.splitlines() if "other kinds" in line]
        assert skipped == (["skipped 1 file of other kinds: 1 .txt"] if inputs[0] == "in" else [])


def test_a_stopped_run_reports_the_reason_and_how_to_resume(
    here: Path, fake: FakeRecognizer
) -> None:
    fake.server_is_up = False
    (here / "a.jpg").write_text("down")
    (here / "b.jpg").write_text("b")
    result = invoke(".", "--output", "out.jsonl")
    assert result.exit_code == 1
    assert (
        "stopped: no server answers; run the same command with --resume to continue"
        in result.stderr
    )


def test_a_run_that_a_broken_model_stopped_says_that_it_must_be_mended(here: Path) -> None:
    models = here / "models"
    models.mkdir()
    (models / "reader.onnx").write_bytes(b"no model")
    (models / "manifest.toml").write_text(
        '[[model]]\nname = "own"\ntask = "line_reader"\nfile = "reader.onnx"\nsha256 = "0"\n'
    )
    picture(here / "a.png")
    result = invoke("a.png", "--models", "models", "--output", "out.jsonl")
    assert result.exit_code == 1
    assert "once that is mended, run the same command with --resume to continue" in result.stderr


def test_failed_pictures_may_be_allowed_but_not_a_run_that_ended_early(
    here: Path, fake: FakeRecognizer
) -> None:
    for expected, *allowed in ((1,), (0, "--allow-failed")):
        assert invoke("absent.jpg", *allowed).exit_code == expected
    fake.server_is_up = False
    (here / "a.jpg").write_text("down")
    assert invoke("a.jpg", "--allow-failed").exit_code == 1


def test_real_pictures(here: Path) -> None:
    (here / "in").mkdir()
    picture(here / "in" / "plate.png")
    (here / "in" / "text.jpg").write_text("no picture")
    (here / "in" / "empty.jpg").touch()
    Image.fromarray(np.zeros((1, 1), np.uint8)).save(here / "in" / "dot.png")
    result = invoke("in", "--workers", "2")
    assert result.exit_code == 1
    dot, empty, plate, text = rows(result)
    assert [row["error"]["code"] for row in (dot, empty, text)] == ["INVALID_ARGUMENT"] * 3  # type: ignore[index]
    (found,) = plate["recognition"]["plates"]  # type: ignore[index]
    assert found["registration"]["canonical"] == "KA01AB1234"
    assert plate["recognition"]["vehicles"] == []  # type: ignore[index]


def test_a_feature_without_a_model_stops_the_run(here: Path) -> None:
    entry = '[[model]]\nname = "{}"\ntask = "vehicle_detector"\nfile = "none.onnx"\nsha256 = "0"\n'
    names = ("vehicles-int8", "vehicles-float")
    (here / "manifest.toml").write_text("".join(entry.format(name) for name in names))
    picture(here / "a.png")
    picture(here / "b.png")
    result = invoke("a.png", "b.png", "--features", "vehicles", "--models", ".")
    assert result.exit_code == 1
    assert rows(result)[-1]["error"]["code"] == "FAILED_PRECONDITION"  # type: ignore[index]
    assert "stopped" in result.stderr


def test_an_unreachable_server_stops_the_run(here: Path) -> None:
    picture(here / "a.png")
    result = invoke("a.png", "--server", "127.0.0.1:1")
    assert result.exit_code == 1
    (row,) = rows(result)
    assert row["error"]["code"] == "UNAVAILABLE"  # type: ignore[index]
    assert "stopped" in result.stderr


def test_a_server_gives_the_same_results_as_this_process(here: Path) -> None:
    from lipiyana.pipeline import LocalRecognizer
    from lipiyana.server import running_server

    picture(here / "a.png")
    (here / "text.jpg").write_text("no picture")
    with running_server(LocalRecognizer(threads=1)) as server:
        remote = invoke(".", "--server", server.target)
    local = invoke(".")
    assert remote.exit_code == local.exit_code == 1
    for there, own in zip(rows(remote), rows(local), strict=True):
        assert there["path"] == own["path"]
        assert there.get("error") == own.get("error")
        if "recognition" in there:
            assert there["recognition"]["plates"] == own["recognition"]["plates"]  # type: ignore[index]
