"""Calls of the HTTP API for tests, by Python's own client and by raw sockets."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from served_fake import PATIENCE, FakeRecognizer

from lipiyana.server import RecognitionServer
from lipiyana.types import RecognitionConfig

JPEG = "image/jpeg"


class SeesConfigs(FakeRecognizer):
    """Keeps the configs that it is asked with."""

    def __init__(self) -> None:
        super().__init__()
        self.configs: list[RecognitionConfig] = []

    def recognize(self, image: Any, config: Any = None, *, timeout: float | None = None) -> Any:
        self.configs.append(config)
        return super().recognize(image, config, timeout=timeout)


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def outcome(self) -> tuple[int, str, str]:
        """The status, code and reason of a problem."""
        assert self.headers["content-type"] == "application/problem+json"
        problem = self.json
        assert problem["status"] == self.status
        return self.status, problem["code"], problem["reason"]


class Http:
    """A client with one connection, which is opened again where the server has closed it."""

    def __init__(self, server: RecognitionServer, token: str = "") -> None:
        assert server.http_port is not None
        self.port = server.http_port
        self._token = token
        self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        own = {"authorization": f"Bearer {self._token}"} if self._token else {}
        self._connection.request(method, path, body, {**own, **(headers or {})})
        answer = self._connection.getresponse()
        names = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(answer.status, names, answer.read())

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Reply:
        return self.call("GET", path, None, headers)

    def post(self, path: str, body: Any, kind: str = JPEG, **headers: str) -> Reply:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.call("POST", path, body, {"content-type": kind, **named})

    def recognize(self, picture: bytes, query: str = "", **headers: str) -> Reply:
        return self.post(f"/v1/recognize{query}", picture, **headers)

    def form(self, path: str, parts: Sequence[tuple[str, bytes]]) -> Reply:
        body, kind = form(parts)
        return self.post(path, body, kind)

    def json(self, path: str, value: Any) -> Reply:
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        return self.post(path, body, "application/json")

    def close(self) -> None:
        self._connection.close()


def form(parts: Sequence[tuple[str, bytes]], boundary: str = "boundary") -> tuple[bytes, str]:
    """The body and the Content-Type of a form."""
    body = b"".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="a.jpg"\r\n'
        f"Content-Type: image/jpeg\r\n\r\n".encode()
        + data
        + b"\r\n"
        for name, data in parts
    )
    return body + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


class Raw:
    """A socket with a buffer."""

    def __init__(self, port: int, *, receive_buffer: int = 0) -> None:
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(("127.0.0.1", port))

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def head(self) -> bytes:
        """Read until the end of an answer's head."""
        found = b""
        while b"\r\n\r\n" not in found and (data := self.socket.recv(1)):
            found += data
        return found

    def answer(self) -> Reply:
        """Read one answer with a Content-Length."""
        head = self.head()
        assert head, "the server has closed the connection"
        lines = head.decode().split("\r\n")
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines[1:] if line)
        }
        size = int(headers.get("content-length", 0))
        body = b""
        while len(body) < size:
            data = self.socket.recv(size - len(body))
            assert data, "the answer is not complete"
            body += data
        return Reply(int(lines[0].split()[1]), headers, body)

    def rest(self) -> bytes:
        """Read until the server closes the connection."""
        found = b""
        try:
            while data := self.socket.recv(65536):
                found += data
        except ConnectionResetError:
            pass
        return found

    def close(self) -> None:
        self.socket.close()


@contextmanager
def raw(server: RecognitionServer, *, receive_buffer: int = 0) -> Iterator[Raw]:
    """Connect to the HTTP port of a server."""
    assert server.http_port is not None
    connection = Raw(server.http_port, receive_buffer=receive_buffer)
    try:
        yield connection
    finally:
        connection.close()


def until(condition: Callable[[], object]) -> None:
    """Wait for what another thread does; fail after a while."""
    pause = threading.Event()
    for _ in range(3000):
        if condition():
            return
        pause.wait(0.01)
    raise AssertionError("it did not happen")


def text_of(reply: Reply) -> str:
    """The one line of text that was read."""
    assert reply.status == 200, reply.body
    (line,) = reply.json["text_lines"]
    return str(line["text"])
