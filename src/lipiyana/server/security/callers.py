"""Who calls: the name of the key that the call used, or else its address."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass

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
    """How a call was let in.

    Attributes:
        name: of its key.
        grant: gives what the key allows now; raises Unauthenticated where it was withdrawn.
    """

    name: str
    grant: Callable[[], Grant]


current_entry: ContextVar[Entry | None] = ContextVar("lipiyana_entry", default=None)
"""Of the call that is being handled; None where the server asks for no key."""


@dataclass(slots=True)
class Caller:
    """One call as the service sees it.

    Attributes:
        request_id: names the call in logs, errors and traces.
        client: name of its key, or the address without the port.
        deadline: by `time.monotonic()`; None where the caller set none.
        entry: of its key; None if the server needs no keys.
        span: its span in a trace.
        pictures: how many it asked for so far.
    """

    request_id: str
    client: str
    deadline: float | None
    entry: Entry | None
    span: Span
    pictures: int = 0

    def source(self, kind: Kind) -> Source:
        """Give the source of its work in the queue."""
        return Source(kind, self.client)

    def spend(self, pictures: int) -> None:
        """Count pictures against the limit of the key.

        Raises:
            Overloaded: the key has used up its rate (RATE_LIMITED).
            Unauthenticated: the key was withdrawn since the call began.
        """
        bucket = None if self.entry is None else self.entry.grant().bucket
        if bucket is not None:
            bucket.spend(pictures)
        self.pictures += pictures


def address_of(peer: str) -> str:
    """Give the address of a gRPC peer (`ipv4:192.0.2.7:4711`) without its port."""
    kind, _, rest = peer.partition(":")
    return rest.rpartition(":")[0] if kind in {"ipv4", "ipv6"} else peer
