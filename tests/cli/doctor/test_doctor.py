from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lipiyana.cli.doctor.command import _extras, _verdict, cpu, read_rendered_plate
from lipiyana.cli.doctor.machine import extras
from lipiyana.cli.main import app


def test_an_intact_installation() -> None:
    result = CliRunner().invoke(app, ["doctor"])
    assert result.exit_code == 0
    subjects = [line[6:].partition(":")[0] for line in result.stdout.splitlines()]
    for subject in ("python", "packages", "cpu", "threads", "fonts", "model", "a picture"):
        assert subject in subjects
    assert metadata.version("onnxruntime") in result.stdout


def test_a_broken_model_is_found(tmp_path: Path) -> None:
    (tmp_path / "manifest.toml").write_text(
        '[[model]]\nname="ppocrv6-small-line-reader"\ntask="line_reader"\nfile="a.onnx"\nsha256="0"'
    )
    (tmp_path / "a.onnx").write_bytes(b"no model")
    result = CliRunner().invoke(app, ["doctor", "--models", str(tmp_path)])
    assert result.exit_code == 1
    wrong = [line for line in result.stdout.splitlines() if line.startswith("wrong")]
    assert [line.split(":")[0] for line in wrong] == ["wrong model", "wrong a picture"]


@pytest.mark.parametrize(
    ("flags", "level", "says"),
    [
        ("flags\t\t: fpu avx2 avx512_vnni", "ok", "avx512_vnni"),
        ("flags\t\t: fpu avx2 avx_vnni", "ok", "avx_vnni"),
        ("Features\t: fp asimd asimddp", "ok", "asimddp"),
        ("flags\t\t: fpu avx avx2", "note", "no VNNI"),
        ("flags\t\t: fpu sse2", "note", "no AVX2"),
    ],
)
def test_the_cpu_is_described_by_its_flags(
    tmp_path: Path, flags: str, level: str, says: str
) -> None:
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\nmodel name\t: Some CPU\n{flags}\n\n")
    finding = cpu(tmp_path / "cpuinfo")
    assert finding.level == level
    assert "Some CPU" in finding.detail
    assert says in finding.detail
    assert ("float twins" in finding.detail) == (level == "note")


def test_a_system_without_cpuinfo(tmp_path: Path) -> None:
    assert cpu(tmp_path / "missing").level == "note"


def test_the_extras_are_those_of_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        if name == "xxhash":
            raise metadata.PackageNotFoundError
        return "1"

    monkeypatch.setattr(metadata, "version", version)
    missing = dict(extras())
    assert {"indic", "server", "train", "paddle", "redis", "otel"} <= set(missing)
    assert missing["server"] == ["xxhash"]
    assert missing["redis"] == []


def test_missing_extras_are_reported_with_install_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = [("otel", ["x"]), ("paddle", ["paddlepaddle"]), ("redis", []), ("train", ["torch"])]
    monkeypatch.setattr("lipiyana.cli.doctor.command.extras", lambda: missing)
    otel, paddle, redis, train = _extras()
    assert [one.level for one in (otel, paddle, redis, train)] == ["note", "ok", "ok", "note"]
    assert "pip install --editable '.[otel]'" in otel.detail
    assert "it sends traces" in otel.detail
    assert "pip install" not in paddle.detail
    assert "--index-url https://download.pytorch.org/whl/cpu torch, then" in train.detail
    assert "'WHEEL[train]'" in train.detail


def test_stages_belong_to_the_reported_time() -> None:
    trial = read_rendered_plate(None)
    assert trial.stages
    assert sum(trial.stages.values()) <= trial.next


def test_settings_that_cannot_be_checked_are_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lipiyana.cli.doctor.command.extras", lambda: [("server", ["xxhash"])])
    config = tmp_path / "server.toml"
    config.write_text("port = 50051")
    result = CliRunner().invoke(app, ["doctor", "--config", str(config)])
    assert result.exit_code == 1
    assert "cannot be checked: install the extra `server`" in result.stdout.replace("\n", " ")


@pytest.mark.parametrize(
    ("notes", "said"),
    [
        (0, "verdict: everything is fine"),
        (1, "verdict: it works; see the note above"),
        (2, "verdict: it works; see the 2 notes above"),
    ],
)
def test_the_verdict_counts_the_notes(notes: int, said: str) -> None:
    assert _verdict({"wrong": 0, "note": notes}).plain == said
