from __future__ import annotations

import asyncio
import contextlib
import logging
import urllib.error
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families
from served_fake import PATIENCE, SECRET, FakeRecognizer

from lipiyana.client import AsyncClient, Client
from lipiyana.errors import DeadlineExceeded, LipiyanaError
from lipiyana.server import RecognitionServer, ServerSettings, running_server
from lipiyana.server.telemetry.metrics import Metrics
from lipiyana.types import CachePolicy, Frame, RecognitionConfig


def samples(text: str) -> dict[tuple[str, str], float]:
    """Map name and sorted label values to the value."""
    return {
        (sample.name, " ".join(sorted(sample.labels.values()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def status_of(port: int | None, path: str) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code


async def test_health_probes(fake: FakeRecognizer) -> None:
    server = RecognitionServer(fake, ServerSettings(port=0, metrics_port=0, threads=1))
    await server.start()
    port = server.metrics_port
    assert await asyncio.to_thread(status_of, port, "/ready") == 200
    assert await asyncio.to_thread(status_of, port, "/other") == 404
    fake.hold()
    async with AsyncClient(server.target) as client:
        call = asyncio.create_task(client.recognize(b"a"))
        await asyncio.to_thread(fake.wait_for, b"a")
        stopping = asyncio.create_task(server.stop())
        await asyncio.sleep(0)
        assert await asyncio.to_thread(status_of, port, "/ready") == 503
        fake.release()
        await call
        await stopping


def test_calls_are_counted(fake: FakeRecognizer) -> None:
    settings = ServerSettings(port=0, metrics_port=0)
    with running_server(fake, settings) as server, Client(server.target) as client:
        client.recognize(SECRET.encode())
        client.recognize(SECRET.encode())
        client.recognize_batch([SECRET.encode(), b"bad"])
        list(client.recognize_stream([Frame(1, SECRET.encode())]))
        client.recognize(b"b", RecognitionConfig(cache_policy=CachePolicy.BYPASS))
        with contextlib.suppress(LipiyanaError):
            client.recognize(b"bug")
        address = f"http://127.0.0.1:{server.metrics_port}/metrics"
        with urllib.request.urlopen(address, timeout=10) as response:
            text = response.read().decode()
    found = samples(text)
    assert found["lipiyana_requests_total", "OK Recognize"] == 3
    assert found["lipiyana_requests_total", "INTERNAL Recognize"] == 1
    assert found["lipiyana_requests_total", "BatchRecognize OK"] == 1
    assert found["lipiyana_requests_total", "OK StreamRecognize"] == 1
    assert found["lipiyana_request_seconds_count", "Recognize"] == 4
    assert ("lipiyana_request_seconds_count", "StreamRecognize") not in found
    assert found["lipiyana_cache_outcomes_total", "miss"] == 1
    assert found["lipiyana_cache_outcomes_total", "hit_memory"] == 3
    assert found["lipiyana_cache_outcomes_total", "bypass"] == 1
    assert found["lipiyana_queue_wait_seconds_count", ""] == 4  # not the warm-up
    assert found["lipiyana_stage_seconds_count", "decode"] == 2
    for gauge in ("queue_pictures", "running_pictures", "accepted_bytes"):
        assert found[f"lipiyana_{gauge}", ""] == 0
    assert SECRET not in text


async def test_an_expired_call_is_not_counted_as_cancelled(
    fake: FakeRecognizer, settings: ServerSettings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "lipiyana.server")
    metrics = Metrics()

    def ended() -> dict[str, float]:
        return {
            sample.labels["code"]: sample.value
            for family in metrics.registry.collect()
            for sample in family.samples
            if sample.name == "lipiyana_requests_total"
        }

    async with (
        asyncio.timeout(PATIENCE),
        RecognitionServer(fake, settings, metrics=metrics) as server,
        AsyncClient(server.target) as client,
    ):
        fake.hold()
        given_up = asyncio.create_task(client.recognize(b"a", timeout=PATIENCE))
        await asyncio.to_thread(fake.wait_for, b"a")
        given_up.cancel()
        while not ended():
            await asyncio.sleep(0)
        assert ended() == {"CANCELLED": 1}
        with pytest.raises(DeadlineExceeded):
            await client.recognize(b"b", timeout=0.5)
        while len(ended()) < 2 and ended()["CANCELLED"] < 2:
            await asyncio.sleep(0)
        fake.release()
    assert ended() == {"CANCELLED": 1, "DEADLINE_EXCEEDED": 1}
    codes = [vars(record)["code"] for record in caplog.records if hasattr(record, "code")]
    assert codes == ["CANCELLED", "DEADLINE_EXCEEDED"]
