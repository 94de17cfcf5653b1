"""docs/ and deploy/ agree with the settings and metrics of the code."""

from __future__ import annotations

import re
from pathlib import Path

from prometheus_client import generate_latest

from lipiyana.server import ServerSettings
from lipiyana.server.telemetry.metrics import Metrics

ROOT = Path(__file__).parents[3]
SERVING = ROOT / "docs" / "guides" / "serving.md"


def test_every_setting_is_explained() -> None:
    text = SERVING.read_text("utf-8").replace("`shared_cache_*`", "`shared_cache_url`")
    documented = set(re.findall(r"`([a-z0-9_]+)`", text))
    shared = {name for name in ServerSettings.model_fields if name.startswith("shared_cache_")}
    assert set(ServerSettings.model_fields) - shared - documented == set()
    rows = re.findall(r"^\| (`[^|]*) \|", text, re.MULTILINE)
    settings_rows = [row for row in rows if "lipiyana_" not in row]
    named = {name for row in settings_rows for name in re.findall(r"`([a-z0-9_]+)`", row)}
    assert named - set(ServerSettings.model_fields) == set()


def test_every_metric_is_explained() -> None:
    shown = generate_latest(Metrics().registry).decode()
    names = {line.split()[2] for line in shown.splitlines() if line.startswith("# TYPE")}
    names = {name for name in names if not name.endswith("_created")}
    text = SERVING.read_text("utf-8")
    assert {name for name in names if name not in text} == set()


def test_the_settings_of_deployments_are_valid() -> None:
    """Those of the chart: tests/deploy."""
    settings = ServerSettings.load(ROOT / "deploy" / "server.toml")
    assert settings.tls is not None
    assert settings.tokens is not None
