"""The gRPC server: options, port, and protection against calls of unknown methods.

`grpc.aio` (1.85) decodes the path of a call as UTF-8 in the loop that accepts calls. A path that is
not UTF-8 raises an error there and shuts down the whole server, so a single call without a token
would be enough. Registered methods are matched earlier, by their bytes. So all methods are
registered, and all other calls are rejected here without decoding their path.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Sequence
from typing import Any

import grpc
from grpc._cython import cygrpc
from grpc.aio import _server as grpc_aio_server

from lipiyana.errors import InvalidRequest
from lipiyana.server.queue.pace import Pace
from lipiyana.server.security.tls import server_credentials
from lipiyana.server.settings.model import ServerSettings
from lipiyana.server.telemetry.line_limit import LineLimit
from lipiyana.server.tuning import CONNECTIONS

NO_SUCH_METHOD = "this server has no such method: use lipiyana.v1 or grpc.health.v1"

_GRPC_LOG = "grpc._cython.cygrpc"
_log = logging.getLogger("lipiyana.server")


class _AioServer(cygrpc.AioServer):  # type: ignore[misc]
    """Rejects calls of methods that are not registered."""

    refused: Callable[[], None] | None = None
    pace: Pace

    async def _request_call(self) -> Any:
        """Reject calls of unknown methods until the server shuts down."""
        loop = asyncio.get_running_loop()
        refusals: set[asyncio.Task[None]] = set()
        while True:
            state = await super()._request_call()
            task = loop.create_task(self._refuse(cygrpc._ServicerContext(state, None, None, loop)))
            refusals.add(task)
            task.add_done_callback(refusals.discard)

    async def _refuse(self, context: Any) -> None:
        if self.refused is not None:
            self.refused()
        await self.pace.turn(context.peer())
        try:
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, NO_SUCH_METHOD)
        except cygrpc.AbortError as aborted:
            aborted.__traceback__ = None  # avoids a reference cycle with the call
        except cygrpc.BaseError:
            pass  # the caller has disconnected, or the server has ended


def _shorten(record: logging.LogRecord) -> bool:
    """Shorten records that callers can cause, and limit their number.

    gRPC would quote metadata that is not UTF-8, which may be a token. It would log a caller that
    disconnects before it has read its answer as an error, with a traceback.
    """
    if record.exc_info is not None and record.exc_info[0] is cygrpc.ExecuteBatchError:
        record.msg, record.args = "a caller disconnected before it had read its answer", ()
        record.levelno, record.levelname = logging.INFO, logging.getLevelName(logging.INFO)
        record.exc_info = record.exc_text = None
        return _not_taken.allows()
    if str(record.msg).startswith("Invalid encoding"):
        record.msg, record.args = "a call has metadata that is not UTF-8", ()
        record.exc_info = record.exc_text = None
        return _not_utf8.allows()
    return True


def _tell_not_utf8(calls: int) -> None:
    _log.error("%d more calls had metadata that is not UTF-8", calls)


def _tell_not_taken(calls: int) -> None:
    _log.info("%d more callers disconnected before they had read their answers", calls)


_not_taken = LineLimit(_tell_not_taken)
_not_utf8 = LineLimit(_tell_not_utf8)  # one for the process, like gRPC's logger


def make_server(
    interceptors: Sequence[grpc.aio.ServerInterceptor],
    options: Sequence[tuple[str, int]],
    *,
    refused: Callable[[], None],
    pace: Pace,
) -> grpc.aio.Server:
    """Create a server that only serves registered methods (`add_registered_method_handlers`).

    Args:
        interceptors: interceptors of the registered methods.
        options: channel options of gRPC.
        refused: called for each call of an unknown method.
        pace: slows down the rejection of these calls.
    """
    logging.getLogger(_GRPC_LOG).addFilter(_shorten)  # once, however often it is added
    try:
        core = _AioServer(
            cygrpc.get_working_loop(), None, (), tuple(interceptors), tuple(options), None
        )
    except TypeError:  # another version of grpcio, which may have fixed the error
        _log.warning(
            "this version of grpcio is unknown: a call with a malformed path may end the server"
        )
        return grpc.aio.server(interceptors=interceptors, options=options)
    core.refused, core.pace = refused, pace
    server: Any = grpc_aio_server.Server.__new__(grpc_aio_server.Server)
    server._loop, server._server = cygrpc.get_working_loop(), core
    return server  # type: ignore[no-any-return]


def channel_options(settings: ServerSettings) -> list[tuple[str, int]]:
    """The gRPC options that follow from the settings."""
    calls = settings.max_connections * settings.max_connection_calls
    options = [
        ("grpc.max_receive_message_length", settings.max_message_bytes),
        ("grpc.max_send_message_length", settings.max_message_bytes),
        # otherwise gRPC would enlarge the window of a stream with the bandwidth of its connection,
        # up to 64 MB of a message that the server has not asked for
        ("grpc.http2.bdp_probe", 0),
        ("grpc.http2.lookahead_bytes", CONNECTIONS.window_bytes),
        ("grpc.max_allowed_incoming_connections", settings.max_connections),
        # gRPC refuses more, and counts calls that were reset until they are cleared away
        ("grpc.max_concurrent_streams", settings.max_connection_calls),
        ("grpc.max_metadata_size", CONNECTIONS.max_metadata_bytes),
        ("grpc.absolute_max_metadata_size", CONNECTIONS.max_metadata_bytes),
        # calls that the server has not accepted yet; more would be CANCELLED without a reason, so
        # the limit is the maximum of all connections together, which is never exceeded
        ("grpc.server.max_pending_requests", calls),
        ("grpc.server.max_pending_requests_hard_limit", calls),
        ("grpc.server_handshake_timeout_ms", CONNECTIONS.handshake_seconds * 1000),
        ("grpc.http2.settings_timeout", CONNECTIONS.handshake_seconds * 1000),
        ("grpc.max_connection_idle_ms", CONNECTIONS.idle_seconds * 1000),
        # 0 with one worker: otherwise a second server would silently share the port
        ("grpc.so_reuseport", int(settings.workers > 1)),
        ("grpc.keepalive_time_ms", CONNECTIONS.keepalive_seconds * 1000),
        ("grpc.keepalive_timeout_ms", CONNECTIONS.keepalive_timeout_seconds * 1000),
        ("grpc.http2.min_ping_interval_without_data_ms", CONNECTIONS.least_ping_seconds * 1000),
    ]
    if settings.max_connection_age is not None:
        options.append(("grpc.max_connection_age_ms", round(settings.max_connection_age * 1000)))
    return options


def listen(server: grpc.aio.Server, settings: ServerSettings) -> int:
    """Let a server listen at the address of its settings; return the port.

    Raises:
        InvalidRequest: the port is in use (PORT_IN_USE), or the TLS files are invalid
            (INVALID_SETTINGS).
    """
    where = address(settings.host, settings.port)
    credentials = None if settings.tls is None else server_credentials(settings.tls)
    if settings.workers == 1 and not _can_bind(settings.host, settings.port):
        raise port_taken(where)
    try:
        if credentials is None:
            return int(server.add_insecure_port(where))
        return int(server.add_secure_port(where, credentials))
    except RuntimeError:
        raise port_taken(where) from None


def _can_bind(host: str, port: int) -> bool:
    """Say whether an address can be bound: gRPC writes a line to standard error if it cannot."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError:
        return False
    for family, kind, protocol, _, where in found:
        try:
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(where)
                return True
        except OSError:
            continue
    return False


def port_taken(where: str) -> InvalidRequest:
    """Create the error of an address that cannot be bound."""
    return InvalidRequest(
        f"cannot listen at {where}: the port is taken, or the address is not of this machine; "
        "choose another `port` or `host`",
        field="port",
        reason="PORT_IN_USE",
    )


def http_port_taken(host: str, port: int, error: OSError) -> InvalidRequest:
    """Create the error of an HTTP port that cannot be bound."""
    number = error.errno or 0  # negative for a host name that cannot be resolved
    why = os.strerror(number) if number > 0 else str(error)
    return InvalidRequest(
        f"HTTP cannot be served at {host}:{port}: {why}; choose another `http_port` or `host`",
        field="http_port",
        reason="PORT_IN_USE",
    )


def address(host: str, port: int) -> str:
    """Format an address as in URLs, with IPv6 addresses in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
