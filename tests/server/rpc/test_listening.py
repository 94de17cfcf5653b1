from __future__ import annotations

from lipiyana.server import ServerSettings
from lipiyana.server.rpc.grpc_server import channel_options


def test_clients_may_send_a_keepalive_ping_once_a_minute() -> None:
    options = dict(channel_options(ServerSettings()))
    assert options["grpc.http2.min_ping_interval_without_data_ms"] == 30_000
    assert options["grpc.keepalive_time_ms"] + options["grpc.keepalive_timeout_ms"] == 80_000


def test_no_call_is_dropped_before_the_handler() -> None:
    options = dict(channel_options(ServerSettings(max_connections=7, max_connection_calls=11)))
    assert options["grpc.server.max_pending_requests"] == 77
    assert options["grpc.server.max_pending_requests_hard_limit"] == 77
