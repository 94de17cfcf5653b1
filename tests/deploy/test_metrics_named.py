"""Every metric that deploy/ names is one that a real server shows, with these labels."""

from __future__ import annotations

import asyncio
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from chart import ROOT
from prometheus_client.parser import text_string_to_metric_families
from promql import OF_THE_SCRAPE, expressions, named, rule_groups
from redis_server import running_redis
from served_fake import PATIENCE

from lipiyana.client import AsyncClient
from lipiyana.errors import LipiyanaError
from lipiyana.server import RecognitionServer, ServerSettings
from lipiyana.server.processes.local_recognizer import local_recognizer
from lipiyana.server.telemetry.metrics import Metrics
from lipiyana.types import Feature, RecognitionConfig

OF_OTHERS = {
    "DCGM_FI_DEV_GPU_UTIL": {"exported_namespace", "exported_pod"},
}
"""Metrics that others show, with their labels: NVIDIA's exporter."""

PLATE = ROOT / "samples" / "plates" / "02_standard_2row.jpg"
NAME = re.compile(r"(?<![\w/.-])(?:lipiyana|DCGM_FI)_\w+")


async def _metrics_after_calls(redis: str, drift: Path) -> str:
    settings = ServerSettings(
        port=0,
        metrics_port=0,
        threads=1,
        shared_cache_url=redis,
        shared_cache_timeout=1,
        drift=drift,
    )
    metrics = Metrics()
    recognizer = local_recognizer(settings, metrics)
    async with (
        asyncio.timeout(PATIENCE),
        RecognitionServer(recognizer, settings, metrics=metrics) as server,
        AsyncClient(server.target) as client,
    ):
        config = RecognitionConfig(features=(Feature.TEXT,))
        for _ in range(2):
            await client.recognize(PLATE.read_bytes(), config)
        with pytest.raises(LipiyanaError):
            await client.recognize(b"no picture")
        address = f"http://127.0.0.1:{server.metrics_port}/metrics"
        text = ""
        # they run in the background
        late = ("lipiyana_shared_cache_writes_total{", "lipiyana_drift_signals{")
        while not all(name in text for name in late):
            text = await asyncio.to_thread(_read, address)
    recognizer.close()
    return text


def _read(address: str) -> str:
    with urllib.request.urlopen(address, timeout=30) as response:
        return bytes(response.read()).decode()


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, str]]]:
    """Labels of the samples of a real server after a few calls, by name."""
    with running_redis() as redis:
        text = asyncio.run(_metrics_after_calls(redis.url, tmp_path_factory.mktemp("drift")))
    found: dict[str, list[dict[str, str]]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append(sample.labels)
    return found


def recorded() -> dict[str, set[str]]:
    """Metrics that the rules record, with the labels that they keep."""
    return {
        rule["record"]: {"namespace", "service"}
        for group in rule_groups()
        for rule in group["rules"]
        if "record" in rule
    }


def test_every_expression_names_series_that_a_server_shows(
    shown: dict[str, list[dict[str, str]]],
) -> None:
    count = 0
    for where, expression in expressions():
        series = named(expression)
        assert series, where
        for one in series:
            count += 1
            known = recorded() | OF_OTHERS
            if one.metric in known:
                assert one.labels <= known[one.metric] | OF_THE_SCRAPE, (where, one)
                continue
            assert one.metric in shown, (where, one)
            labels = set(shown[one.metric][0])
            assert one.labels <= labels | OF_THE_SCRAPE, (where, one)
    assert count > 50


def test_the_values_that_are_selected_occur(
    shown: dict[str, list[dict[str, str]]],
) -> None:
    outcomes = {labels["outcome"] for labels in shown["lipiyana_cache_outcomes_total"]}
    assert {"miss", "hit_memory"} <= outcomes
    results = {labels["result"] for labels in shown["lipiyana_shared_cache_look_ups_total"]}
    assert "miss" in results
    codes = {labels["code"] for labels in shown["lipiyana_requests_total"]}
    assert {"OK", "INVALID_ARGUMENT"} <= codes


def _texts() -> Iterator[tuple[Path, str]]:
    for path in sorted((ROOT / "deploy").rglob("*")):
        if path.is_file():
            yield path, path.read_text("utf-8")


def test_no_other_file_names_a_metric_that_nobody_shows(
    shown: dict[str, list[dict[str, str]]],
) -> None:
    known = set(shown) | set(OF_OTHERS)
    for path, text in _texts():
        for name in NAME.findall(text):
            assert name in known, f"{path}: {name}"
