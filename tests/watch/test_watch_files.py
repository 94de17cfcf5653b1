"""Files are watched to their end: three plates come out, and no frame is left out."""

from __future__ import annotations

import base64
import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from needs import FULL_DISK
from row_receiver import receiving
from street_video import PLATES, WAYS
from typer.testing import CliRunner, Result

from lipiyana import LocalRecognizer, RecognitionConfig
from lipiyana.cli.main import app

PLATES_ONLY = ("--features", "plates,vehicles")


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["watch", *arguments])


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def watched(street: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, Path, Path]:
    """All rows of the street, and the video with results drawn on it."""
    folder = tmp_path_factory.mktemp("watched")
    regions, rows, drawn = folder / "regions.yaml", folder / "rows.jsonl", folder / "drawn.mp4"
    regions.write_text(
        "regions:\n"
        "  left_half: [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]\n"
        "  sky: [[0, 0], [1, 0], [1, 0.1], [0, 0.1]]\n"
    )
    result = invoke(
        f"gate={street}", "-o", str(rows), "--frames", "--regions", str(regions),
        "--annotated", str(drawn), "--start-time", "2026-11-30T12:00:00+00:00", *PLATES_ONLY,
    )  # fmt: skip
    return result, rows, drawn


def test_each_vehicle_that_passes_has_one_row(watched: tuple[Result, Path, Path]) -> None:
    result, path, _ = watched
    assert result.exit_code == 0, result.output
    tracks = [row for row in rows_of(path) if row["kind"] == "track" and row["registration"]]
    assert [row["registration"]["canonical"] for row in tracks] == list(PLATES)
    assert [row["direction"] for row in tracks] == list(WAYS)
    assert [row["label"] for row in tracks] == ["car", "auto_rickshaw", "car"]
    for row in tracks:
        assert row["registration"]["valid"]
        assert row["registration"]["readings"] >= 3
        assert row["registration"]["confidence"] > 0.9
        assert row["id"].startswith("gate-17960400")
        assert "2026-11-30T12:00:01" <= row["first_seen"] < row["last_seen"]
        assert len(row["path"]) <= 20
        assert all(0 <= value <= 1 for point in row["path"] for value in point[1:])
    assert tracks[0]["registration"]["region"] == "Delhi"
    # a second of the two that it takes to cross the picture
    assert 0.5 <= tracks[0]["seconds_in"]["left_half"] <= 1.25
    assert all("sky" not in row["seconds_in"] for row in tracks)


def test_each_frame_that_was_read_has_a_row(watched: tuple[Result, Path, Path]) -> None:
    rows = rows_of(watched[1])
    frames = [row for row in rows if row["kind"] == "frame"]
    numbers = [int(row["id"].rpartition("-f")[2]) for row in frames]
    assert numbers == sorted(set(numbers))
    # a second of nothing comes before, between and after them: its frames are not read
    assert 20 <= len(frames) <= 30
    vehicles = [vehicle for row in frames for vehicle in row["vehicles"]]
    tracks = {row["track"] for row in rows if row["kind"] == "track"}
    assert {vehicle["track"] for vehicle in vehicles} - {None} <= tracks
    read = [one["registration"]["canonical"] for one in vehicles if one["registration"]]
    assert set(PLATES) <= set(read)


def test_the_annotated_video_has_every_frame(
    watched: tuple[Result, Path, Path], street: Path
) -> None:
    with av.open(str(watched[2])) as drawn, av.open(str(street)) as given:
        pictures = [frame.to_ndarray(format="rgb24") for frame in drawn.decode(video=0)]
        originals = [frame.to_ndarray(format="rgb24") for frame in given.decode(video=0)]
    assert len(pictures) == len(originals) == 40
    assert pictures[0].shape == originals[0].shape
    changed = [
        float((abs(one.astype(int) - other) > 80).any(axis=2).mean())
        for one, other in zip(pictures, originals, strict=True)
    ]
    assert max(changed[:3]) < 0.0005  # nothing passes
    assert min(changed[7:10]) > 0.005


def test_summary_says_position_speed_and_tracks(watched: tuple[Result, Path, Path]) -> None:
    said = watched[0].stderr
    assert "gate: 0:00:09 of 0:00:10, " in said
    assert "x real time, 40 frames, " in said
    assert not any(plate in said for plate in PLATES)


def test_rows_are_appended_and_what_a_crash_left_is_removed(
    small_video: Path, tmp_path: Path
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"kind": "old"}\n{"kind": "brok')
    result = invoke(
        str(small_video), "-o", str(path), "--frames", "--fps", "0.2", "--features", "vehicles"
    )
    assert result.exit_code == 0, result.output
    rows = rows_of(path)
    assert rows[0] == {"kind": "old"}
    assert "frame" in {row["kind"] for row in rows[1:]}


def test_frames_are_chosen_by_rate_and_motion_or_all_are_read(
    small_video: Path, tmp_path: Path
) -> None:
    def frames(*options: str) -> int:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.jsonl"
        result = invoke(
            str(small_video), "-o", str(path), "--frames", "--features", "vehicles", *options
        )
        assert result.exit_code == 0, result.output
        return sum(row["kind"] == "frame" for row in rows_of(path))

    assert frames("--every-frame") == 40
    assert frames("--every-frame", "--fps", "1") == 10
    assert frames("--fps", "2") < 20
    assert frames("--every-frame", "--power", "low") == 20


@pytest.mark.parametrize("content", [b"", b"this is no video\n" * 1000, bytes(100_000)])
def test_what_is_no_video_fails_with_a_message(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "broken.mp4"
    path.write_bytes(content)
    result = invoke(str(path))
    assert result.exit_code == 1
    assert "broken.mp4 cannot be watched: " in result.stderr
    assert not result.stdout


def test_a_damaged_file_gives_the_rows_that_it_can_and_fails(street: Path, tmp_path: Path) -> None:
    data = bytearray(street.read_bytes())
    # packets of several frames; within one frame, a decoder hides what is missing
    start, end = len(data) // 2, len(data) * 7 // 10
    data[start:end] = b"\xff" * (end - start)
    path = tmp_path / "damaged.mp4"
    path.write_bytes(data)
    result = invoke(str(path), *PLATES_ONLY)
    assert result.exit_code == 1
    assert "could not be decoded" in result.stderr
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert PLATES[0] in {row["registration"]["canonical"] for row in rows if row["registration"]}


@pytest.mark.parametrize("share", [1.0, 0.5])
def test_a_copy_that_was_broken_off_fails_and_keeps_its_rows(
    share: float, small_video: Path, tmp_path: Path
) -> None:
    whole, path = tmp_path / "whole.mkv", tmp_path / "part.mkv"
    with av.open(str(small_video)) as source, av.open(str(whole), "w") as copy:
        stream = copy.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                copy.mux(packet)
    data = whole.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    result = invoke(
        str(path), "--frames", "--every-frame", "--fps", "0.5", "--features", "vehicles"
    )
    assert result.exit_code == (0 if share == 1 else 1), result.stderr
    assert ("seconds: the rest of the file is missing" in result.stderr) == (share < 1)
    rows = [row for row in map(json.loads, result.stdout.splitlines()) if row["kind"] == "frame"]
    assert (len(rows) == 5) == (share == 1)
    assert rows


@pytest.mark.parametrize("share", [1.0, 0.5])
def test_an_avi_that_was_broken_off_fails(share: float, tmp_path: Path) -> None:
    # it states the number of its frames alone, and its length is that of what is there
    path = tmp_path / "part.avi"
    noise = np.random.default_rng(1)
    with av.open(str(path), "w") as file:
        stream = file.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        for _ in range(60):
            pixels = noise.integers(0, 255, (120, 160, 3), np.uint8)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, "rgb24")))
        file.mux(stream.encode())
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    result = invoke(str(path), "--fps", "0.5", "--features", "vehicles")
    assert result.exit_code == (0 if share == 1 else 1), result.stderr
    assert ("of 60 frames: the rest of the file is missing" in result.stderr) == (share < 1)


def test_one_broken_file_among_several_does_not_stop_the_others(
    small_video: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    result = invoke(
        str(broken), str(small_video), "--frames", "--fps", "0.2", "--features", "vehicles"
    )
    assert result.exit_code == 1
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert {row["source"] for row in rows} == {"small"}
    assert "broken.mp4 cannot be watched" in result.stderr


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "sound.mka"
    with av.open(str(path), "w", format="matroska") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame(format="s16", layout="mono", samples=800)
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    result = invoke(str(path))
    assert result.exit_code == 1
    assert "it has no picture" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("gone.mp4",), "there is no file or folder gone.mp4"),
        (("ftp://camera/1",), "ftp://camera/1 is not an address of rtsp, rtsps, http, https"),
        (("{video}", "--output", "rows.csv"), "must end in .jsonl"),
        (("{video}", "--annotated", "drawn.avi"), "must end in one of .mkv, .mp4, .webm"),
        (("{video}", "0", "--annotated", "drawn.mp4"), "is for one SOURCE"),
        (("{video}", "--annotated", "{video}"), "cannot be written: it is read"),
        (("{video}", "--give-up", "5"), "is for addresses and cameras"),
        (("{video}", "--duration", "0"), "0 is not between 0.1"),
        (("0", "--start-time", "2026-11-30"), "is for video files"),
        (("{video}", "--start-time", "noon"), "is not a time such as"),
        (("{video}", "--power", "half"), "half is not one of low, balanced, full"),
        (("a={video}", "a={video}"), "two sources have the name a"),
        (("{video}", "--server", "localhost:1", "--models", "."), "cannot be used with --server"),
    ],
)
def test_a_wrong_use_is_refused(
    arguments: tuple[str, ...], said: str, small_video: Path, monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    result = invoke(*(argument.replace("{video}", str(small_video)) for argument in arguments))
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.replace("│", " ").split())
    assert not list(tmp_path.iterdir())


def test_a_pipe_is_no_source(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")  # nobody would ever write to it
    result = invoke(str(tmp_path / "pipe"))
    assert result.exit_code == 2
    assert "is neither a file nor a folder" in result.stderr


def test_rows_do_not_go_into_the_regions(small_video: Path, tmp_path: Path) -> None:
    regions = tmp_path / "regions.jsonl"
    regions.write_text("masks: []\n", "utf-8")
    result = invoke(str(small_video), "--regions", str(regions), "-o", str(regions))
    assert result.exit_code == 2
    assert regions.read_text("utf-8") == "masks: []\n"


def test_a_full_disk_ends_the_run_with_a_message(small_video: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip(FULL_DISK)
    link = small_video.parent / "full.jsonl"
    if not link.is_symlink():
        link.symlink_to(full)
    result = invoke(
        str(small_video), "-o", str(link), "--frames", "--fps", "0.2", "--features", "vehicles"
    )
    assert result.exit_code == 1
    assert "cannot write to " in result.stderr
    assert "No space left" in result.stderr


def test_rows_are_forwarded_as_they_are_written(street: Path, tmp_path: Path) -> None:
    rows, spool = tmp_path / "rows.jsonl", tmp_path / "spool"
    with receiving() as receiver:
        result = invoke(
            str(street), "-o", str(rows), "--forward", receiver.url, "--spool", str(spool),
            *PLATES_ONLY,
        )  # fmt: skip
        assert result.exit_code == 0, result.output
        assert list(receiver.rows.values()) == rows_of(rows)
    count = len(receiver.rows)
    assert f"{count} rows spooled, {count} sent (" in result.stderr


def test_a_file_that_is_watched_again_is_not_counted_twice(street: Path, tmp_path: Path) -> None:
    with receiving() as receiver:
        for run in ("one", "two"):
            result = invoke(
                str(street), "-o", str(tmp_path / f"{run}.jsonl"), "--forward", receiver.url,
                "--spool", str(tmp_path / run), *PLATES_ONLY,
            )  # fmt: skip
            assert result.exit_code == 0, result.output
        rows = rows_of(tmp_path / "one.jsonl")
        assert rows_of(tmp_path / "two.jsonl") == rows
        assert list(receiver.rows) == [row["id"] for row in rows]


def test_a_file_waits_for_a_full_disk(street: Path, tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    program = [
        sys.executable, "-m", "lipiyana", "watch", str(street), "--frames", *PLATES_ONLY,
        "--spool", str(spool), "--forward",
    ]  # fmt: skip
    with receiving() as receiver:
        receiver.answer = lambda _: 503
        watching = subprocess.Popen(
            [*program, receiver.url], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        try:
            assert watching.stdout is not None
            assert watching.stderr is not None
            watching.stdout.readline()
            _, hard = resource.prlimit(watching.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(watching.pid, resource.RLIMIT_FSIZE, (4096, hard))
            said = ""
            while "the spool cannot be written" not in said:
                said = watching.stderr.readline()
                assert said
            assert "wait in memory" in said
            receiver.answer = lambda _: 200
            resource.prlimit(watching.pid, resource.RLIMIT_FSIZE, (hard, hard))
            rest, said = watching.communicate(timeout=120)
        finally:
            watching.kill()
            watching.wait()
        assert watching.returncode == 0, said
        assert "lost" not in said
        assert len(receiver.rows) == 1 + len(rest.splitlines())


def test_rows_that_the_receiver_will_never_have_are_told(street: Path, tmp_path: Path) -> None:
    with receiving() as receiver:
        receiver.answer = lambda _: 400
        result = invoke(
            str(street), "-o", str(tmp_path / "rows.jsonl"), "--forward", receiver.url, "--spool",
            str(tmp_path / "spool"), *PLATES_ONLY,
        )  # fmt: skip
    assert result.exit_code == 1
    assert f", {len(rows_of(tmp_path / 'rows.jsonl'))} refused" in result.stderr


def test_crops_are_forwarded_and_not_written(street: Path, tmp_path: Path) -> None:
    rows, spool = tmp_path / "rows.jsonl", tmp_path / "spool"
    with receiving() as receiver:
        result = invoke(
            str(street), "-o", str(rows), "--forward", receiver.url, "--spool", str(spool),
            "--crops", "80", "--frames", "--metrics-port", "0",
        )  # fmt: skip
        assert result.exit_code == 0, result.output
        receiver.wait(lambda: len(receiver.rows) == len(rows_of(rows)))
    assert "metrics at port " in result.output
    came = list(receiver.rows.values())
    assert all("crops" not in row for row in rows_of(rows))
    assert [{**row, "crops": []} for row in rows_of(rows)] == [{**row, "crops": []} for row in came]
    tracks = [row for row in came if row["kind"] == "track" and row["registration"]]
    assert len(tracks) == 3
    recognizer = LocalRecognizer(threads=1)
    for row in tracks:
        plates = [crop for crop in row["crops"] if crop["kind"] == "plate"]
        (plate,) = plates
        config = RecognitionConfig(layout="plate")
        read = recognizer.recognize(base64.b64decode(plate["webp"]), config)
        assert read.plates[0].registration.canonical == row["registration"]["canonical"]
    frames = [row for row in came if row["kind"] == "frame"]
    assert sum(len(row["crops"]) for row in frames) > len(tracks)


def test_ids_are_those_of_the_run(small_video: Path, tmp_path: Path) -> None:
    def ids(name: str, *options: str) -> list[str]:
        path = tmp_path / f"{name}.jsonl"
        fast = ("--features", "vehicles", "--frames", "--duration", "60")
        assert invoke(str(small_video), "-o", str(path), *fast, *options).exit_code == 0
        return [row["id"] for row in rows_of(path)]

    first, again, other = ids("first"), ids("again"), ids("other", "--power", "low")
    assert first
    assert first == again
    assert other
    assert not {*first} & {*other}


def test_crops_are_for_a_receiver(street: Path) -> None:
    result = invoke(str(street), "--crops", "50")
    assert (result.exit_code, "is for --forward" in result.output) == (2, True)


def test_forwarding_needs_a_spool(street: Path, tmp_path: Path) -> None:
    result = invoke(str(street), "--forward", "https://rows.example/gate")
    assert result.exit_code == 2
    assert "--forward and --spool go together" in result.output
    result = invoke(str(street), "--forward", "ftp://rows.example", "--spool", str(tmp_path))
    assert result.exit_code == 2
    assert "this address cannot be used" in " ".join(result.output.split())


@pytest.mark.parametrize(
    "moment", ["yesterday", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "1950-01-01"]
)
def test_times_that_are_none(street: Path, moment: str) -> None:
    result = invoke(str(street), "--start-time", moment)
    assert result.exit_code == 2
    assert moment.split("T", maxsplit=1)[0] in result.output
