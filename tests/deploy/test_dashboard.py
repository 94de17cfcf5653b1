"""The dashboard of Grafana is whole: panels have room, and variables are there."""

from __future__ import annotations

import json
import re
from itertools import combinations
from typing import Any

from chart import one, render, values_of
from promql import dashboard

GRAFANA = {"__rate_interval", "__all"}


def panels() -> list[dict[str, Any]]:
    return list(dashboard()["panels"])


def test_every_variable_is_defined() -> None:
    board = dashboard()
    known = {variable["name"] for variable in board["templating"]["list"]} | GRAFANA
    used = set(re.findall(r"\$\{?(\w+)", str(board["panels"]) + str(board["templating"])))
    assert used <= known
    assert {"namespace", "service", "price_per_hour", "datasource"} <= used


def test_panels_do_not_overlap() -> None:
    for first, second in combinations(panels(), 2):
        one, other = first["gridPos"], second["gridPos"]
        apart = (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        )
        assert apart, (first["title"], second["title"])
    assert all(p["gridPos"]["x"] + p["gridPos"]["w"] <= 24 for p in panels())
    assert len({p["id"] for p in panels()}) == len({p["title"] for p in panels()}) == len(panels())


def test_it_shows_what_it_should() -> None:
    titles = " ".join(panel["title"].lower() for panel in panels())
    for word in ("stage", "p99", "wait", "cache", "pictures a second", "pictures per dollar"):
        assert word in titles
    latency = next(p for p in panels() if p["title"] == "Latency of calls")
    assert [target["legendFormat"] for target in latency["targets"]] == ["p50", "p95", "p99"]
    assert all(panel["description"] for panel in panels())


def test_the_chart_has_it_as_it_is() -> None:
    things = render(values_of("keda-values"))
    config = one(things, "ConfigMap", "lipiyana-dashboard")
    assert json.loads(config["data"]["lipiyana.json"]) == dashboard()
