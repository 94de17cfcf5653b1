"""Several sources, errors of what reads, masks, and power: with a recognizer of the test."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from live_cameras import web_camera
from typer.testing import CliRunner

from lipiyana.cli.main import app
from lipiyana.errors import InternalError, LipiyanaError, Unauthenticated, Unavailable
from lipiyana.images.loading import DEFAULT_LIMITS, load
from lipiyana.pipeline import LocalRecognizer
from lipiyana.runtime.store import ModelStore
from lipiyana.server import ServerSettings, running_server
from lipiyana.types import Box, ImageInput, Recognition, RecognitionConfig, Vehicle
from lipiyana.watch.inputs.decoding import VideoFile
from lipiyana.watch.inputs.frames import CameraFrame, StillPicture
from lipiyana.watch.inputs.live import Patience
from lipiyana.watch.inputs.sources import VideoSource, parse_sources
from lipiyana.watch.power import PROFILES, Power, PowerProfile
from lipiyana.watch.regions import RegionMap, Regions
from lipiyana.watch.run import Task, Watch
from lipiyana.watch.watcher import Eyes, Watcher, WatchOptions


class Sees(LocalRecognizer):
    """Sees a car in every picture, keeps the pictures, and raises what it is told to."""

    def __init__(self, store: ModelStore, raises: Callable[[int], LipiyanaError | None]) -> None:
        super().__init__(store)
        self.pictures: list[np.ndarray] = []  # type: ignore[type-arg]
        self._raises = raises
        self.at_once = self.most_at_once = 0
        self._lock = threading.Lock()

    def recognize(
        self,
        image: ImageInput,
        config: RecognitionConfig | None = None,
        *,
        timeout: float | None = None,
    ) -> Recognition:
        with self._lock:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            number = len(self.pictures)
            self.pictures.append(load(image))
        error = self._raises(number)
        with self._lock:
            self.at_once -= 1
        if error is not None:
            raise error
        height, width = self.pictures[number].shape[:2]
        return Recognition(width, height, (Vehicle("car", 0.9, Box(1, 1, width / 2, height / 2)),))


class Rows:
    """A `RowSink` that keeps rows, and notes the thread that writes them."""

    def __init__(self) -> None:
        self.rows: list[Mapping[str, Any]] = []
        self.threads: set[int] = set()

    def write(self, row: Mapping[str, Any]) -> None:
        self.rows.append(row)
        self.threads.add(threading.get_ident())

    def close(self) -> None:
        pass


def eyes(
    recognizer: LocalRecognizer, profile: PowerProfile = PROFILES[Power.FULL], turns: int = 1
) -> Eyes:
    return Eyes(recognizer, RecognitionConfig(), profile, threading.Semaphore(turns))


def still(level: int, size: tuple[int, int] = (90, 160)) -> StillPicture:
    return StillPicture(np.full((*size, 3), level, np.uint8))


def flicker(count: int) -> list[CameraFrame]:
    """Frames of which each differs from the one before, in one half."""
    frames = []
    for number in range(count):
        pixels = np.full((90, 160, 3), 100, np.uint8)
        pixels[:, :60] += 60 * (number % 2)
        frames.append(CameraFrame(number, number / 10, 1000 + number / 10, StillPicture(pixels)))
    return frames


def run_watcher(
    recognizer: LocalRecognizer, options: WatchOptions, frames: list[CameraFrame]
) -> tuple[Watcher, list[Mapping[str, Any]], list[str]]:
    rows: list[Mapping[str, Any]] = []
    said: list[str] = []
    watcher = Watcher("gate", eyes(recognizer), options, emit=rows.append, notify=said.append)
    watcher.run(frames, threading.Event())
    return watcher, rows, said


def test_a_picture_that_stands_still_is_read_once_and_its_car_stays(store: ModelStore) -> None:
    recognizer = Sees(store, lambda _: None)
    same = still(100)
    frames = [CameraFrame(n, n / 10, 1000 + n / 10, same) for n in range(50)]
    watcher, rows, _ = run_watcher(recognizer, WatchOptions(), frames)
    assert len(recognizer.pictures) == watcher.counts.read == 1
    (row,) = rows
    assert row["frames"] == 50


def test_masks_hide_from_models_and_from_motion(store: ModelStore) -> None:
    recognizer = Sees(store, lambda _: None)
    left = [(0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)]
    regions = RegionMap(Regions(masks=[left]))
    run_watcher(recognizer, WatchOptions(regions=regions), flicker(10))
    (picture,) = recognizer.pictures
    assert len(np.unique(picture[:, :79])) == 1
    assert (picture[:, 81:] == 100).all()


def test_frames_that_fail_are_reported_once_and_read_again(store: ModelStore) -> None:
    recognizer = Sees(store, lambda number: InternalError("no luck") if number in {2, 3} else None)
    watcher, rows, said = run_watcher(recognizer, WatchOptions(), flicker(8))
    assert said == ["frames cannot be read: no luck", "frames are read again"]
    assert (watcher.counts.read, watcher.counts.failed) == (8, 2)
    (row,) = rows
    assert row["frames"] == 6


def test_a_server_that_is_away_ends_a_file_but_not_a_camera(store: ModelStore) -> None:
    def away(number: int) -> LipiyanaError | None:
        return Unavailable("no server answers") if number == 3 else None

    with pytest.raises(Unavailable):
        run_watcher(Sees(store, away), WatchOptions(), flicker(8))
    watcher, rows, _ = run_watcher(Sees(store, away), WatchOptions(is_endless=True), flicker(8))
    assert watcher.counts.failed == 1
    assert len(rows) == 1
    refused = Sees(store, lambda _: Unauthenticated("no token"))
    with pytest.raises(Unauthenticated):
        run_watcher(refused, WatchOptions(is_endless=True), flicker(8))


def test_rows_of_open_tracks_come_although_a_source_fails(store: ModelStore) -> None:
    rows: list[Mapping[str, Any]] = []
    recognizer = Sees(store, lambda number: Unavailable("away") if number == 5 else None)
    watcher = Watcher("gate", eyes(recognizer), WatchOptions(), emit=rows.append)
    with pytest.raises(Unavailable):
        watcher.run(flicker(8), threading.Event())
    assert len(rows) == 1


@pytest.mark.parametrize(("rate", "expected"), [(None, 100), (5.0, 50), (3.0, 30), (50.0, 100)])
def test_frames_are_chosen_on_a_grid(rate: float | None, expected: int, store: ModelStore) -> None:
    recognizer = Sees(store, lambda _: None)
    options = WatchOptions(rate, every_frame=True)
    pictures = flicker(2)
    late = [0.0, 0.03, 0.01, 0.02]  # as networks deliver them
    frames = [
        CameraFrame(n, 5000 + n / 10 + late[n % 4], 1000.0, pictures[n % 2].picture)
        for n in range(100)
    ]
    watcher, _, _ = run_watcher(recognizer, options, frames)
    assert abs(watcher.counts.read - expected) <= 1


def test_profiles_share_out_the_cpus_and_make_frames_smaller(store: ModelStore) -> None:
    low, balanced, full = (PROFILES[power] for power in Power)
    assert low.threads(16, 1) == low.threads(16, 4) == (1, 1)
    assert balanced.threads(8, 1) == (4, 1)
    assert balanced.threads(8, 4) == (1, 4)
    assert full.threads(8, 3) == (2, 4)
    assert full.threads(2, 5) == (1, 2)
    assert full.threads(1, 1) == (1, 1)
    recognizer = Sees(store, lambda _: None)
    watcher = Watcher("gate", eyes(recognizer, low), WatchOptions(), emit=lambda _: None)
    wide = CameraFrame(0, 0.0, 0.0, still(100, (1080, 1920)))
    watcher.run([wide], threading.Event())
    assert recognizer.pictures[0].shape == (540, 960, 3)


def tasks(sources: tuple[VideoSource, ...], options: WatchOptions) -> list[Task]:
    return [Task(source, options, 1000.0) for source in sources]


def test_several_sources_at_once_and_one_thread_writes(
    store: ModelStore, small_video: Path
) -> None:
    both_are_read = threading.Barrier(2)

    def together(number: int) -> None:
        if number < 2:
            both_are_read.wait(60)

    recognizer = Sees(store, together)
    sources = parse_sources([f"a={small_video}", f"b={small_video}", "c=none.mp4/../none"][:2])
    options = WatchOptions(every_frame=True, frame_rows=True)
    watch = Watch(tasks(sources, options), eyes(recognizer, turns=2), DEFAULT_LIMITS)
    sink, other = Rows(), Rows()
    watch.run([sink, other])
    assert recognizer.most_at_once == 2
    for name in "ab":
        frames = [row for row in sink.rows if row["source"] == name and row["kind"] == "frame"]
        assert len(frames) == 40
    assert sink.rows == other.rows
    assert sink.threads == {threading.get_ident()}
    assert [state.failure for state in watch.states] == [None, None]


def test_one_turn_means_one_frame_at_a_time(store: ModelStore, small_video: Path) -> None:
    recognizer = Sees(store, lambda _: None)
    sources = parse_sources([f"a={small_video}", f"b={small_video}", f"c={small_video}"])
    watch = Watch(tasks(sources, WatchOptions()), eyes(recognizer), DEFAULT_LIMITS)
    watch.run([Rows()])
    assert recognizer.most_at_once == 1


def test_a_bug_in_one_source_is_its_failure(store: ModelStore, small_video: Path) -> None:
    recognizer = Sees(store, lambda number: 1 // 0 if number == 1 else None)  # type: ignore[arg-type, return-value]
    (source,) = parse_sources([str(small_video)])
    watch = Watch(tasks((source,), WatchOptions()), eyes(recognizer), DEFAULT_LIMITS)
    sink = Rows()
    watch.run([sink])
    assert str(watch.states[0].failure) == "ZeroDivisionError while watching"
    assert len(sink.rows) == 1  # of the track that was open


def test_a_duration_ends_live_sources(store: ModelStore, tmp_path: Path) -> None:
    with web_camera(greys=(40, 90)) as address:
        sources = parse_sources([address, str(tmp_path)])
        watch = Watch(
            tasks(sources, WatchOptions(is_endless=True)),
            eyes(Sees(store, lambda _: None)),
            DEFAULT_LIMITS,
            patience=Patience(5.0),
        )
        watch.run([Rows()], duration=0.0)
    assert all(state.is_over and state.failure is None for state in watch.states)


def test_a_sink_that_cannot_write_ends_the_run(store: ModelStore, small_video: Path) -> None:
    class Full(Rows):
        def write(self, row: Mapping[str, Any]) -> None:
            raise OSError(28, "No space left on device")

    (source,) = parse_sources([str(small_video)])
    watch = Watch(
        tasks((source,), WatchOptions()), eyes(Sees(store, lambda _: None)), DEFAULT_LIMITS
    )
    with pytest.raises(OSError, match="No space left"):
        watch.run([Full()])


def test_a_telephone_held_upright_records_upright(tmp_path: Path) -> None:
    path = tmp_path / "upright.mp4"
    pixels = np.zeros((120, 160, 3), np.uint8)
    pixels[:60] = 250
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=5)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    data = path.read_bytes()
    # the matrix of the track's header: from none to a quarter turn
    none = b"".join(n.to_bytes(4, "big") for n in (0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000))
    quarter = b"".join(
        (n & 0xFFFFFFFF).to_bytes(4, "big")
        for n in (0, 0x10000, 0, -0x10000, 0, 0, 120 << 16, 0, 0x40000000)
    )
    header = data.index(b"tkhd")
    at = data.index(none, header)
    path.write_bytes(data[:at] + quarter + data[at + len(none) :])
    (source,) = parse_sources([str(path)])
    frames = list(VideoFile(source, 0.0, 1))
    turned = frames[0].picture.rgb(None)
    # as its players show it: clockwise
    expected = cv2.rotate(pixels, cv2.ROTATE_90_CLOCKWISE)
    assert turned.shape == (160, 120, 3)
    assert np.abs(turned.astype(int) - expected).mean() < 10
    assert frames[0].picture.rgb(80).shape == (80, 60, 3)
    assert [round(frame.elapsed, 2) for frame in frames] == [0.0, 0.2, 0.4]


def test_a_server_reads_the_frames(store: ModelStore, small_video: Path) -> None:
    settings = ServerSettings(port=0, threads=1)
    with running_server(LocalRecognizer(store), settings) as server:
        result = CliRunner().invoke(
            app,
            [
                "watch", str(small_video), "--server", server.target, "--frames",
                "--fps", "0.2", "--features", "vehicles",
            ],
        )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert '"kind": "frame"' in result.stdout
