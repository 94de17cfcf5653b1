"""`keep_unsure`: which pictures a server keeps for review."""

from __future__ import annotations

import stat
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from served_fake import PATIENCE

from lipiyana.client import Client
from lipiyana.errors import InvalidRequest, PermissionDenied
from lipiyana.review.keeper import UnsureKeeper
from lipiyana.review.keeping_recognizer import SpareTime
from lipiyana.review.kept import read_kept
from lipiyana.server import ServerSettings, local_recognizer, running_server
from lipiyana.types import CachePolicy, Frame, RecognitionConfig

BYPASS = RecognitionConfig(cache_policy=CachePolicy.BYPASS)


class Offers:
    """Counts the pictures offered to the keeper; `wait` waits until all are handled."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._ended = threading.Semaphore(0)
        offer = UnsureKeeper.offer

        def counted(keeper: UnsureKeeper, *args: object) -> bool:
            try:
                return offer(keeper, *args)  # type: ignore[arg-type]
            finally:
                self._ended.release()

        monkeypatch.setattr(UnsureKeeper, "offer", counted)

    def wait(self) -> None:
        assert self._ended.acquire(timeout=PATIENCE)

    def none_left(self) -> bool:
        return not self._ended.acquire(blocking=False)


def test_unsure_pictures_are_kept_readable_only_for_the_owner(
    scene: np.ndarray,
    encode: Callable[..., bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    folder, offers = tmp_path / "kept", Offers(monkeypatch)
    monkeypatch.setattr(
        "lipiyana.server.processes.local_recognizer.SpareTime", partial(SpareTime, share=1)
    )
    # mirrored letters are read with low confidence
    mirrored, inverted = encode(scene[:, ::-1], "JPEG"), encode(scene[::-1])
    nothing = encode(np.full_like(scene, 120))  # read with high confidence
    settings = ServerSettings(port=0, threads=1, keep_unsure=folder)
    recognizer = local_recognizer(settings)
    assert "personal data" in caplog.text
    with running_server(recognizer, settings) as server, Client(server.target) as client:
        # not kept: the warm-up, calls that bypass the cache, and confident answers
        client.recognize(mirrored, BYPASS)
        client.recognize(nothing)
        assert offers.none_left()
        assert read_kept(folder) == []
        client.recognize(mirrored)
        offers.wait()
        client.recognize(mirrored)  # answered from the cache, so not judged again
        list(client.recognize_stream([Frame(1, inverted)]))
        offers.wait()
    recognizer.close()
    assert offers.none_left()
    kept = {(folder / one.file).read_bytes(): one for one in read_kept(folder)}
    assert kept.keys() == {mirrored, inverted}
    assert all(one.answer["text_lines"] for one in kept.values())
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for path in folder.iterdir():
        if path.name != "PRIVATE.txt":
            assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_nothing_is_kept_by_default() -> None:
    assert ServerSettings().keep_unsure is None


def test_the_limits_of_keeping_are_settings() -> None:
    settings = ServerSettings(keep_unsure_pictures=7, keep_unsure_days=2)
    assert (settings.keep_limits.pictures, settings.keep_limits.seconds) == (7, 2 * 86_400)


def test_keeping_needs_a_single_worker() -> None:
    with pytest.raises(InvalidRequest, match="keep_unsure needs workers"):
        ServerSettings.load(workers=2, keep_unsure=Path("kept"))


def test_an_unusable_folder_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PermissionDenied):
        local_recognizer(ServerSettings(keep_unsure=tmp_path / "file"))
