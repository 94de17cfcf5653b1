from __future__ import annotations

import contextlib
import urllib.request

from prometheus_client.parser import text_string_to_metric_families

from lipiyana.client import Client
from lipiyana.errors import LipiyanaError
from lipiyana.server import ServerSettings, running_server
from lipiyana.types import CachePolicy, Frame, RecognitionConfig
from served_fake import SECRET, FakeRecognizer


def samples(text: str) -> dict[tuple[str, str], float]:
    """Map name and sorted label values to the value."""
    return {
        (sample.name, " ".join(sorted(sample.labels.values()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_what_is_counted(fake: FakeRecognizer) -> None:
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
    assert found["lipiyana_cache_outcomes_total", "hit"] == 3
    assert found["lipiyana_cache_outcomes_total", "bypass"] == 1
    assert found["lipiyana_pictures_accepted", ""] == 0
    assert SECRET not in text
