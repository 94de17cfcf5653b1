"""What holds for every answer: pieces that the client must read in time, headers, origins."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any

from lipiyana.server.http.port.connections import Connection
from lipiyana.server.http.requests.exchange import Scope, headers_of_scope
from lipiyana.server.http.tuning import REST

_SAFE = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)
_API_POLICY = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")


class ClientGone(Exception):
    """The client does not read its answer, or has disconnected."""


class Cors:
    """The foreign origins whose pages may call."""

    def __init__(self, origins: Collection[str]) -> None:
        """Allow `origins`, such as `https://app.example`."""
        self._origins = frozenset(origins)

    def allows(self, scope: Scope) -> bool:
        """Whether a request is from no page, from this server's page, or from an allowed one."""
        headers = headers_of_scope(scope)
        origin = headers.get("origin")
        if origin is None or origin in self._origins:
            return True
        scheme = {"wss": "https", "https": "https"}.get(scope["scheme"], "http")
        return origin == f"{scheme}://{headers.get('host', '')}"

    def is_preflight(self, scope: Scope) -> bool:
        """Whether a browser asks if a page of an allowed origin may send its request."""
        headers = headers_of_scope(scope)
        return (
            scope["method"] == "OPTIONS"
            and "access-control-request-method" in headers
            and headers.get("origin") in self._origins
        )

    def headers(self, scope: Scope) -> list[tuple[bytes, bytes]]:
        """The headers that let a page of an allowed origin read the answer."""
        if not self._origins:
            return []
        vary = (b"vary", b"Origin")
        origin = headers_of_scope(scope).get("origin")
        if origin not in self._origins:
            return [vary]
        found = [
            vary,
            (b"access-control-allow-origin", origin.encode("latin-1")),
            (b"access-control-expose-headers", b"x-request-id, retry-after"),
        ]
        if self.is_preflight(scope):
            found += [
                (b"access-control-allow-methods", b"GET, POST"),
                (
                    b"access-control-allow-headers",
                    b"authorization, content-type, x-deadline-seconds, x-request-id",
                ),
                (b"access-control-max-age", b"600"),
            ]
        return found


def sent_with_care(scope: Scope, send: Any, cors: Cors) -> Any:
    """Wrap an ASGI `send`.

    A body is sent in pieces; if the client does not read one in time, the connection is closed and
    `ClientGone` is raised. A request whose body was not received ends its connection.
    """
    connection: Connection = scope["state"]["connection"]

    async def send_in_time(message: Any) -> None:
        try:
            async with asyncio.timeout(REST.answer_seconds):
                await send(message)
        except TimeoutError:
            connection.abort()
            raise ClientGone from None

    async def careful(message: Any) -> None:
        if message["type"] == "http.response.start":
            own = dict(message["headers"])
            headers = [*message["headers"], *cors.headers(scope)]
            headers += [header for header in _SAFE if header[0] not in own]
            if _API_POLICY[0] not in own:
                headers.append(_API_POLICY)
            if connection.has_unread_body():
                headers.append((b"connection", b"close"))
            await send_in_time({**message, "headers": headers})
            return
        body = memoryview(message.get("body", b""))
        more = message.get("more_body", False)
        for begin in range(0, max(1, len(body)), REST.piece_bytes):
            piece = bytes(body[begin : begin + REST.piece_bytes])
            is_last = begin + REST.piece_bytes >= len(body)
            await send_in_time({**message, "body": piece, "more_body": more or not is_last})

    return careful
