"""The port of a server: its options, its credentials, and what goes wrong with it."""

from __future__ import annotations

import grpc

from lipiyana.errors import InvalidRequest
from lipiyana.server.rpc.receiving import WINDOW
from lipiyana.server.security.tls import server_credentials
from lipiyana.server.settings.model import ServerSettings

KEEPALIVE_SECONDS = 60
"""A client that vanished without a word is noticed after about this time, and its stream ended."""

KEEPALIVE_TIMEOUT_SECONDS = 20

LEAST_PING_SECONDS = 30
"""Clients that ask more often than this whether the server is there are cut off: half of the time
between their pings, since these do not come in even steps. gRPC's own bound is 5 minutes."""

HANDSHAKE_SECONDS = 20
"""In which a connection must have said what it wants; until then it takes one of the few."""

IDLE_CONNECTION_SECONDS = 60
"""A connection without calls is asked to come anew when it has one: it takes one of the few."""

MAX_METADATA_BYTES = 4096
"""Of a call: a token, `traceparent`, a request id and what proxies add fit several times. No window
holds metadata back, so this and the number of calls alone bound it. gRPC adds 32 bytes a key."""


def channel_options(settings: ServerSettings) -> list[tuple[str, int]]:
    """Give the options of gRPC that follow from the settings."""
    calls = settings.max_connections * settings.max_connection_calls
    options = [
        ("grpc.max_receive_message_length", settings.max_message_bytes),
        ("grpc.max_send_message_length", settings.max_message_bytes),
        # the window of a stream does not grow with the bandwidth of its connection (to 64 MB by
        # gRPC's own reckoning): what nobody has asked for stays small
        ("grpc.http2.bdp_probe", 0),
        ("grpc.http2.lookahead_bytes", WINDOW),
        ("grpc.max_allowed_incoming_connections", settings.max_connections),
        # gRPC refuses more, and counts calls that were reset until they are cleared away
        ("grpc.max_concurrent_streams", settings.max_connection_calls),
        ("grpc.max_metadata_size", MAX_METADATA_BYTES),
        ("grpc.absolute_max_metadata_size", MAX_METADATA_BYTES),
        # calls that the server has not taken yet: those beyond it would be CANCELLED without a
        # reason, so it is what all connections may have, and never reached
        ("grpc.server.max_pending_requests", calls),
        ("grpc.server.max_pending_requests_hard_limit", calls),
        ("grpc.server_handshake_timeout_ms", HANDSHAKE_SECONDS * 1000),
        ("grpc.http2.settings_timeout", HANDSHAKE_SECONDS * 1000),
        ("grpc.max_connection_idle_ms", IDLE_CONNECTION_SECONDS * 1000),
        # with one worker 0, else a second server would share the port in silence
        ("grpc.so_reuseport", int(settings.workers > 1)),
        ("grpc.keepalive_time_ms", KEEPALIVE_SECONDS * 1000),
        ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_SECONDS * 1000),
        ("grpc.http2.min_ping_interval_without_data_ms", LEAST_PING_SECONDS * 1000),
    ]
    if settings.max_connection_age is not None:
        options.append(("grpc.max_connection_age_ms", round(settings.max_connection_age * 1000)))
    return options


def listen(server: grpc.aio.Server, settings: ServerSettings) -> int:
    """Let a server listen as its settings say; gives the port.

    Raises:
        InvalidRequest: the port is taken (PORT_IN_USE), or TLS is not possible with these files
            (INVALID_SETTINGS).
    """
    where = address(settings.host, settings.port)
    credentials = None if settings.tls is None else server_credentials(settings.tls)
    try:
        if credentials is None:
            return int(server.add_insecure_port(where))
        return int(server.add_secure_port(where, credentials))
    except RuntimeError:
        raise port_taken(where) from None


def port_taken(where: str) -> InvalidRequest:
    """Make the error of an address that cannot be had."""
    return InvalidRequest(
        f"cannot listen at {where}: the port is taken, or the address is not this machine's; "
        "choose another `port` or `host`",
        field="port",
        reason="PORT_IN_USE",
    )


def address(host: str, port: int) -> str:
    """Write an address as URLs have it."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
