"""A minimal blocking HTTP/2 client that can send what no gRPC client sends; header names and values
are sent unchanged."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable
from types import TracebackType
from typing import Self

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
END_STREAM, END_HEADERS, ACK = 1, 4, 1
CANCEL = 8
FRAME = 16384

Header = tuple[bytes, bytes]


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return (
        len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload
    )


def literal(text: bytes) -> bytes:
    if len(text) < 127:
        return bytes([len(text)]) + text
    length, rest = b"\x7f", len(text) - 127
    while rest >= 128:
        length, rest = length + bytes([rest % 128 + 128]), rest // 128
    return length + bytes([rest]) + text


def grpc_headers(path: bytes, more: Iterable[Header] = ()) -> bytes:
    """Encode the headers of a call as literals without indexing."""
    fields = [
        (b":method", b"POST"), (b":scheme", b"http"), (b":path", path), (b":authority", b"x"),
        (b"te", b"trailers"), (b"content-type", b"application/grpc"), *more,
    ]  # fmt: skip
    return b"".join(b"\0" + literal(name) + literal(value) for name, value in fields)


def message(data: bytes, *, size: int | None = None) -> bytes:
    """Encode a gRPC message; its prefix may declare another size."""
    return b"\0" + (len(data) if size is None else size).to_bytes(4, "big") + data


class RawConnection:
    """A connection that tracks the flow-control windows given by the server."""

    def __init__(self, target: str, timeout: float) -> None:
        host, _, port = target.rpartition(":")
        self._socket = socket.create_connection((host, int(port)), timeout=timeout)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(PREFACE)
        self._buffer = b""
        self._next = 1
        self._stream_window = 65535
        self.windows = {0: 65535}
        self.ended: set[int] = set()
        self._acknowledged = 0
        try:
            self.sync()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    def open(self, path: bytes, more: Iterable[Header] = (), *, end: bool = False) -> int:
        """Start a call; return its stream id."""
        stream, self._next = self._next, self._next + 2
        self.windows[stream] = self._stream_window
        flags = END_HEADERS | (END_STREAM if end else 0)
        self._socket.sendall(frame(HEADERS, flags, stream, grpc_headers(path, more)))
        return stream

    def read_nothing(self) -> None:
        """Set the receive window to 0, so that the server can send only headers and trailers."""
        self._socket.sendall(frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 0)))
        self.sync()

    def reset(self, stream: int) -> None:
        self._socket.sendall(frame(RST_STREAM, 0, stream, CANCEL.to_bytes(4, "big")))

    def send(self, stream: int, data: bytes, *, end: bool = False) -> None:
        for window in (0, stream):
            self.windows[window] -= len(data)
        self._socket.sendall(frame(DATA, END_STREAM if end else 0, stream, data))

    def room(self, stream: int) -> int:
        """Return the bytes that a stream may send now, in one frame."""
        return min(self.windows[0], self.windows[stream], FRAME)

    def wait_for_end(self, stream: int) -> bytes:
        """Wait until the server ends a call; return its headers."""
        headers = b""
        while stream not in self.ended:
            headers += self._take(HEADERS, stream)
        return headers

    def sync(self) -> None:
        """Wait until the server has read everything sent before."""
        before = self._acknowledged
        self._socket.sendall(frame(SETTINGS, 0, 0))
        while self._acknowledged == before:
            self._take()

    def wait_for_room(self, stream: int) -> int:
        """Wait until a stream may send more; return 0 if the call has ended."""
        while not self.room(stream) and stream not in self.ended:
            self._take()
        return 0 if stream in self.ended else self.room(stream)

    def _take(self, wanted: int = -1, stream: int = 0) -> bytes:
        """Read and handle a frame; return its payload if it is of the wanted type and stream."""
        head = self._read(9)
        kind, flags = head[3], head[4]
        at = int.from_bytes(head[5:], "big")
        payload = self._read(int.from_bytes(head[:3], "big"))
        if kind == SETTINGS and not flags & ACK:
            for number, value in struct.iter_unpack(">HI", payload):
                if number == 4:
                    for window in self.windows.keys() - {0}:
                        self.windows[window] += value - self._stream_window
                    self._stream_window = value
            self._socket.sendall(frame(SETTINGS, ACK, 0))
        elif kind == SETTINGS:
            self._acknowledged += 1
        elif kind == WINDOW_UPDATE and at in self.windows:
            self.windows[at] += int.from_bytes(payload, "big")
        elif kind == PING and not flags & ACK:
            self._socket.sendall(frame(PING, ACK, 0, payload))
        elif kind == RST_STREAM or (kind in {DATA, HEADERS} and flags & END_STREAM):
            self.ended.add(at)
        return payload if kind == wanted and at == stream else b""

    def _read(self, count: int) -> bytes:
        while len(self._buffer) < count:
            data = self._socket.recv(1 << 16)
            if not data:
                raise ConnectionError("the server closed the connection")
            self._buffer += data
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        return taken
