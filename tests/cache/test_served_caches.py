"""The caches as a server has them: over a real channel, with real Redis."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from urllib.request import urlopen

import numpy as np
import pytest
from redis_server import RedisServer
from served_fake import FakeRecognizer

from lipiyana.arrays import RgbArray
from lipiyana.client import Client
from lipiyana.errors import InvalidRequest, LipiyanaError
from lipiyana.images.loading import load
from lipiyana.server import RecognitionServer, ServerSettings, running_server
from lipiyana.types import (
    CachePolicy,
    Frame,
    ImageInput,
    RawImage,
    Recognition,
    RecognitionConfig,
    TextLine,
)


class MeanReader(FakeRecognizer):
    """Reads the mean of a picture; it knows one picture by name."""

    def recognize(
        self,
        image: ImageInput,
        config: RecognitionConfig | None = None,
        *,
        timeout: float | None = None,
    ) -> Recognition:
        pixels = load(image)
        height, width = pixels.shape[:2]
        if height != width:  # the warm-up is square
            self.computed.append(pixels.tobytes())
        corners = ((60.0, 40.0), (260.0, 40.0), (260.0, 100.0), (60.0, 100.0))
        line = TextLine(f"{pixels.mean():.6f}", "Latn", 0.5, corners)
        return Recognition(width, height, text_lines=(line,))


def served(reader: FakeRecognizer, **settings: object) -> Iterator[RecognitionServer]:
    chosen = ServerSettings(port=0, metrics_port=0, threads=1, **settings)  # type: ignore[arg-type]
    with running_server(reader, chosen) as server:
        yield server


def metrics(server: RecognitionServer) -> str:
    with urlopen(f"http://127.0.0.1:{server.metrics_port}/metrics") as response:
        return str(response.read(), "utf-8")


def one_by_one(
    client: Client, pictures: list[ImageInput], config: RecognitionConfig
) -> list[Recognition]:
    """Send each frame when the one before was answered, so that none is dropped."""
    answered: list[Recognition] = []
    taken = threading.Semaphore(0)

    def frames() -> Iterator[Frame]:
        for number, picture in enumerate(pictures):
            yield Frame(number, picture)
            while len(answered) <= number:
                taken.acquire()

    for result in client.recognize_stream(frames(), config):
        assert not isinstance(result.outcome, LipiyanaError), result.outcome
        answered.append(result.outcome)
        taken.release()
    return answered


@pytest.fixture
def pictures(scene: RgbArray, encode: Callable[..., bytes]) -> list[ImageInput]:
    """Four frames: the scene, the same with noise, another word, that with noise."""
    rng = np.random.default_rng(1)
    other = scene.copy()
    other[40:100, 520:600:6] = 20
    shown = [scene, scene, other, other]
    noisy = [np.clip(p * 0.8 + 20 + rng.normal(0, 2, p.shape), 0, 255) for p in shown]
    return [RawImage.from_array(picture.astype(np.uint8), "rgb8") for picture in noisy]


def test_repeated_frames_of_a_stream(pictures: list[ImageInput]) -> None:
    reader = MeanReader()
    for server in served(reader, repeated_frames=True):
        with Client(server.target) as client:
            found = one_by_one(client, pictures, RecognitionConfig())
            # the exact cache keeps what was computed, not what was reused
            again = [client.recognize(picture) for picture in pictures]
        text = metrics(server)
    assert [value.cache_outcome.value for value in found] == ["miss", "hit", "miss", "hit"]
    texts = [value.text_lines[0].text for value in found]
    assert texts[0] == texts[1] != texts[2] == texts[3]
    assert [value.cache_outcome.value for value in again] == ["hit", "miss", "hit", "miss"]
    assert len({value.text_lines[0].text for value in again}) == 4
    assert 'lipiyana_cache_outcomes_total{outcome="hit_repeated"} 2.0' in text
    assert 'lipiyana_cache_outcomes_total{outcome="hit_memory"} 2.0' in text


def test_they_are_off_by_default_and_where_all_is_to_be_computed(
    pictures: list[ImageInput],
) -> None:
    for config, settings in (
        (RecognitionConfig(), {}),
        (RecognitionConfig(cache_policy=CachePolicy.BYPASS), {"repeated_frames": True}),
    ):
        reader = MeanReader()
        for server in served(reader, **settings):
            with Client(server.target) as client:
                one_by_one(client, pictures, config)
        assert len(reader.computed) == 4


def test_streams_do_not_see_each_other(pictures: list[ImageInput]) -> None:
    reader = MeanReader()
    for server in served(reader, repeated_frames=True):
        with Client(server.target) as client:
            for picture in pictures[:2]:
                one_by_one(client, [picture], RecognitionConfig())
    assert len(reader.computed) == 2


def test_two_servers_share_answers(redis_server: RedisServer) -> None:
    fakes = [FakeRecognizer(), FakeRecognizer()]
    settings = {
        "shared_cache_url": redis_server.url,
        "shared_cache_secret": "secret",
        "shared_cache_timeout": 1.0,
    }
    for first in served(fakes[0], **settings):
        with Client(first.target) as client:
            computed = client.recognize(b"a")
        while 'lipiyana_shared_cache_writes_total{result="kept"} 1.0' not in metrics(first):
            pass
        for second in served(fakes[1], **settings):
            with Client(second.target) as client:
                shared = client.recognize(b"a")
            text = metrics(second)
    assert (computed.cache_outcome.value, shared.cache_outcome.value) == ("miss", "hit")
    assert shared.text_lines == computed.text_lines
    assert fakes[1].computed == []
    assert 'lipiyana_cache_outcomes_total{outcome="hit_shared"} 1.0' in text
    assert 'lipiyana_shared_cache_look_ups_total{result="hit"} 1.0' in text
    assert redis_server.url not in text


def test_a_server_starts_and_answers_without_its_redis() -> None:
    for server in served(FakeRecognizer(), shared_cache_url="redis://127.0.0.1:1"):
        with Client(server.target) as client:
            texts = [client.recognize(bytes([65 + n])).text_lines[0].text for n in range(10)]
    assert texts == list("ABCDEFGHIJ")


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"cache_bytes": 0, "repeated_frames": True}, ""),
        ({"cache_bytes": 0, "shared_cache_url": "redis://localhost"}, ""),
        ({"shared_cache_namespace": "a b"}, "shared_cache_namespace"),
        ({"shared_cache_timeout": 0}, "shared_cache_timeout"),
    ],
)
def test_settings_that_make_no_sense(settings: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        ServerSettings.load(**settings)
    assert caught.value.field == field


def test_secrets_are_not_shown() -> None:
    settings = ServerSettings(
        shared_cache_url="redis://me:hush@localhost",  # type: ignore[arg-type]
        shared_cache_secret="hush",  # type: ignore[arg-type]
    )
    assert "hush" not in repr(settings)
    assert "hush" not in repr(settings.shared_cache)
    assert settings.shared_cache is not None
    assert settings.shared_cache.secret == b"hush"
