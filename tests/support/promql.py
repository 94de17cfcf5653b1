"""Expressions of PromQL in deploy/, and what time series they name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import yaml
from chart import CASES, CHART, render, values_of
from needs import DEPLOY

OF_THE_SCRAPE = {"namespace", "service", "pod", "job", "instance"}
"""Labels that the ServiceMonitor adds."""


@dataclass(frozen=True, slots=True)
class Named:
    """A time series that an expression names.

    Attributes:
        metric: its name.
        labels: labels that the expression selects or groups by.
        values: values that a selected label must have, for labels of few values.
    """

    metric: str
    labels: frozenset[str]
    values: tuple[tuple[str, str], ...]


def rule_groups() -> list[dict[str, Any]]:
    """Return the groups of the rule file."""
    return list(yaml.safe_load((CHART / "files" / "rules.yaml").read_text("utf-8"))["groups"])


def dashboard() -> dict[str, Any]:
    """Return the dashboard of Grafana."""
    loaded: dict[str, Any] = json.loads((CHART / "files" / "dashboard.json").read_text("utf-8"))
    return loaded


def filled(expression: str) -> str:
    """Put values in place of Grafana's variables."""
    text = expression.replace("$__rate_interval", "5m").replace("$price_per_hour", "0.085")
    return re.sub(r"\$\w+", ".*", text)


def expressions() -> Iterator[tuple[str, str]]:
    """Give every expression in deploy/, with where it stands."""
    for group in rule_groups():
        for rule in group["rules"]:
            yield rule.get("alert") or rule["record"], rule["expr"]
    for panel in dashboard()["panels"]:
        for target in panel["targets"]:
            yield f"panel {panel['title']}", filled(target["expr"])
    for case in CASES:
        for thing in render(values_of(case)):
            if thing["kind"] == "ScaledObject":
                for trigger in thing["spec"]["triggers"]:
                    where = f"{case}: {thing['metadata']['name']} {trigger['name']}"
                    yield where, trigger["metadata"]["query"]


def named(expression: str) -> list[Named]:
    """Parse an expression; give the time series that it names.

    Raises:
        ValueError: it is no PromQL.
    """
    parser = pytest.importorskip("promql_parser", reason=DEPLOY)
    found: list[Named] = []

    def visit(node: Any, grouped: frozenset[str]) -> None:
        if isinstance(node, parser.VectorSelector):
            matchers = node.matchers.matchers
            found.append(
                Named(
                    node.name or "",
                    grouped | {matcher.name for matcher in matchers},
                    tuple((matcher.name, matcher.value) for matcher in matchers),
                )
            )
        elif isinstance(node, parser.AggregateExpr):
            labels = node.modifier.labels if node.modifier else []
            visit(node.expr, grouped | set(labels))
        elif isinstance(node, parser.BinaryExpr):
            visit(node.lhs, grouped)
            visit(node.rhs, grouped)
        elif isinstance(node, parser.Call):
            for argument in node.args:
                visit(argument, grouped)
        elif isinstance(node, parser.MatrixSelector):
            visit(node.vector_selector, grouped)
        elif hasattr(node, "expr"):
            visit(node.expr, grouped)

    visit(parser.parse(expression), frozenset())
    return found
