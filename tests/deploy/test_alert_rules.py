"""Prometheus itself accepts the rules, and each alert fires where it should."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from chart import CHART
from needs import PROMTOOL
from promql import expressions, named, rule_groups

RULES = CHART / "files" / "rules.yaml"
CASES = Path(__file__).with_name("rules_test.yaml")


def promtool(*arguments: str, folder: Path | None = None) -> str:
    program = shutil.which("promtool")
    if program is None:
        pytest.skip(PROMTOOL)
    done = subprocess.run(
        [program, *arguments], capture_output=True, text=True, check=False, cwd=folder
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_prometheus_accepts_the_rules() -> None:
    count = sum(len(group["rules"]) for group in rule_groups())
    assert f"SUCCESS: {count} rules found" in promtool("check", "rules", str(RULES))


def test_alerts_fire_where_they_should(tmp_path: Path) -> None:
    shutil.copy(RULES, tmp_path)
    shutil.copy(CASES, tmp_path)
    assert "SUCCESS" in promtool("test", "rules", CASES.name, folder=tmp_path)
    tested = CASES.read_text("utf-8")
    for group in rule_groups():
        for rule in group["rules"]:
            assert "alert" not in rule or tested.count(f"alertname: {rule['alert']}") >= 2


def test_every_expression_is_promql() -> None:
    found = list(expressions())
    assert len(found) > 40
    for where, expression in found:
        assert named(expression), where


def test_an_expression_that_is_none_is_found() -> None:
    with pytest.raises(ValueError, match="unclosed left parenthesis"):
        named("sum by (le (rate(lipiyana_requests_total[5m]))")
