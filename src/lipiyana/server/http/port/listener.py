"""The port of the HTTP API: accepts connections, and closes them within a time.

It runs uvicorn's protocols on the event loop of the gRPC server. Connections are accepted here, so
that they are limited before anything is allocated for them, TLS included.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from contextlib import suppress
from typing import Any

from uvicorn.config import Config

from lipiyana.server.http.port.connections import Connection, Connections
from lipiyana.server.http.port.protocols import HttpProtocol, State, StreamProtocol
from lipiyana.server.http.tuning import REST
from lipiyana.server.rpc.grpc_server import http_port_taken
from lipiyana.server.security.callers import plain_address
from lipiyana.server.security.tls import ReloadedTLS
from lipiyana.server.settings.model import ServerSettings


class HttpListener:
    """Serves an ASGI application at `settings.http_port`. Belongs to one event loop."""

    def __init__(self, app: Any, settings: ServerSettings, port: int) -> None:
        """Bind the port; 0 chooses a free one. Nothing is accepted yet.

        Raises:
            InvalidRequest: the port is in use (PORT_IN_USE), or the TLS files are invalid
                (INVALID_SETTINGS).
        """
        self._tls = None if settings.tls is None else ReloadedTLS(settings.tls)
        self._connections = Connections(settings.max_connections)
        self._state = State(self._connections)
        self._config = Config(
            app,
            ws=StreamProtocol,
            lifespan="off",
            interface="asgi3",
            proxy_headers=False,
            access_log=False,
            log_config=None,
            ws_max_size=settings.max_message_bytes,
            ws_per_message_deflate=False,
        )
        self._config.load()
        # its lines may have addresses and queries, and clients can cause any number of them
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL + 1)
        self._socket = bound_socket(settings.host, port, is_shared=settings.workers > 1)
        self.port = int(self._socket.getsockname()[1])
        self._accepting: asyncio.Task[None] | None = None
        self._opening: set[asyncio.Task[Any]] = set()

    @property
    def connections(self) -> int:
        """Number of open connections."""
        return len(self._connections)

    def start(self) -> None:
        """Accept connections."""
        self._accepting = asyncio.create_task(self._accept())

    def close_port(self) -> None:
        """Accept no more, and close each connection when its request is answered."""
        if self._accepting is not None:
            self._accepting.cancel()
        self._socket.close()
        for protocol in tuple(self._state.connections):
            if isinstance(protocol, HttpProtocol):
                protocol.shutdown()

    async def finish(self, within: float) -> None:
        """Wait for the answers until `within` seconds are over, then cut off what is left."""
        self.close_port()
        if self._state.tasks:
            await asyncio.wait(tuple(self._state.tasks), timeout=within)
        with suppress(TimeoutError):
            async with asyncio.timeout(min(within, REST.linger_seconds)):
                await self._connections.none_left()
        for connection in self._connections.all():
            connection.abort()
        if self._opening:
            await asyncio.wait(tuple(self._opening))
        if self._accepting is not None:
            await asyncio.wait([self._accepting])

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                accepted, peer = await loop.sock_accept(self._socket)
            except OSError:  # no file descriptor is free, or the client has disconnected
                await asyncio.sleep(REST.no_file_seconds)
                continue
            address = plain_address(peer[0])
            connection = Connection(address, f"http:{address}:{peer[1]}", accepted)
            if not self._connections.admit(connection):
                accepted.close()
                continue
            task = loop.create_task(self._open(connection, accepted))
            connection.handshaking(task)
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    async def _open(self, connection: Connection, accepted: socket.socket) -> None:
        """Make the protocol of a connection, after the handshake of TLS if there is one."""
        connection.has_begun = True
        loop = asyncio.get_running_loop()
        tls = None if self._tls is None else self._tls.context()
        limits = {
            "ssl_handshake_timeout": REST.handshake_seconds,
            "ssl_shutdown_timeout": REST.linger_seconds,
        }
        try:
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await loop.connect_accepted_socket(
                lambda: HttpProtocol(self._config, self._state, connection),
                accepted,
                ssl=tls,
                **(limits if tls is not None else {}),
            )
        except (OSError, asyncio.CancelledError):  # ssl.SSLError is an OSError
            self._connections.leave(connection)
            accepted.close()


def bound_socket(host: str, port: int, *, is_shared: bool) -> socket.socket:
    """Bind a socket for HTTP; one that is shared lets other processes bind the same port.

    Raises:
        InvalidRequest: the port is in use, or the host is not of this machine (PORT_IN_USE).
    """
    is_ipv6 = ":" in host
    made = socket.socket(socket.AF_INET6 if is_ipv6 else socket.AF_INET, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if is_shared:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if is_ipv6:
            with suppress(OSError):
                made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        made.bind((host, port))
        made.listen(REST.backlog)  # two sockets may bind a port, but not listen
    except OSError as error:
        made.close()
        raise http_port_taken(host, port, error) from None
    made.setblocking(False)
    return made
