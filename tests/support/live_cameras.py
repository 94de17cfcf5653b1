"""Cameras on loopback: an RTSP server in a process of its own, and what answers with garbage."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import cv2
import numpy as np

RATE = 10


def write_plain_video(
    path: Path, grey: int, *, codec: str = "libx264", size: tuple[int, int] = (320, 240),
    frames: int = 20,
) -> None:  # fmt: skip
    """Write a video whose frames are of one grey that becomes lighter by a level each."""
    width, height = size
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=RATE)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.gop_size = RATE
        stream.options = {"preset": "ultrafast", "tune": "zerolatency"}
        for number in range(frames):
            pixels = np.full((height, width, 3), grey + number, np.uint8)
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


class RtspCamera:
    """Serves the videos of a folder: each at its speed, from its beginning, to whoever connects."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._process: subprocess.Popen[bytes] | None = None

    def address(self, name: str) -> str:
        return f"rtsp://127.0.0.1:{self.port}/{name}"

    def start(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, str(folder), str(self.port)], stdout=subprocess.PIPE
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"serving\n"

    def freeze(self) -> None:
        """Answer nothing more; connections stay."""
        self._send(signal.SIGSTOP)

    def go_on(self) -> None:
        self._send(signal.SIGCONT)

    def pull_cable(self) -> None:
        """Be gone from one moment to the next."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            if self._process.stdout is not None:
                self._process.stdout.close()
            self._process = None

    def _send(self, number: int) -> None:
        assert self._process is not None
        os.kill(self._process.pid, number)


class _Garbage(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        with contextlib.suppress(OSError):
            self.request.recv(1000)
            self.request.sendall(self.server.data)  # type: ignore[attr-defined]


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    data = b""


@contextlib.contextmanager
def answers(port: int, data: bytes) -> Iterator[None]:
    """Answer whatever comes with some bytes, and hang up."""
    with _Server(("127.0.0.1", port), _Garbage) as server:
        server.data = data
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


class _Web(BaseHTTPRequestHandler):
    recording = b""
    pictures: tuple[bytes, ...] = ()

    def do_GET(self) -> None:
        with contextlib.suppress(OSError):
            if self.path == "/recording.mp4":
                self._answer("video/mp4", len(self.recording))
                self.wfile.write(self.recording)
                return
            self._answer("multipart/x-mixed-replace; boundary=next", None)
            for picture in self.pictures:
                head = (
                    f"--next\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
                )
                self.wfile.write(head.encode() + picture + b"\r\n")

    def _answer(self, kind: str, length: int | None) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def web_camera(recording: bytes = b"", greys: tuple[int, ...] = ()) -> Iterator[str]:
    """Serve a recording at /recording.mp4 and JPEG pictures elsewhere, as cheap cameras do."""
    pictures = []
    for grey in greys:
        encoded, data = cv2.imencode(".jpg", np.full((120, 160, 3), grey, np.uint8))
        assert encoded
        pictures.append(data.tobytes())
    handler = type("Web", (_Web,), {"recording": recording, "pictures": tuple(pictures)})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


async def _serve(folder: str, port: int) -> None:
    from aio_rtsp_toolkit.server import RtspServer

    server = RtspServer(folder, host="127.0.0.1", port=port)
    await server.start()
    sys.__stdout__.write("serving\n")  # type: ignore[union-attr]
    sys.__stdout__.flush()  # type: ignore[union-attr]
    # nobody reads what it says later
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    await asyncio.Event().wait()


if __name__ == "__main__":
    # what it logs while it starts must not come before the line that is waited for
    sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    asyncio.run(_serve(sys.argv[1], int(sys.argv[2])))
