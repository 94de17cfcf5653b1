"""Vehicles and tracks in process and through a real channel, with a detector of rectangles."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from detector_models import BLUE, GREEN, RED, install, rectangle_detector

from lipiyana.client import Client
from lipiyana.pipeline import LocalRecognizer
from lipiyana.recognizer import FrameResult, Recognizer
from lipiyana.runtime.store import ModelStore
from lipiyana.server import ServerSettings, running_server
from lipiyana.types import CacheOutcome, Feature, Frame, RawImage, Recognition, RecognitionConfig
from lipiyana.wire.results import recognition_from_proto, recognition_to_proto

# the plate is a green rectangle without text, which halves its confidence
CONFIG = RecognitionConfig(
    features=frozenset({Feature.VEHICLES, Feature.PLATES}), min_confidence=0.2
)
VEHICLES = RecognitionConfig(features=frozenset({Feature.VEHICLES}))


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> LocalRecognizer:
    folder: Path = install(tmp_path_factory.mktemp("models"), rectangle_detector(128))
    return LocalRecognizer(ModelStore(folder, threads=1))


@pytest.fixture(scope="module")
def remote(local: LocalRecognizer) -> Iterator[Client]:
    with (
        running_server(local, ServerSettings(port=0, workers=1)) as server,
        Client(server.target) as client,
    ):
        yield client


def street(step: int) -> RawImage:
    picture = np.full((200, 320, 3), 128, np.uint8)
    picture[60:140, 20 + step : 140 + step] = RED
    picture[110:124, 50 + step : 100 + step] = GREEN
    picture[20:120, 200 - step : 300 - step] = BLUE
    return RawImage.from_array(picture, "rgb8")


def comparable(found: object) -> Recognition:
    assert isinstance(found, Recognition)
    sent = recognition_from_proto(recognition_to_proto(found))
    return replace(sent, timings={}, cache_outcome=CacheOutcome.NONE)


def follow(recognizer: Recognizer, steps: list[int]) -> list[FrameResult]:
    """Read frames one by one, so that none is dropped."""
    answered = threading.Semaphore(1)

    def frames() -> Iterator[Frame]:
        for number, step in enumerate(steps):
            assert answered.acquire(timeout=60)
            yield Frame(number, street(step))

    results = []
    for result in recognizer.recognize_stream(frames(), VEHICLES):
        results.append(result)
        answered.release()
    return results


def test_one_picture(local: LocalRecognizer, remote: Client) -> None:
    expected = comparable(local.recognize(street(0), CONFIG))
    assert [vehicle.plate_indices for vehicle in expected.vehicles] == [(0,), ()]
    assert comparable(remote.recognize(street(0), CONFIG)) == expected


def test_tracks_belong_to_a_stream_and_are_never_cached(
    local: LocalRecognizer, remote: Client
) -> None:
    steps = [0, 5, 10, 15]
    # the server has cached these pictures, read without tracks
    for step in steps:
        found = remote.recognize(street(step), VEHICLES)
        assert [vehicle.track_id for vehicle in found.vehicles] == [None, None]
    expected = [comparable(result.outcome) for result in follow(local, steps)]
    assert [{v.label: v.track_id for v in one.vehicles} for one in expected] == [
        {"car": 1, "bus": 2}
    ] * 4
    for _ in range(2):  # each stream counts from 1
        results = follow(remote, steps)
        outcomes = [result.outcome for result in results]
        assert [comparable(outcome) for outcome in outcomes] == expected
        assert {getattr(o, "cache_outcome", None) for o in outcomes} == {CacheOutcome.HIT}
    again = remote.recognize(street(0), VEHICLES)
    assert again.cache_outcome is CacheOutcome.HIT
    assert [vehicle.track_id for vehicle in again.vehicles] == [None, None]
