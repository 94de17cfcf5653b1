"""The Helm chart of deploy/, rendered by Helm itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from needs import DEPLOY

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy" / "helm" / "lipiyana"
CASES = {"default": None} | {path.stem: path for path in sorted((CHART / "ci").glob("*.yaml"))}
"""Files of values by name; `default` has none."""


def values_of(case: str) -> dict[str, Any]:
    """Return the values of a case."""
    path = CASES[case]
    return {} if path is None else yaml.safe_load(path.read_text("utf-8"))


def render(values: Mapping[str, Any], name: str = "lipiyana") -> list[dict[str, Any]]:
    """Return the objects of the chart; skip where there is no Helm."""
    helm = pytest.importorskip("helm_python", reason=DEPLOY)
    with helm.Chart.load(CHART) as chart:
        files = chart.render(dict(values), name=name, namespace="roads")
    return [
        thing
        for path, text in sorted(files.items())
        if path.endswith(".yaml")
        for thing in yaml.safe_load_all(text)
        if thing
    ]


def one(things: list[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    """Return the object of this kind and name."""
    (found,) = (t for t in things if (t["kind"], t["metadata"]["name"]) == (kind, name))
    return found


def pods(thing: Any) -> Iterator[dict[str, Any]]:
    """Find the specs of pods in an object, at any depth."""
    if isinstance(thing, dict):
        if "containers" in thing:
            yield thing
        for value in thing.values():
            yield from pods(value)
    elif isinstance(thing, list):
        for value in thing:
            yield from pods(value)


def server_toml(things: list[dict[str, Any]]) -> str:
    """Return the settings that the servers mount."""
    return str(one(things, "ConfigMap", "lipiyana")["data"]["server.toml"])
