from __future__ import annotations

from pathlib import Path

import pytest
from certificates import Authority

from lipiyana.cli.doctor.command import certificate, server
from lipiyana.cli.doctor.findings import Finding
from lipiyana.cli.doctor.machine import Usage, memory, neighbours, threads


def by_subject(text: str, tmp_path: Path) -> dict[str, Finding]:
    config = tmp_path / "server.toml"
    config.write_text(text)
    return {finding.subject: finding for finding in server(config)}


def test_the_defaults_of_a_server_have_no_findings(tmp_path: Path) -> None:
    assert {finding.level for finding in by_subject("", tmp_path).values()} == {"ok"}


@pytest.mark.parametrize(
    ("text", "subject", "level", "says"),
    [
        ("cache_bytes = 0", "cache", "note", "off"),
        ("threads = 1000", "server", "note", "wait for each other"),
        ("http_port = 8080", "http", "ok", "http://127.0.0.1:8080/"),
        ('http_port = 8080\nhost = "::1"', "http", "ok", "http://[::1]:8080/"),
        ('host = "0.0.0.0"', "access", "note", "anyone who reaches"),
        ('tokens = "none.toml"', "server", "wrong", "cannot use the tokens"),
        ('shared_cache_url = "redis://127.0.0.1:1"', "shared cache", "wrong", "cannot be reached"),
        ("prot = 1", "server", "wrong", "prot"),
        ('tls_certificate = "a"\ntls_key = "b"', "server", "wrong", "no such file"),
    ],
)
def test_findings_about_settings(
    tmp_path: Path, text: str, subject: str, level: str, says: str
) -> None:
    finding = by_subject(text, tmp_path)[subject]
    assert finding.level == level
    assert says in finding.detail


def test_tokens_in_plaintext(tmp_path: Path) -> None:
    tokens = tmp_path / "tokens.toml"
    tokens.write_text(f'[a]\nsha256 = "{"0" * 64}"\n')
    found = by_subject(f'tokens = "{tokens}"\nhost = "0.0.0.0"', tmp_path)
    assert found["access"].level == "note"
    assert "plaintext" in found["access"].detail
    assert found["tokens"].detail == "1 key"
    assert by_subject(f'tokens = "{tokens}"', tmp_path)["access"].level == "ok"


def test_a_tokens_file_without_keys(tmp_path: Path) -> None:
    (tmp_path / "tokens.toml").touch()
    found = by_subject('tokens = "tokens.toml"', tmp_path)["tokens"]
    assert found.level == "wrong"
    assert "every call is refused" in found.detail


def test_certificates_that_expire_are_reported(tmp_path: Path) -> None:
    made = Authority(tmp_path, "authority").sign("server", days=2).certificate
    assert certificate(made).level == "note"  # it is good for two days
    assert certificate(made, now=0).level == "ok"
    assert certificate(made, now=4e9).level == "wrong"


@pytest.mark.parametrize(
    ("quota", "level", "says"),
    [("50000 100000", "note", "0.5"), ("150000 100000", "ok", "1.5"), ("max 100000", "ok", "CPUs")],
)
def test_cpu_quotas(tmp_path: Path, quota: str, level: str, says: str) -> None:
    (tmp_path / "cpu.max").write_text(quota)
    found = threads(tmp_path)
    assert found.level == level
    assert says in found.detail


def test_memory_is_limited_by_machine_and_container(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 9000000 kB\nMemAvailable: 8000000 kB\n")
    assert memory(tmp_path / "meminfo", tmp_path).level == "ok"
    (tmp_path / "memory.max").write_text("1000000000\n")
    (tmp_path / "memory.current").write_text("900000000\n")
    assert memory(tmp_path / "meminfo", tmp_path).level == "note"
    assert memory(tmp_path / "none", tmp_path).level == "note"


def test_swap_and_throttling_counters_are_read(tmp_path: Path) -> None:
    (tmp_path / "stat").write_text("cpu  10 0 20 300 5 0 0 7 0 0\ncpu0 1 1 1\n")
    (tmp_path / "vmstat").write_text("pswpin 3\npswpout 4\nother x\n")
    (tmp_path / "cpu.stat").write_text("usage_usec 1\nnr_periods 9\nnr_throttled 2\n")
    usage = Usage.now(tmp_path, tmp_path)
    assert (usage.total, usage.idle, usage.steal) == (342, 305, 7)
    assert (usage.swapped, usage.periods, usage.throttled) == (7, 9, 2)
    assert Usage.now(tmp_path / "none", tmp_path / "none").total == 0
    assert usage.since(usage) == Usage()


@pytest.mark.parametrize(
    ("usage", "says"),
    [
        (Usage(total=100, mine=40, idle=60), "nobody else"),
        (Usage(total=100, mine=40, idle=30, steal=30), "30% of the CPU time went to other virtual"),
        (Usage(total=100, mine=40, idle=10), "other processes took 50%"),
        (Usage(total=100, mine=90, idle=10, throttled=3, periods=4), "3 of 4 periods"),
        (Usage(total=100, mine=90, idle=10, swapped=8), "8 pages were swapped"),
    ],
)
def test_other_load_on_the_machine_is_reported(usage: Usage, says: str) -> None:
    assert says in " ".join(finding.detail for finding in neighbours(usage))


def test_unknown_variables_are_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIPIYANA_MAX_QEUE", "7")
    found = by_subject("", tmp_path)["environment"]
    assert found.level == "note"
    assert "did you mean LIPIYANA_MAX_QUEUE?" in found.detail
    monkeypatch.setenv("LIPIYANA_TOKNES", "tokens.toml")
    assert by_subject("", tmp_path)["server"].level == "wrong"
