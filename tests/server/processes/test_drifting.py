"""`drift`: a server counts what it reads, shows what drifted, and keeps pictures of a new kind."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import generate_latest
from row_receiver import RowReceiver, receiving

from lipiyana.client import AsyncClient, Client
from lipiyana.drift.profile import Profile, digests
from lipiyana.drift.settings import DRIFT
from lipiyana.drift.watching.last_picture import LastPicture
from lipiyana.drift.watching.state import read_state
from lipiyana.errors import InvalidRequest, NotFound
from lipiyana.events.senders.signature import is_signed
from lipiyana.pipeline import LocalRecognizer
from lipiyana.review.keeper import KeepLimits, UnsureKeeper
from lipiyana.review.keeping_recognizer import KeepingRecognizer
from lipiyana.server import RecognitionServer, ServerSettings, local_recognizer, running_server
from lipiyana.server.telemetry.metrics import Metrics
from lipiyana.types import CachePolicy, Frame, Recognition, RecognitionConfig

BYPASS = RecognitionConfig(cache_policy=CachePolicy.BYPASS)


def test_pictures_are_counted_by_the_key_of_their_caller(
    scene: np.ndarray, encode: Callable[..., bytes], tmp_path: Path
) -> None:
    digest = hashlib.sha256(b"good").hexdigest()
    tokens = tmp_path / "tokens.toml"
    tokens.write_text(f'["gate-1"]\nsha256 = "{digest}"\n', "utf-8")
    settings = ServerSettings(port=0, threads=1, drift=tmp_path / "drift", tokens=tokens)
    metrics = Metrics()
    recognizer = local_recognizer(settings, metrics)
    with (
        running_server(recognizer, settings) as server,
        Client(server.target, token="good") as client,
    ):
        small = scene[::4, ::4]
        client.recognize(encode(small))
        client.recognize(encode(small))  # from the cache: it is no other picture
        client.recognize(encode(small[:, ::-1]), BYPASS)
        list(client.recognize_stream([Frame(1, encode(small[::-1]))]))
    recognizer.close()
    text = generate_latest(metrics.registry).decode()
    assert 'lipiyana_drift_pictures_total{camera="gate-1"} 2.0' in text
    assert 'lipiyana_drift_signals{camera="gate-1"} 0.0' in text
    profile = read_state(tmp_path / "drift")
    assert profile.total.pictures == 2
    assert profile.total.weight("brightness") == 2
    assert set(profile.models) == {model.name for model in recognizer.models}


def test_without_keys_callers_are_counted_together(
    scene: np.ndarray, encode: Callable[..., bytes], tmp_path: Path
) -> None:
    settings = ServerSettings(port=0, threads=1, drift=tmp_path)
    metrics = Metrics()
    recognizer = local_recognizer(settings, metrics)
    with running_server(recognizer, settings) as server, Client(server.target) as client:
        client.recognize(encode(scene[::4, ::4]))
    recognizer.close()
    text = generate_latest(metrics.registry).decode()
    assert 'lipiyana_drift_pictures_total{camera="all"} 1.0' in text
    assert "127.0.0.1" not in text


def test_nothing_is_counted_by_default() -> None:
    recognizer = local_recognizer(ServerSettings(threads=1))
    assert isinstance(recognizer, LocalRecognizer)
    assert recognizer.observer is None


def test_the_reference_is_checked_before_the_first_picture(tmp_path: Path) -> None:
    reference = tmp_path / "reference.json"
    settings = ServerSettings(threads=1, drift=tmp_path / "drift", drift_reference=reference)
    with pytest.raises(NotFound, match=r"reference\.json"):
        local_recognizer(settings)
    Profile(models={"reader-int8": "of another version"}).write(reference)
    reference.write_text(reference.read_text("utf-8").replace('"version":1', '"version":7'))
    with pytest.raises(InvalidRequest, match="is of version 7"):
        local_recognizer(settings)
    with pytest.raises(InvalidRequest, match="drift_reference needs drift"):
        ServerSettings.load(drift_reference=reference)


@pytest.mark.parametrize("pictures", [DRIFT.least_pictures - 1, DRIFT.least_pictures])
def test_a_reference_of_too_few_pictures_is_told(
    pictures: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    reference = tmp_path / "reference.json"
    with LocalRecognizer(threads=1) as reader:
        profile = Profile(models=digests(reader.models))
    for _ in range(pictures):
        profile.total.add({"lines": (1.0,), "vehicles": (0.0,), "rotation": ("0",)})
    profile.write(reference)
    settings = ServerSettings(threads=1, drift=tmp_path / "drift", drift_reference=reference)
    local_recognizer(settings).close()
    told = [text for text in caplog.messages if str(reference) in text]
    assert len(told) == (pictures < DRIFT.least_pictures)
    assert all(f"has {pictures} pictures, and a reference needs 30" in text for text in told)


def test_a_reference_of_other_models_is_told_and_pictures_are_read_all_the_same(
    scene: np.ndarray, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    reference, metrics = tmp_path / "reference.json", Metrics()
    settings = ServerSettings(threads=1, drift=tmp_path / "drift", drift_reference=reference)
    with LocalRecognizer(threads=1) as reader:
        own = digests(reader.models)

    def outdated() -> bool:
        shown = generate_latest(metrics.registry).decode()
        return "lipiyana_drift_reference_outdated 1.0" in shown

    for models, expected in ((own | {"reader-int8": "f" * 16}, True), (own, False)):
        profile = Profile(models=models)
        for _ in range(DRIFT.least_pictures):
            profile.total.add({"lines": (40.0,), "vehicles": (0.0,), "rotation": ("0",)})
        profile.write(reference)
        caplog.clear()
        recognizer = local_recognizer(settings, metrics)
        recognizer.recognize_pixels(np.ascontiguousarray(scene[::4, ::4]), RecognitionConfig())
        recognizer.close()
        assert outdated() == expected
        told = [text for text in caplog.messages if str(reference) in text]
        assert len(told) == expected
        assert all("is not compared with" in text and "f" * 16 in text for text in told)
    assert read_state(tmp_path / "drift").models == own


def test_a_camera_that_is_frozen_is_flagged_though_a_cache_answers(
    scene: np.ndarray, encode: Callable[..., bytes], tmp_path: Path
) -> None:
    settings = ServerSettings(port=0, threads=1, drift=tmp_path)
    metrics = Metrics()
    recognizer = local_recognizer(settings, metrics)
    picture = encode(scene[::4, ::4])
    with running_server(recognizer, settings) as server, Client(server.target) as client:
        for _ in range(DRIFT.repeats + 2):
            client.recognize(picture)
    recognizer.close()
    text = generate_latest(metrics.registry).decode()
    assert 'lipiyana_drift_pictures_total{camera="all"} 1.0' in text
    assert f'lipiyana_drift_repeated_pictures_total{{camera="all"}} {DRIFT.repeats}.0' in text
    assert 'lipiyana_drift_signals{camera="all"} 1.0' in text


class New:
    """A watch for which every picture is of the new kind, or none."""

    camera = "gate-1"

    def __init__(self, drifting: bool) -> None:
        self._drifting = drifting

    def is_drifting(self, camera: str) -> bool:
        return self._drifting and camera == self.camera

    def strangeness(self, camera: str, pixels: np.ndarray, found: Recognition) -> float:
        return 0.9 if self.is_drifting(camera) and pixels.size else 0.0


@pytest.mark.parametrize("drifting", [True, False])
def test_pictures_of_the_new_kind_are_kept_though_the_models_are_sure(
    drifting: bool,
    recognizer: LocalRecognizer,
    scene: np.ndarray,
    encode: Callable[..., bytes],
    tmp_path: Path,
) -> None:
    keeper = UnsureKeeper(tmp_path / "kept", KeepLimits())
    keeping = KeepingRecognizer(recognizer, keeper, novelty=New(drifting))
    nothing = encode(np.full_like(scene, 120))  # read with high confidence
    keeping.recognize(nothing, BYPASS)
    assert keeper.kept == ()
    keeping.recognize(nothing)
    assert [one.reasons.get("drift") for one in keeper.kept] == ([0.9] if drifting else [])


def test_a_reload_loses_no_count_and_counts_nothing_twice(
    scene: np.ndarray, encode: Callable[..., bytes], tmp_path: Path
) -> None:
    settings = ServerSettings(port=0, threads=1, drift=tmp_path / "drift")
    metrics = Metrics()
    small = scene[::4, ::4]

    async def reads_and_reloads() -> None:
        server = RecognitionServer(local_recognizer(settings, metrics), settings, metrics=metrics)
        await server.start()
        async with AsyncClient(server.target) as client:
            await client.recognize(encode(small))
            under_way = asyncio.create_task(client.recognize(encode(small[:, ::-1])))
            await server.reload(await asyncio.to_thread(local_recognizer, settings, metrics))
            await under_way
            await client.recognize(encode(small[::-1]))
        await server.stop()
        server.close_recognizers()

    asyncio.run(reads_and_reloads())
    assert read_state(tmp_path / "drift").total.pictures == 3
    assert len(list((tmp_path / "drift").glob("*.json"))) == 1
    text = generate_latest(metrics.registry).decode()
    assert 'lipiyana_drift_pictures_total{camera="all"} 3.0' in text


@contextmanager
def told_of_drift(folder: Path, receiver: RowReceiver) -> Iterator[None]:
    """A recognizer with a webhook, while it has met pictures that differ from its reference."""
    rng = np.random.default_rng(0)
    dark = [np.full((48, 64, 3), 10 + n % 3, np.uint8) for n in range(40)]
    bright = [np.full((48, 64, 3), 0, np.uint8) + rng.integers(150, 250, 3, np.uint8)
              for _ in range(DRIFT.window_step * 2)]  # fmt: skip
    noted = LastPicture()
    with LocalRecognizer(threads=1, observer=noted) as reader:
        profile = Profile(models=digests(reader.models))
        for picture in dark:
            reader.recognize_pixels(picture, RecognitionConfig())
            profile.total.add(noted.observation)
    profile.write(folder / "reference.json")
    (folder / "secret.txt").write_text("both sides know", "utf-8")
    settings = ServerSettings(
        threads=1,
        drift=folder / "drift",
        drift_reference=folder / "reference.json",
        drift_webhook=receiver.url,
        drift_webhook_secret=folder / "secret.txt",
    )
    recognizer = local_recognizer(settings, Metrics())
    try:
        for picture in bright:
            recognizer.recognize_pixels(picture, RecognitionConfig())
        yield
    finally:
        recognizer.close()


def test_a_webhook_is_told_of_drift_signed_and_again_after_a_failure(tmp_path: Path) -> None:
    with receiving() as receiver:
        receiver.answer = lambda _: 503 if not receiver.messages else 200
        with told_of_drift(tmp_path, receiver):
            receiver.wait(lambda: bool(receiver.rows))
    first, second = receiver.messages[:2]
    assert first.body == second.body
    (event,) = receiver.rows.values()
    assert (event["event"], event["camera"]) == ("drift_begins", "all")
    assert "brightness" in event["signals"]["reference"]
    assert is_signed(
        b"both sides know",
        second.headers["Lipiyana-Timestamp"],
        second.body,
        second.headers["Lipiyana-Signature"],
        now=time.time(),
    )


def test_news_that_nobody_took_when_the_server_stops_is_logged_as_lost(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with receiving() as receiver:
        receiver.answer = lambda _: 503
        with told_of_drift(tmp_path, receiver):
            receiver.wait(lambda: bool(receiver.messages))
    lost = [record.getMessage() for record in caplog.records if "lost" in record.getMessage()]
    assert lost == ["the webhook of drift: not delivered, and lost, since they waited in memory: 1"]


def test_a_webhook_needs_counts_and_an_address(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="drift_webhook needs drift"):
        ServerSettings.load(drift_webhook="https://gate.example/hook")
    with pytest.raises(InvalidRequest, match="drift_webhook_secret needs drift_webhook"):
        ServerSettings.load(drift=tmp_path, drift_webhook_secret=tmp_path / "secret")
    settings = ServerSettings(threads=1, drift=tmp_path, drift_webhook="http://gate.example/hook")
    with pytest.raises(InvalidRequest, match="use https"):
        local_recognizer(settings)
