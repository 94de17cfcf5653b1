"""The port of a server: its gRPC options, its credentials, and its errors."""

from __future__ import annotations

import grpc

from lipiyana.errors import InvalidRequest
from lipiyana.server.security.tls import server_credentials
from lipiyana.server.settings.model import ServerSettings
from lipiyana.server.tuning import CONNECTIONS


def channel_options(settings: ServerSettings) -> list[tuple[str, int]]:
    """Give the options of gRPC that follow from the settings."""
    calls = settings.max_connections * settings.max_connection_calls
    options = [
        ("grpc.max_receive_message_length", settings.max_message_bytes),
        ("grpc.max_send_message_length", settings.max_message_bytes),
        # the window of a stream does not grow with the bandwidth of its connection (to 64 MB by
        # gRPC's own reckoning): what nobody has asked for stays small
        ("grpc.http2.bdp_probe", 0),
        ("grpc.http2.lookahead_bytes", CONNECTIONS.window_bytes),
        ("grpc.max_allowed_incoming_connections", settings.max_connections),
        # gRPC refuses more, and counts calls that were reset until they are cleared away
        ("grpc.max_concurrent_streams", settings.max_connection_calls),
        ("grpc.max_metadata_size", CONNECTIONS.max_metadata_bytes),
        ("grpc.absolute_max_metadata_size", CONNECTIONS.max_metadata_bytes),
        # calls that the server has not taken yet: those beyond it would be CANCELLED without a
        # reason, so it is what all connections may have, and never reached
        ("grpc.server.max_pending_requests", calls),
        ("grpc.server.max_pending_requests_hard_limit", calls),
        ("grpc.server_handshake_timeout_ms", CONNECTIONS.handshake_seconds * 1000),
        ("grpc.http2.settings_timeout", CONNECTIONS.handshake_seconds * 1000),
        ("grpc.max_connection_idle_ms", CONNECTIONS.idle_seconds * 1000),
        # 0 with one worker: otherwise a second server would share the port silently
        ("grpc.so_reuseport", int(settings.workers > 1)),
        ("grpc.keepalive_time_ms", CONNECTIONS.keepalive_seconds * 1000),
        ("grpc.keepalive_timeout_ms", CONNECTIONS.keepalive_timeout_seconds * 1000),
        ("grpc.http2.min_ping_interval_without_data_ms", CONNECTIONS.least_ping_seconds * 1000),
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
