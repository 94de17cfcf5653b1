"""Text read in a picture goes only to the caller, never to logs or metrics."""

from __future__ import annotations

import logging
import sys
import urllib.request
from collections.abc import Callable

import numpy as np
import pytest

from lipiyana.client import Client
from lipiyana.errors import LipiyanaError
from lipiyana.pipeline import LocalRecognizer
from lipiyana.server import ServerSettings, running_server
from lipiyana.server.telemetry.logs import JsonFormatter
from lipiyana.types import Frame, Layout, RecognitionConfig

WORDS = ("KA01AB1234", "KA 01", "AB 1234", "BAKERY")


def test_no_text_of_a_picture_in_logs_and_metrics(
    recognizer: LocalRecognizer,
    scene: np.ndarray,
    encode: Callable[..., bytes],
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Use the real models and every RPC, with valid and broken pictures, at log level DEBUG."""
    picture = encode(scene)
    root = logging.getLogger()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        settings = ServerSettings(port=0, metrics_port=0, threads=1)
        with running_server(recognizer, settings) as server, Client(server.target) as client:
            found = client.recognize(picture)
            client.recognize(picture, request_id="call-1")
            client.recognize(picture, RecognitionConfig(layout=Layout.LINE))
            client.recognize_batch([picture, picture[:2000], b"KA01AB1234"])
            list(client.recognize_stream([Frame(1, picture), Frame(2, b"BAKERY")]))
            for bad in (b"KA01AB1234", picture[:100]):
                with pytest.raises(LipiyanaError):
                    client.recognize(bad)
            address = f"http://127.0.0.1:{server.metrics_port}/metrics"
            with urllib.request.urlopen(address, timeout=10) as response:
                metrics = response.read().decode()
    finally:
        root.removeHandler(handler)
        root.setLevel(before)
    assert "KA01AB1234" in str(found)
    logged = "".join(capfd.readouterr())
    assert "call-1" in logged
    for text in (logged, metrics):
        assert [word for word in WORDS if word in text] == []
