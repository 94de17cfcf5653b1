"""`drift`: a server counts what it reads, shows what drifted, and keeps pictures of a new kind."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import generate_latest

from lipiyana.client import Client
from lipiyana.drift.profile import Profile
from lipiyana.drift.state import read_state
from lipiyana.errors import InvalidRequest, NotFound
from lipiyana.pipeline import LocalRecognizer
from lipiyana.review.keeper import KeepLimits, UnsureKeeper
from lipiyana.review.keeping_recognizer import KeepingRecognizer
from lipiyana.server import ServerSettings, local_recognizer, running_server
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
    with pytest.raises(InvalidRequest, match="other versions of reader-int8"):
        local_recognizer(settings)
    reference.write_text(reference.read_text("utf-8").replace('"version":1', '"version":7'))
    with pytest.raises(InvalidRequest, match="is of version 7"):
        local_recognizer(settings)
    with pytest.raises(InvalidRequest, match="drift_reference needs drift"):
        ServerSettings.load(drift_reference=reference)


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
