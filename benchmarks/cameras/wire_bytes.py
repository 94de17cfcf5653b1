"""Bytes that a camera sends in an hour: rows alone, rows with crops, and every frame as JPEG.

    python benchmarks/cameras/wire_bytes.py [--pause 18]

Runs `lipiyana watch --power balanced` on the drawn street (three vehicles, and `--pause` seconds in
which nothing moves before, between and after them) with a receiver on loopback behind a proxy that
counts what goes through it, both ways: HTTP with its headers, without TLS and the headers of TCP.
Frames are those that `balanced` looks at, five a second, each posted as JPEG of quality 90.
"""

from __future__ import annotations

import argparse
import io
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import av
import urllib3
from PIL import Image
from street_video import write_video

sys.path.append(str(Path(__file__).parents[2] / "tests" / "support"))

from row_receiver import receiving

_RATE = 10
_LOOKED_AT = 5
_JPEG_QUALITY = 90
_CAR_SECONDS = 2.0
_VEHICLES = 3


class Meter:
    """Counts the bytes of connections that it passes on."""

    def __init__(self) -> None:
        self.bytes = 0
        self.port = 0

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        while data := source.recv(1 << 16):
            self.bytes += len(data)
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)

    def serve(self, listener: socket.socket, port: int) -> None:
        """Pass on connections until the listener is closed."""
        while True:
            try:
                came, _ = listener.accept()
            except OSError:
                return
            onward = socket.create_connection(("127.0.0.1", port))
            for ends in ((came, onward), (onward, came)):
                threading.Thread(target=self._pump, args=ends, daemon=True).start()


@contextmanager
def metered(url: str) -> Iterator[Meter]:
    """Put a meter before a receiver."""
    meter = Meter()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        meter.port = listener.getsockname()[1]
        port = urlsplit(url).port
        assert port is not None
        threading.Thread(target=meter.serve, args=(listener, port), daemon=True).start()
        yield meter
        listener.shutdown(socket.SHUT_RDWR)


def watched(video: Path, folder: Path, options: list[str]) -> tuple[int, int]:
    """Watch a video; return the bytes on the wire and the rows that came."""
    with receiving() as receiver, metered(receiver.url) as meter:
        command = [
            sys.executable, "-m", "lipiyana", "watch", str(video), "--power", "balanced",
            "--output", str(folder / "rows.jsonl"), "--spool", str(folder / "spool"),
            "--forward", f"http://127.0.0.1:{meter.port}/rows", *options,
        ]  # fmt: skip
        folder.mkdir()
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        return meter.bytes, len(receiver.rows)


def posted(video: Path) -> tuple[int, int]:
    """Post each frame as JPEG; return the bytes on the wire and the frames."""
    frames = 0
    with receiving() as receiver, metered(receiver.url) as meter, av.open(str(video)) as container:
        receiver.answer = lambda _: 404  # they are no rows, and are not kept
        pool = urllib3.HTTPConnectionPool("127.0.0.1", meter.port, maxsize=1)
        for number, frame in enumerate(container.decode(video=0)):
            if number % (_RATE // _LOOKED_AT):
                continue
            encoded = io.BytesIO()
            pixels = frame.to_ndarray(format="rgb24")
            Image.fromarray(pixels).save(encoded, "JPEG", quality=_JPEG_QUALITY)
            pool.urlopen(
                "POST", "/", body=encoded.getvalue(), headers={"Content-Type": "image/jpeg"}
            )
            frames += 1
        pool.close()
        return meter.bytes, frames


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--pause", type=float, default=18.0, help="seconds between the vehicles")
    arguments = parser.parse_args()
    modes = {
        "rows alone": [],
        "rows and crops of plates, WebP 50": ["--crops", "50", "--features", "plates,vehicles"],
        "rows and crops of plates and text, WebP 50": ["--crops", "50"],
        "rows and crops of plates and text, WebP 80": ["--crops", "80"],
    }
    with TemporaryDirectory() as name:
        folder = Path(name)
        video = folder / "street.mp4"
        write_video(video, _RATE, pause=arguments.pause)
        seconds = (_VEHICLES + 1) * arguments.pause + _VEHICLES * _CAR_SECONDS
        hours = seconds / 3600
        print(f"{_VEHICLES / hours:.0f} vehicles an hour; video of {seconds:.0f} s, 1280x720\n")
        print("| what is sent | messages' content | bytes an hour |\n| --- | ---: | ---: |")
        for number, (mode, options) in enumerate(modes.items()):
            sent, rows = watched(video, folder / str(number), options)
            print(f"| {mode} | {rows} rows | {sent / hours:,.0f} |", flush=True)
        sent, frames = posted(video)
        print(f"| every frame looked at, JPEG 90 | {frames} frames | {sent / hours:,.0f} |")


if __name__ == "__main__":
    main()
