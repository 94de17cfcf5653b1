from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from prometheus_client import generate_latest

from lipiyana.client import Client
from lipiyana.errors import InvalidImage
from lipiyana.pipeline import LocalRecognizer
from lipiyana.server import ServerSettings, local_recognizer, running_server
from lipiyana.server.telemetry.metrics import Metrics
from lipiyana.types import CachePolicy, Layout, RecognitionConfig

BYPASS = RecognitionConfig(cache_policy=CachePolicy.BYPASS)


@pytest.mark.parametrize("model_batch", [1, 8])
def test_batched_and_single_answers_are_the_same(
    recognizer: LocalRecognizer,
    scene: np.ndarray,
    encode: Callable[..., bytes],
    model_batch: int,
) -> None:
    picture = encode(scene)
    settings = ServerSettings(port=0, threads=4, model_batch=model_batch)
    metrics = Metrics()
    served = local_recognizer(settings, metrics)
    with running_server(served, settings) as server, Client(server.target) as client:
        outcomes = client.recognize_batch([picture] * 4, BYPASS)
    expected = recognizer.recognize(picture)
    for outcome in outcomes:
        assert [plate.text for plate in outcome.plates] == [p.text for p in expected.plates]  # type: ignore[union-attr]
        assert [line.text for line in outcome.text_lines] == [  # type: ignore[union-attr]
            line.text for line in expected.text_lines
        ]
    shown = generate_latest(metrics.registry).decode()
    assert 'lipiyana_batch_rows_count{model="' in shown
    for model in served.models:
        assert model.sha256 in shown


@pytest.mark.parametrize("layout", list(Layout))
def test_a_picture_that_exceeds_the_reading_time_is_refused(
    scene: np.ndarray, encode: Callable[..., bytes], layout: Layout
) -> None:
    settings = ServerSettings(port=0, threads=1, max_read_seconds=1e-9)
    served = local_recognizer(settings)
    with (
        running_server(served, settings) as server,
        Client(server.target) as client,
        pytest.raises(InvalidImage, match="max_read_seconds") as caught,
    ):
        client.recognize(encode(scene), RecognitionConfig(layout=layout))
    assert caught.value.reason == "IMAGE_TOO_COMPLEX"
