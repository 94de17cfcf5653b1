"""The identity of a caller: the name of its key, or else its address."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import unquote

from lipiyana.server.queue.rate_limits import TokenBucket
from lipiyana.server.queue.sources import Kind, Source
from lipiyana.server.telemetry.tracing import Span


@dataclass(frozen=True, slots=True)
class Grant:
    """What a key allows; `bucket` is None if the key has no limit."""

    name: str
    bucket: TokenBucket | None


@dataclass(frozen=True, slots=True)
class Entry:
    """The key of an authenticated call.

    Attributes:
        name: name of the key.
        grant: returns the current `Grant` of the key; raises Unauthenticated if it was removed.
    """

    name: str
    grant: Callable[[], Grant]


current_entry: ContextVar[Entry | None] = ContextVar("lipiyana_entry", default=None)
"""The entry of the current call; None if the server needs no keys."""


@dataclass(slots=True)
class Caller:
    """One call as the service sees it.

    Attributes:
        request_id: names the call in logs, errors and traces.
        client: name of its key, or its address without the port.
        deadline: by `time.monotonic()`; None if the caller set none.
        entry: its authenticated key; None if the server needs no keys.
        span: its span in a trace.
        pictures: number of pictures that it has requested so far.
    """

    request_id: str
    client: str
    deadline: float | None
    entry: Entry | None
    span: Span
    pictures: int = 0

    def source(self, kind: Kind) -> Source:
        """The source of its work in the queue."""
        return Source(kind, self.client)

    def spend(self, pictures: int) -> None:
        """Count pictures against the rate limit of the key.

        Raises:
            Overloaded: the rate limit is exceeded (RATE_LIMITED).
            Unauthenticated: the key was removed since the call began.
        """
        bucket = None if self.entry is None else self.entry.grant().bucket
        if bucket is not None:
            bucket.spend(pictures)
        self.pictures += pictures


def address_of(peer: str) -> str:
    """The address of a gRPC peer without its port.

    Example:
        >>> address_of("ipv4:192.0.2.7:4711"), address_of("ipv6:%5B::1%5D:4711")
        ('192.0.2.7', '::1')
    """
    kind, _, rest = peer.partition(":")
    if kind not in {"ipv4", "ipv6"}:
        return peer
    return plain_address(unquote(rest.rpartition(":")[0]).strip("[]"))


def plain_address(host: str) -> str:
    """An address as all transports write it: an IPv4 address that is mapped to IPv6 as IPv4."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)
