"""What a forwarder does, as metrics of Prometheus. No label has text of a row."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from lipiyana.errors import InvalidRequest
from lipiyana.events.spool.forwarder import Forwarder


class ForwardMetrics(Collector):
    """Looks at a forwarder whenever it is asked; nothing is counted twice."""

    def __init__(self, forwarder: Forwarder) -> None:
        self._forwarder = forwarder

    def collect(self) -> Iterator[Metric]:
        """Give the metrics; see `docs/guides/events.md`."""
        spool, sent = self._forwarder.spool, self._forwarder.counts
        counts = spool.counts
        gauges = {
            "waiting_rows": ("Rows that were not acknowledged.", counts.waiting),
            "waiting_bytes": ("Bytes of these rows in the spool.", counts.waiting_bytes),
            "oldest_seconds": ("Age of the oldest of them; 0 if none waits.", spool.oldest_age()),
        }
        for name, (what, value) in gauges.items():
            yield GaugeMetricFamily(f"lipiyana_forward_{name}", what, value)
        totals = {
            "spooled_rows": ("Rows that came into the spool.", counts.spooled),
            "sent_rows": ("Rows that the receiver has taken.", sent.sent),
            "sent_bytes": ("Bytes of messages that it has taken.", sent.bytes_sent),
            "refused_rows": ("Rows that it will never take.", sent.refused),
            "failed_messages": ("Messages that were not acknowledged.", sent.failures),
        }
        for name, (what, value) in totals.items():
            yield CounterMetricFamily(f"lipiyana_forward_{name}", what, value)
        dropped = CounterMetricFamily(
            "lipiyana_forward_dropped_rows", "Rows that were not sent.", labels=["reason"]
        )
        reasons = {
            "full": counts.dropped_full,
            "old": counts.dropped_old,
            "large": counts.dropped_large,
            "disk": sent.lost,
        }
        for reason, value in reasons.items():
            dropped.add_metric([reason], value)
        yield dropped


def serve_metrics(forwarder: Forwarder, host: str, port: int) -> tuple[int, Callable[[], None]]:
    """Serve the metrics over HTTP; return the port and what stops it.

    Args:
        forwarder: whose metrics.
        host: address to listen on.
        port: 0 chooses a free one.

    Raises:
        InvalidRequest: the port is in use, or the host is not an address of this machine.
    """
    registry = CollectorRegistry()
    registry.register(ForwardMetrics(forwarder))
    try:
        server, thread = start_http_server(port, host, registry)
    except OSError as error:
        raise InvalidRequest(
            f"metrics cannot be served at {host}:{port} ({error.strerror or error}); choose "
            "another --metrics-port or --metrics-host",
            field="metrics_port",
            reason="PORT_IN_USE",
        ) from None

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return int(server.server_port), stop
