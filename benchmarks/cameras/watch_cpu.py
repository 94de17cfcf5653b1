"""What watching costs: CPU by rate, size, motion and power; memory; time to the first row.

    python benchmarks/cameras/watch_cpu.py [--only cpu power memory first] [--json FILE]

The video is that of `street_video.py`: three vehicles pass within ten seconds, and for four of them
nothing moves. A share is CPU time of the whole process (decoding, motion, models, tracks; all
threads), without the loading of the models, by the time that the video lasts: 100 % is one CPU that
has nothing else to do. CPU time hardly depends on what else the machine does, as wall time would.
Each measurement has a process of its own.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from street_video import PLATES, write_video

from lipiyana.images.loading import DEFAULT_LIMITS
from lipiyana.pipeline import LocalRecognizer
from lipiyana.types import RecognitionConfig
from lipiyana.watch.inputs.sources import parse_sources
from lipiyana.watch.power import PROFILES, Power, PowerProfile
from lipiyana.watch.run import Task, Watch
from lipiyana.watch.watcher import Eyes, WatchOptions

SIZES = {"720p": (1280, 720), "1080p": (1920, 1080)}
RATES = (5, 15)
SCALES = (1.0, 0.6, 0.4)
"""Sizes of the vehicles: at 1 the plate of the first one is 183 pixels wide in 1080p."""
FRAMES_OF_MEMORY = 30_000
_SAMPLE_EVERY = 2_000
_FULL = PROFILES[Power.FULL]


class Collected:
    """A `RowSink` that keeps the rows of tracks."""

    def __init__(self) -> None:
        self.rows: list[Mapping[str, Any]] = []

    def write(self, row: Mapping[str, Any]) -> None:
        """Keep a row."""
        self.rows.append(row)

    def close(self) -> None:
        """Keep what there is."""


def watched(
    path: str, rate: float | None, profile: PowerProfile, *, every_frame: bool
) -> dict[str, Any]:
    """Watch a file with one thread; give CPU share, counts, memory and what was read."""
    recognizer = LocalRecognizer(threads=1)
    # models are loaded by what needs them first
    recognizer.recognize(Path(__file__).parents[2] / "samples/scenes/01_sweet_shop_delhi.jpg")
    eyes = Eyes(recognizer, RecognitionConfig(), profile, threading.Semaphore(1))
    options = WatchOptions(rate or profile.frames_per_second, every_frame=every_frame)
    watch = Watch([Task(parse_sources([path])[0], options)], eyes, DEFAULT_LIMITS)
    sink, memory = Collected(), [resident()]
    (state,) = watch.states

    def look() -> None:
        if state.counts.frames // _SAMPLE_EVERY >= len(memory):
            memory.append(resident())

    before = time.process_time()
    watch.run([sink], on_look=look)
    cpu = time.process_time() - before
    memory.append(resident())
    counts = state.counts
    read = [row["registration"] for row in sink.rows if row["registration"]]
    right = {one["canonical"] for one in read if one["valid"]} & {*PLATES}
    return {
        "cpu_seconds": cpu,
        "video_seconds": state.duration,
        "cpu_percent": 100 * cpu / (state.duration or 1),
        "frames": counts.frames,
        "read": counts.read,
        "tracks": len(sink.rows),
        "plates": len(right),
        "wrong": len({one["canonical"] for one in read if one["valid"]} - {*PLATES}),
        "readings": sum(one["readings"] for one in read if one["canonical"] in PLATES),
        "rss_mb": memory,
    }


def resident() -> float:
    """Resident memory of this process in MB."""
    for line in Path("/proc/self/status").read_text("ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("no VmRSS")


def _in_a_process(function: Callable[..., dict[str, Any]], *given: Any, **named: Any) -> Any:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, given, named)


def measure_cpu(folder: Path, say: Callable[[str], object]) -> list[dict[str, Any]]:
    """Each size and rate, with and without motion skipping."""
    found: list[dict[str, Any]] = []
    for name, size in SIZES.items():
        street, empty = folder / f"{name}.mp4", folder / f"{name}-empty.mp4"
        write_video(street, 15, size=size)
        write_video(empty, 15, size=size, seconds_each=0.0, pause=2.5)
        for rate in RATES:
            cases = (("skipped", street, False), ("read", street, True), ("empty", empty, False))
            for case, path, every in cases:
                one = _in_a_process(watched, str(path), rate, _FULL, every_frame=every)
                found.append({"size": name, "rate": rate, "case": case} | one)
                say(
                    f"{name} {rate} fps, {case}: {one['cpu_percent']:.0f} % CPU, "
                    f"{one['read']} read, {one['plates']} of 3 plates"
                )
    return found


def measure_power(folder: Path, say: Callable[[str], object]) -> list[dict[str, Any]]:
    """Each profile, on 1080p of 15 frames a second, with vehicles near and far."""
    found: list[dict[str, Any]] = []
    for scale in SCALES:
        street = folder / f"power-{scale}.mp4"
        write_video(street, 15, size=SIZES["1080p"], scale=scale)
        for power, profile in PROFILES.items():
            one = _in_a_process(watched, str(street), None, profile, every_frame=False)
            found.append({"power": str(power), "scale": scale} | one)
            say(
                f"{power}, vehicles {scale:.0%} large: {one['cpu_percent']:.0f} % CPU, "
                f"{one['read']} read, {one['plates']} of 3 plates, {one['wrong']} wrong, "
                f"{one['readings']} readings"
            )
    return found


def measure_memory(folder: Path, say: Callable[[str], object]) -> dict[str, Any]:
    """Memory over an hour's worth of frames of a small camera on a quiet street."""
    path = folder / "long.mp4"
    each = 500
    # three vehicles for half a second each; 485 frames of nothing
    write_video(
        path, 10, size=(640, 360), seconds_each=0.5, pause=(each - 15) / 40,
        repeat=FRAMES_OF_MEMORY // each,
    )  # fmt: skip
    found: dict[str, Any] = _in_a_process(watched, str(path), None, _FULL, every_frame=False)
    memory = found["rss_mb"]
    say(
        f"memory after {found['frames']} frames, {found['read']} read, {found['tracks']} tracks: "
        f"{memory[0]:.0f} MB at first, {max(memory):.0f} at most, {memory[-1]:.0f} at last; "
        f"by {_SAMPLE_EVERY} frames: {', '.join(f'{one:.0f}' for one in memory)}"
    )
    return found


def measure_first(folder: Path, say: Callable[[str], object]) -> dict[str, float]:
    """Time from the start of the command to its first row, with --frames."""
    path = folder / "first.mp4"
    write_video(path, 15, pause=0.0)
    command = [
        sys.executable, "-m", "lipiyana", "watch", str(path), "--frames", "--duration", "60",
    ]  # fmt: skip
    began = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as watching:
        assert watching.stdout is not None
        watching.stdout.readline()
        wall = time.monotonic() - began
        spent = Path(f"/proc/{watching.pid}/stat").read_text("ascii").rpartition(")")[2].split()
        watching.kill()
    cpu = (int(spent[11]) + int(spent[12])) / 100
    say(f"first row after {wall:.1f} s of wall time and {cpu:.1f} s of CPU time")
    return {"wall_seconds": wall, "cpu_seconds": cpu}


def main() -> None:
    """Measure what is asked for, and print it."""
    measures: dict[str, Callable[[Path, Callable[[str], object]], Any]] = {
        "first": measure_first,
        "cpu": measure_cpu,
        "power": measure_power,
        "memory": measure_memory,
    }
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=measures, default=[*measures])
    parser.add_argument("--json", type=Path, help="also write all figures to this file")
    arguments = parser.parse_args()
    console = Console(soft_wrap=True, highlight=False)
    with tempfile.TemporaryDirectory() as folder:
        found = {name: measures[name](Path(folder), console.print) for name in arguments.only}
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
